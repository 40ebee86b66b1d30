// What in JSON and XML can be read in more than one way.

#include "waf/core/body_doubt.hpp"

#include <string>

#include "cmocka.hpp"
#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf;

void charsets_of_xml(void**) {
    const std::string refused = "the body is in a charset that is not read";
    const std::string declared = "<?xml version=\"1.0\" encoding";
    for (const std::string& body :
         {std::string(), std::string("\xEF\xBB\xBF"), std::string("<q/>"), std::string("no XML"),
          declared + " = 'UTF-8'?>", "\r\n" + declared + "=\"gbk\"?>",
          std::string("<?xml?><q encoding='utf-16'/>"), std::string(1, '<')}) {
        expect_text(std::string(xml_doubt("text/xml;charset=utf-8", body)), "", body);
        expect_text(std::string(xml_doubt("text/xml;charset=utf-16", body)), refused, body);
    }
    for (const std::string& body :
         {std::string("\xFE\xFF\0<", 4), std::string("<\0q\0", 4), std::string("\0\0\0<", 4),
          std::string("\x4C\x6F\xA7\x94"), std::string("+/v8-"), declared, declared + "=utf-8?>",
          declared + "='utf-16", "\xEF\xBB\xBF" + declared + "='ibm037'?>"}) {
        expect_text(std::string(xml_doubt("text/xml", body)), refused, body);
    }
}

void attributes_of_the_document_type(void**) {
    const std::string refused = "the XML has attributes that its document type gives";
    for (const char* body : {"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '%'>]><a>&b;</a>",
                             "<!DOCTYPE a><a/>", "<a><![CDATA[<!ATTLIST a b CDATA 'c'>]]></a>"}) {
        expect_text(xml_doubt("text/xml", body), "", body);
    }
    for (const char* body :
         {"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
          "<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY\n% d \"&#60;!ATTLIST a b CDATA 'c'>\">%d;]><a/>"}) {
        expect_text(xml_doubt("text/xml", body), refused, body);
    }
}

void surrogates(void**) {
    const std::string refused = "half of a surrogate pair is escaped in the JSON";
    for (const char* body :
         {R"({"a":"\ud83d\ude00"})", R"(["\uD83D\uDE00\u0027"])", R"(["\\ud800\\u0027"])",
          R"(["\u0000\udc00\u00e9"])", R"(["\u", "\ud8", "\)", "", "\\"}) {
        expect_text(json_doubt("application/json; charset=utf-8", body), "", body);
    }
    for (const char* body : {R"(["\ud800\u0027"])", R"(["\uDBFFa\udc00"])", R"(["\ud800"])",
                             R"(["\ud800\ud800\udc00"])", R"(["\\\ud800"])", R"("\ud800)"}) {
        expect_text(json_doubt("", body), refused, body);
    }
    expect_text(json_doubt("application/json; charset=utf-7", "{}"),
                "the body is in a charset that is not read", "a charset");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(charsets_of_xml),
        cmocka_unit_test(attributes_of_the_document_type),
        cmocka_unit_test(surrogates),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
