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
    for (const std::string_view text : view.texts()) {
        all.append("[").append(text).append("]");
    }
    return all;
}

void texts(void**) {
    const std::string field = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
    const std::string file = "Content-Disposition: form-data; name=\"a\"; FileName=\"b\"\r\n\r\n";
    struct Case {
        std::string body, texts;
    };
    for (const Case& one : std::vector<Case>{
             {"--X\r\n" + field + "1\r\n2\r\n--X--\r\n", "[1\r\n2]"},
             {"--X\n" + field + "1\n\n2\n--X--", "[1\n\n2]"},
             {"--X\r\n" + field + "one line\r\n--X--\r\n", ""},
             {"--X\r\n" + file + "1\r\n2\r\n--X--\r\n", ""},
             {"front\r\n--X\r\n" + field + "\r\n1\r\n--X\r\n" + field + "2\r\n\r\n--X--",
              "[\r\n1][2\r\n]"},
             {"--X\r\n" + field + "1\r\n2", ""},
             {"--X\r\n", ""},
             {"", ""},
         }) {
        const MultipartView view(one.body, "X");
        expect_text(joined(view), one.texts, one.body);
        expect_text(view.doubt(), "", one.body);
    }
    expect_text(joined(MultipartView("--X\r\n" + field + "1\r\n2\r\n--X--", "")), "",
                "no boundary");
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
        cmocka_unit_test(texts),
        cmocka_unit_test(dispositions),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
