// A multipart body as receivers read it.

#include "waf/core/multipart_view.hpp"

#include <string>
#include <vector>

#include "cmocka.hpp"
#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf;

void boundaries(void**) {
    struct Case {
        std::string type, boundary;
    };
    for (const Case& one : std::vector<Case>{
             {"multipart/form-data; boundary=XyZ", "XyZ"},
             {"multipart/form-data; Boundary = \"XyZ\"; a=b", "XyZ"},
             {"multipart/form-data; boundary=XyZ;a", "XyZ"},
             {"multipart/form-data", ""},
             {"multipart/form-data; boundary", ""},
             {"multipart/form-data; boundary=", ""},
         }) {
        expect_text(multipart_boundary(one.type), one.boundary, one.type);
    }
}

std::string joined(const MultipartView& view) {
    std::string all;
    for (const MultipartField& field : view.fields()) {
        all.append("[").append(field.name).append("=").append(field.text).append("]");
    }
    return all;
}

void fields(void**) {
    const std::string field = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
    const std::string file = "Content-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n";
    struct Case {
        std::string body, fields;
    };
    for (const Case& one : std::vector<Case>{
             {"--X\r\n" + field + "1\r\n2\r\n--X--\r\n", "[a=1\r\n2]"},
             {"--X\n" + field + "1\n\n2\n--X--", "[a=1\n\n2]"},
             {"--X\r\n" + field + "one line\r\n--X--\r\n", "[a=one line]"},
             {"--X\r\n" + file + "1\r\n2\r\n--X--\r\n", ""},
             {"front\r\n--X\r\n" + field + "\r\n1\r\n--X\r\n" + field + "2\r\n\r\n--X--",
              "[a=\r\n1][a=2\r\n]"},
             {"--X\r\n" + field + "1\r\n--X--\r\n--X\r\n" + field + "2\r\n--X--\r\n", "[a=1]"},
             {"--X\r\n" + field + "1\r\n--X \r\n--Xy\r\n--X--\r\n", "[a=1\r\n--X \r\n--Xy]"},
             {"--X\r\n" + field + "1\r\n2", ""},
             {"--X\r\n", ""},
             {"", ""},
         }) {
        const MultipartView view(one.body, "X");
        expect_text(joined(view), one.fields, one.body);
        expect_text(view.doubt(), "", one.body);
    }
    expect_text(joined(MultipartView("--X\r\n" + field + "1\r\n2\r\n--X--", "")), "",
                "no boundary");
}

void heads(void**) {
    struct Case {
        std::string disposition, fields;
    };
    for (const Case& one : std::vector<Case>{
             {"form-data; name=\"filename\"", "[filename=1]"},
             {"form-data; name=\"a\"; filename=\"\"", "[a=1]"},
             {"form-data; name=\"a\"; filename=''", "[a=1]"},
             {"form-data ;\tname = 'a'", "[a=1]"},
             {"form-data; name=a;filename=", "[a=1]"},
             {"form-data; name=\"a\\\"b\\\\c\\d\"", "[a\"b\\c\\d=1]"},
             {"form-data; name=\"a;filename=b\"", "[a;filename=b=1]"},
             {"form-data;\r\n name=\"a\"", "[a=1]"},
             {"form-data; name=\"a\"\r\nX-A: b; filename=\"c\"\r\n filename=\"d\"", "[a=1]"},
             {"form-data; name=\"a\"; filename=b", ""},
             {"form-data; name=\"a\";\r\n\tfilename=b", ""},
             {"form-data; name=\"a", "[a=1]"},
             {"form-data; name=\"\"", ""},
             {"form-data; name", ""},
             {"form-data; name=\"a\"; name=\"b\"", ""},
             {"form-data; name=\"a\" b", ""},
             {"form-data; other=\"a\"", ""},
             {"form-data; Name=\"a\"", ""},
             {"form-data", ""},
             {"attachment; name=\"a\"", ""},
             {"", ""},
         }) {
        const std::string body =
            "--X\r\ncontent-disposition: " + one.disposition + "\r\n\r\n1\r\n--X--\r\n";
        expect_text(joined(MultipartView(body, "X")), one.fields, one.disposition);
    }
}

void dispositions(void**) {
    const std::string twice =
        "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n"
        "content-disposition : form-data; name=\"id\"\r\n\r\n1\r\n--X--\r\n";
    expect(!MultipartView(twice, "X").doubt().empty(), "two dispositions", "a doubt");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(boundaries),
        cmocka_unit_test(fields),
        cmocka_unit_test(heads),
        cmocka_unit_test(dispositions),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
