// A request as those read it who get it from nginx.

#include "waf/core/request_view.hpp"

#include <string>
#include <utility>
#include <vector>

#include "cmocka.hpp"
#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf;

void targets(void**) {
    struct Case {
        std::string sent, text, path, query, authority;
        bool doubt = false;
    };
    const std::vector<Case> cases{
        {"/", "/", "/", "", ""},
        {"/a?b=c", "/a?b=c", "/a", "b=c", ""},
        {"/a%3fb?c%3f", "/a%3fb?c%3f", "/a?b", "c%3f", ""},
        {"/%2541%", "/%2541%", "/%41%", "", ""},
        {"/%4", "/%4", "/%4", "", ""},
        {"/%zz%2G", "/%zz%2G", "/%zz%2G", "", ""},
        {"/a?b#c?d", "/a?b#c?d", "/a", "b#c?d", ""},
        {"/a#b?c", "/a#b?c", "/a", "c", "", true},
        {"/#", "/#", "/", "", "", true},
        {"/%23?#", "/%23?#", "/#", "#", ""},
        {"?a=b", "/?a=b", "/", "a=b", ""},
        {"?a=http://b/c", "/?a=http://b/c", "/", "a=http://b/c", ""},
        {"/http://a/b", "/http://a/b", "/http://a/b", "", ""},
        {"http://a", "/", "/", "", "a"},
        {"HTTP://a:1/b?c", "/b?c", "/b", "c", "a:1"},
        {"http://u:p@[::1]:80?a@b", "/?a@b", "/", "a@b", "[::1]:80"},
        {"http://a#b", "/#b", "/", "", "a", true},
        {"", "/", "/", "", ""},
    };
    for (const Case& one : cases) {
        const Target target(one.sent);
        expect_text(target.text, one.text, one.sent);
        expect_text(target.path, one.path, one.sent);
        expect_text(target.query(), one.query, one.sent);
        expect_text(target.authority, one.authority, one.sent);
        assert_int_equal(!target.doubt().empty(), one.doubt);
    }
}

void values_of_fields(void**) {
    for (const auto& [sent, value] : {std::pair("", ""), std::pair(" \t ", ""), std::pair("a", "a"),
                                      std::pair("\ta b\t ", "a b"), std::pair("\va", "\va")}) {
        expect_text(field_value(sent), value, sent);
    }
}

void hosts(void**) {
    for (const auto& [field, host] :
         {std::pair("", ""), std::pair("a", "a"), std::pair("a.:80", "a"), std::pair("a.", "a"),
          std::pair("[::1]", "[::1]"), std::pair("[::1]:80", "[::1]"), std::pair("[::1", "[::1"),
          std::pair(":80", "")}) {
        expect_text(host_of(field), host, field);
    }
    assert_true(same_text("A.b-Z[", "a.B-z["));
    assert_false(same_text("a", "ab"));
    assert_false(same_text("@", "`"));
}

void cookies_without_a_name(void**) {
    std::string all;
    for_each_unnamed_cookie("=a; b=c;d;;\t=e ; =",
                            [&](std::string_view value) { all.append(value).append("|"); });
    expect_text(all, "a|e||", "those");
    for_each_unnamed_cookie("", [](std::string_view) { assert_true(false); });
}

void kinds_of_bodies(void**) {
    assert_true(body_kind("Application/X-WWW-form-urlencoded") == BodyKind::form);
    assert_true(body_kind("\vapplication/x-www-form-urlencoded") == BodyKind::form);
    assert_true(body_kind("text/plain, multipart/form-data") == BodyKind::multipart);
    assert_true(body_kind("multipart/mixed") == BodyKind::other);
    assert_true(body_kind("") == BodyKind::other);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string doubt(const Fields& fields) {
    BodyView view;
    for (const auto& [name, value] : fields) {
        view.field(name, value);
    }
    return std::string(view.doubt());
}

void bodies_that_are_read_in_one_way(void**) {
    for (const char* type : {"", "text/plain", "text/plain; charset=utf-16",
                             "text/plain; a=\"b, c\"", "application/x-www-form-urlencoded",
                             "application/x-www-form-urlencoded; charset=\"UTF-8\"; charset=utf-8",
                             "multipart/form-data; boundary=----a1",
                             "multipart/form-data;boundary=\"a, b\";charset=utf8"}) {
        expect_text(doubt({{"content-type", type}}), "", type);
    }
    const std::pair<std::string, std::string> type{"Content-Type", "text/plain"};
    expect_text(doubt({type, type, {"Content-Encoding", "IDENTITY"}, {"Accept", "a, b/c"}}), "",
                "fields");
}

void bodies_that_are_not(void**) {
    const std::string form = "application/x-www-form-urlencoded";
    const std::string multipart = "multipart/form-data";
    const std::vector<std::pair<Fields, std::string>> cases{
        {{{"Content-Type", "a/b"}, {"content-type", "a/c"}},
         "there are several fields Content-Type"},
        {{{"Content-Type", ""}, {"Content-Type", "a/c"}}, "there are several fields Content-Type"},
        {{{"Content-Type", "a/b, c/d;e"}}, "Content-Type is a list"},
        {{{"Content-Type", "," + form}}, "Content-Type is a list"},
        {{{"Content-Type", form + "; charset=UTF-16"}},
         "the body is in a charset that is not read"},
        {{{"Content-Type", form + "; charset*=utf-8''utf-7"}},
         "the body is in a charset that is not read"},
        {{{"Content-Type", form + "; charset"}}, "the body is in a charset that is not read"},
        {{{"Content-Type", form + "; charset="}}, "the body is in a charset that is not read"},
        {{{"Content-Type", form + "; charset=utf-8; charset=latin1"}},
         "the body is in a charset that is not read"},
        {{{"Content-Type", multipart}}, "the multipart body has no plain boundary"},
        {{{"Content-Type", multipart + ";"}}, "the multipart body has no plain boundary"},
        {{{"Content-Type", multipart + "; boundary=\""}},
         "the multipart body has no plain boundary"},
        {{{"Content-Type", multipart + "; boundary=a,b"}},
         "the multipart body has no plain boundary"},
        {{{"Content-Type", multipart + "; boundary=a; BOUNDARY=a"}},
         "the multipart body has no plain boundary"},
        {{{"Content-Encoding", "gzip"}}, "the body has a content coding"},
    };
    for (const auto& [fields, expected] : cases) {
        expect_text(doubt(fields), expected, fields[0].second);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(values_of_fields),
        cmocka_unit_test(hosts),
        cmocka_unit_test(cookies_without_a_name),
        cmocka_unit_test(kinds_of_bodies),
        cmocka_unit_test(bodies_that_are_read_in_one_way),
        cmocka_unit_test(bodies_that_are_not),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
