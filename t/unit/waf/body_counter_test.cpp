// What a parser would make of a body, counted before it sees it.

#include "waf/core/body_counter.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cmocka.hpp"
#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf;

Excess count(BodyCounter counter, std::string_view body, std::size_t piece) {
    Excess excess = Excess::none;
    for (std::size_t at = 0; at < body.size() && excess == Excess::none; at += piece) {
        excess = std::visit([&](auto& one) { return one.append(body.substr(at, piece)); }, counter);
    }
    return excess;
}

struct Case {
    std::string name;
    BodyCounter counter;
    std::string body;
    Excess excess;
};

// However it comes in pieces.
void expect_each(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{2}, std::size_t{7}, one.body.size()}) {
            expect(count(one.counter, one.body, piece) == one.excess, one.name,
                   "in pieces of " + std::to_string(piece));
        }
    }
}

std::string repeat(std::string_view text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

void forms(void**) {
    expect_each({
        {"three", FormCounter('&', 3), "a=1&b=2&c=3", Excess::none},
        {"four", FormCounter('&', 3), "a=1&b=2&c=3&", Excess::arguments},
        {"another separator", FormCounter(';', 2), "a&b&c;d", Excess::none},
        {"too many of another separator", FormCounter(';', 2), "a;b;c", Excess::arguments},
    });
}

std::string part(std::string_view boundary, std::string_view head) {
    return "--" + std::string(boundary) + "\r\n" + std::string(head) + "\r\nvalue\r\n";
}

void parts(void**) {
    const std::string type = "multipart/form-data; boundary=XyZ";
    const std::string three = repeat(part("XyZ", "A: b\r\n"), 3) + "--XyZ--\r\n";
    const std::string four = repeat(part("XyZ", "A: b\r\n"), 4) + "--XyZ--\r\n";
    expect_each({
        {"three", PartCounter(type, 3), three, Excess::none},
        {"four", PartCounter(type, 3), four, Excess::parts},
        {"four, lines without CR", PartCounter(type, 3), repeat("--XyZ\nA: b\n\nv\n", 5),
         Excess::parts},
        {"in quotes", PartCounter("multipart/form-data; Boundary = \"XyZ\"; a=b", 3), four,
         Excess::parts},
        {"dashes of a file", PartCounter(type, 3), part("XyZ", "A: b\r\n") + repeat("--Xy\r\n", 99),
         Excess::none},
        {"the boundary within a line", PartCounter(type, 3),
         part("XyZ", "A: b\r\n") + repeat(" --XyZ\r\n-", 99), Excess::none},
        {"a long head", PartCounter(type, 3), part("XyZ", repeat("A: b\r\n", 23)), Excess::none},
        {"too long a head", PartCounter(type, 3), part("XyZ", repeat("A: b\r\n", 24)),
         Excess::parts},
        {"an unfolded field", PartCounter(type, 3), part("XyZ", "A: b\r\n" + repeat(" c\n", 24)),
         Excess::parts},
        {"no boundary", PartCounter("multipart/form-data", 3), four, Excess::none},
        {"an empty boundary", PartCounter("multipart/form-data; boundary=", 3), four, Excess::none},
    });
}

void attributes(void**) {
    expect_each({
        {"three", XmlCounter(3, 1'000), "<a b='1' c = \"2\" d=\n'3'/>", Excess::none},
        {"four", XmlCounter(3, 1'000), "<a b='1' c='2' d='>' e='4'/>", Excess::attributes},
        {"of many elements", XmlCounter(3, 1'000), repeat("<a b='1' c='2'/>", 99), Excess::none},
        {"what looks alike", XmlCounter(3, 1'000), "<a>" + repeat("x=y ''", 99) + "</a>",
         Excess::none},
        {"given by the type", XmlCounter(3, 1'000),
         "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>" + repeat("<a/>", 140), Excess::none},
        {"too many given by the type", XmlCounter(3, 1'000),
         "<!DOCTYPE a [" + repeat("<!ATTLIST a b CDATA 'c'>", 3) + "]>" + repeat("<a/>", 60),
         Excess::attributes},
        {"too many given by one declaration", XmlCounter(3, 1'000),
         "<!DOCTYPE a [<!ATTLIST a b CDATA 'c' d CDATA \"e\">]>" + repeat("<a/>", 80),
         Excess::attributes},
        {"listed by the type", XmlCounter(3, 1'000),
         "<!DOCTYPE a [<!ATTLIST a b ID #IMPLIED c (d|e) 'd'>]><a>#|#|#</a>", Excess::none},
        {"too many listed by the type", XmlCounter(3, 1'000),
         "<!DOCTYPE a [" + repeat("<!ATTLIST a b ID #IMPLIED>", 4) + "]><a/>", Excess::attributes},
        {"too many values", XmlCounter(3, 1'000),
         "<!DOCTYPE a [<!ATTLISTa b (c|d|e|f) #IMPLIED>]><a/>", Excess::attributes},
    });
}

void entities(void**) {
    const std::string type = "<!DOCTYPE a [<!ENTITY e 'x'>]>";
    expect_each({
        {"a few", XmlCounter(3, 1000), type + "<a>" + repeat("&e;", 10) + "</a>", Excess::none},
        {"many", XmlCounter(3, 1000), type + "<a>" + repeat("&e;", 20) + "</a>", Excess::entities},
        {"of an attribute", XmlCounter(3, 1000), type + "<a b='" + repeat("&e;", 20) + "'/>",
         Excess::entities},
        {"a long one", XmlCounter(3, 1000),
         "<!DOCTYPE a [<!ENTITY\te '" + std::string(600, 'x') + "'>]><a>&e;&e;</a>",
         Excess::entities},
        {"within each other", XmlCounter(3, 100'000),
         "<!DOCTYPE a [<!ENTITY e 'x'><!ENTITY f '&e;&e;'>]><a>&f;</a>", Excess::entities},
        {"characters", XmlCounter(3, 1000), type + "<a>" + repeat("&#65;", 99) + "</a>",
         Excess::none},
        {"of the type", XmlCounter(3, 1'000'000), "<!DOCTYPE a [<!ENTITY % b ''>]><a/>",
         Excess::entities},
        {"of the type, no blank in front of it", XmlCounter(3, 1'000'000),
         "<!DOCTYPE a [<!ENTITY%b ''>]><a/>", Excess::entities},
        {"a percent sign in an entity", XmlCounter(3, 1000),
         "<!DOCTYPE a [<!ENTITY b '% c'>]><a>%</a>", Excess::none},
        {"what no type declares", XmlCounter(3, 1000),
         "<a><![CDATA[<!ENTITY % b ''><!ATTLIST a b (c|d|e|f)>]]></a>", Excess::none},
        {"none declared", XmlCounter(3, 1000), "<a>" + repeat("&amp;", 999) + "</a>", Excess::none},
    });
}

void json_names(void**) {
    const std::string name(100, 'k');
    expect_each({
        {"a flat object", JsonNameCounter(270), "{\"" + name + "\":1,\"" + name + "\":\"v\"}",
         Excess::none},
        {"long values", JsonNameCounter(64), "[\"" + std::string(999, 'v') + "\", \"a\\\"]\"]",
         Excess::none},
        {"elements behind a long name", JsonNameCounter(250), "{\"" + name + "\":[1,2,3]}",
         Excess::json_names},
        {"objects behind a long name", JsonNameCounter(300),
         "{\"" + name + "\":[{\"a\":true},{\"a\":null}, {\"a\":[]}, {\"b\":-1e5}]}",
         Excess::json_names},
        {"strings count as numbers do", JsonNameCounter(250), "{\"" + name + "\":[\"\",\"\",\"\"]}",
         Excess::json_names},
        {"a name with quotes", JsonNameCounter(40), R"({"a\"b\\":1})", Excess::none},
        {"the name ends with its object", JsonNameCounter(330),
         "{\"" + name + "\":{\"a\":1},\"b\":[1,2,3]}", Excess::none},
        {"depth", JsonNameCounter(1400), repeat("[", 101), Excess::json_names},
        {"beginnings of names", JsonNameCounter(100'000), repeat("[", 900) + "1,", Excess::none},
        {"too many beginnings of names", JsonNameCounter(100'000), repeat("[", 900) + "1,1,",
         Excess::json_names},
        {"what is no JSON", JsonNameCounter(100), "}}]],,::\"\\", Excess::none},
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(forms),    cmocka_unit_test(parts),      cmocka_unit_test(attributes),
        cmocka_unit_test(entities), cmocka_unit_test(json_names),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
