// What libmodsecurity takes and crashes of is refused, and what looks like it is not.

#include "waf/core/fatal_mistake.hpp"

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

std::string mistake(const std::string& rules) {
    for (const seclang::Directive& directive : seclang::scan(rules).directives) {
        if (const auto found = fatal_mistake(directive)) {
            return *found;
        }
    }
    return {};
}

// All of them read from a null pointer in libmodsecurity 3.0.9.
void tabs(void**) {
    for (const char* name : {"SecArgumentSeparator",
                             "SecArgumentsLimit",
                             "SecAuditLog",
                             "SecAuditLog2",
                             "SecAuditLogDirMode",
                             "SecAuditLogFileMode",
                             "SecAuditLogParts",
                             "SecAuditLogRelevantStatus",
                             "SecAuditLogStorageDir",
                             "SecChrootDir",
                             "SecCollectionTimeout",
                             "SecComponentSignature",
                             "SecCookieFormat",
                             "SecCookieV0Separator",
                             "SecDataDir",
                             "SecDebugLog",
                             "SecDebugLogLevel",
                             "SecGeoLookupDb",
                             "SecGsbLookupDb",
                             "SecHttpBlKey",
                             "SecMarker",
                             "SecPcreMatchLimit",
                             "SecPcreMatchLimitRecursion",
                             "SecRequestBodyInMemoryLimit",
                             "SecRequestBodyJsonDepthLimit",
                             "SecRequestBodyLimit",
                             "SecRequestBodyNoFilesLimit",
                             "SecResponseBodyLimit",
                             "SecResponseBodyMimeType",
                             "SecRulePerfTime",
                             "SecRuleRemoveById",
                             "SecRuleRemoveByMsg",
                             "SecRuleRemoveByTag",
                             "SecRuleScript",
                             "SecRuleUpdateActionById",
                             "SecRuleUpdateTargetById",
                             "SecRuleUpdateTargetByMsg",
                             "SecRuleUpdateTargetByTag",
                             "SecServerSignature",
                             "SecTmpDir",
                             "SecUploadDir",
                             "SecUploadFileLimit",
                             "SecUploadFileMode",
                             "SecWebAppId",
                             "secmarker"}) {
        const std::string directive = name;
        const std::string refusal = "a space is needed behind " + directive;
        for (const char* rest : {"\tX", "\t\t1", "\t\"X\"", "\tX y", "\t\\\n X", "\t"}) {
            expect(mistake(directive + rest).starts_with(refusal), name, rest);
        }
        expect(mistake("SecRuleEngine On " + directive + "\tX").starts_with(refusal), name,
               "behind a word");
        expect(mistake("SecDebugLogLevel 3 " + directive + "\tX").starts_with(refusal), name,
               "behind a number");
        expect(mistake("SecAction \"id:1,pass\" " + directive + "\tX").starts_with(refusal), name,
               "behind actions");
        for (const char* rest : {" X", "  X", " \tX", "\t X", " X\ty", "", " \"X\"", "\r"}) {
            expect_text(mistake(directive + rest), "", name);
        }
    }
    for (const char* harmless :
         {"SecRuleEngine\tOn", "SecRule\tARGS\t\"@rx x\"\t\"id:1\"", "SecAction\t\"id:1,pass\"",
          "Include\tx.conf", "#SecMarker\tX", "SecComponentSignature \"no directive\tX\"",
          "SecNoSuch\tX", "SecAction \"id:1,pass,msg:'SecMarker\tX'\""}) {
        expect_text(mistake(harmless), "", harmless);
    }
}

struct Row {
    const char* rule;
    const char* pattern;  // that is refused; empty: the rule is right
};

void expect_patterns(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
        const std::string found = mistake(row.rule);
        const std::string pattern = row.pattern;
        expect_text(found.substr(0, found.find("\":")),
                    pattern.empty() ? "" : "invalid regular expression \"" + pattern, row.rule);
    }
}

// Where a selector ends is where libmodsecurity's scanner ends it: at the last slash it can reach.
void selectors(void**) {
    expect_patterns({
        {"SecRule ARGS:/(/ a \"id:1\"", "("},
        {"SecRule ARGS./(/ a \"id:1\"", "("},
        {"SecRule \"!ARGS:/(/\" a \"id:1\"", "("},
        {"SecRule ARGS|&TX:'/a|(/'|IP a \"id:1\"", "a|("},
        {"SecRule ARGS:/(/,ARGS a \"id:1\"", "("},
        {"SecRule ARGS:/x/|ARGS:/(/ a \"id:1\"", "("},
        {"SecRule ARGS:/(/|ARGS:/x/ a \"id:1\"", "("},
        {"SecRule ARGS:/(/,ARGS:/x/ a \"id:1\"", "(/,ARGS:/x"},
        {"SecRuleUpdateTargetById 1 \"!ARGS:/(/\"", "("},
        {"SecRuleUpdateTargetByTag t !ARGS:/(/", "("},
        {"SecRule ARGS \"@streq %{ARGS:/(/}\" \"id:1\"", "("},
        {"SecRule ARGS a \"id:1,msg:'%{TX./(/}'\"", "("},
        {"SecAction \"id:1,setvar:'tx.a=%{ARGS:/(/}'\"", "("},
        {"SecAction \"id:1,setvar:tx.%{ARGS:'/(/'}=1\"", "("},
        {"SecRuleUpdateActionById 1 \"msg:'%{ARGS:/(/}'\"", "("},
        {"SecRule ARGS:/(/x a \"id:1\"", ""},  // a name
        {"SecRule ARGS:/a=(/ a \"id:1\"", ""},
        {"SecRule ARGS:/(a)/|ARGS:'/^b|c$/' a \"id:1\"", ""},
        {"SecRule XML:/* a \"id:1\"", ""},
        {"SecRule ARGS \"@streq :/(/\" \"id:1,msg:'see http://x/(/'\"", ""},
        {"SecRule ARGS a \"id:1,logdata:'%{ARGS:/x/} %{MATCHED_VAR} %{'\"", ""},
    });
}

void operators(void**) {
    for (const std::string name : {"rxGlobal", "verifySSN", "verifyCPF", "VERIFYSVNR"}) {
        const std::string bad = "SecRule ARGS \"!@" + name + " a(\" \"id:1\"";
        const std::string good =
            "SecRule ARGS \"@" + name + " a\\\"[(]\" \"id:1,msg:'@rxGlobal ('\"";
        const std::string bare = "SecRule ARGS\n@" + name + " ( \"id:1\"";
        expect_patterns({{bad.c_str(), "a("}, {good.c_str(), ""}, {bare.c_str(), "("}});
    }
    expect_patterns({{"SecRule ARGS \"@rx (\" \"id:1\"", "("}, {"SecRule ARGS ( \"id:1\"", "("}});
    expect_text(mistake("SecRule ARGS \"@rxGlobal a%{TX.b}\" \"id:1\"").substr(0, 31),
                "@rxGlobal cannot have variables", "a macro");
    expect_text(mistake("SecRule ARGS \"@rx %{TX.b}\" \"id:1\""), "", "a macro of @rx");

    const auto phrase = [](std::size_t size) {
        return "SecRule ARGS \"@pm a " + std::string(size, 'x') + " b\" \"id:1\"";
    };
    expect_text(mistake(phrase(kMaxPhrase)), "", "a long phrase");
    expect_text(mistake(phrase(kMaxPhrase + 1)), "a phrase has more than 4096 octets", "too long");
}

void actions(void**) {
    for (const char* rules : {"SecAction \"id:1,phase:2147483648,pass\"",
                              "SecAction \"id:1,phase:1,pass,phase:2147483648\"",
                              "SecRule ARGS a \"id:1,phase:'2147483648'\""}) {
        expect_text(mistake(rules), "Unknown phase: 2147483648", rules);
    }
    expect_text(mistake("SecAction \"id:2147483648,phase:5,pass\""), "", "an id");
}

// As the engine sees it: with the place, and before the library has read anything.
void places(void**) {
    const Directory directory;
    const auto expect_at = [&](const std::string& rules, const std::string& problem) {
        const std::string path = directory.write("main.conf", rules);
        expect_text(load({file(path)}).problem, path + ":" + problem, rules.c_str());
    };
    const std::string tab =
        "a space is needed behind SecMarker: libmodsecurity is not safe with a "
        "tab there";
    expect_at("SecRuleEngine On\n\nSecMarker\tX\n", "3: " + tab);
    expect_at("SecAction \"id:1,pass\" \\\n  SecMarker\tX", "2: " + tab);

    directory.write("phrases.data", "short\n" + std::string(kMaxPhrase + 1, 'x') + "\n");
    expect_at("\nSecRule ARGS \"@pmFromFile phrases.data\" \"id:1,phase:1,pass\"\n",
              "2: a phrase in \"phrases.data\" has more than 4096 octets");
    directory.write("phrases.data",
                    "short\n" + std::string(kMaxPhrase, 'x') + "\n" + std::string(kMaxPhrase, 'y'));
    const std::string path = directory.write(
        "main.conf", "SecRule ARGS \"@pmFromFile phrases.data\" \"id:1,phase:1,pass\"\n");
    expect_text(load({file(path)}).problem, "", "a file of long phrases");
}

// By whatever name a file includes itself, it ends.
void circles(void**) {
    const Directory directory;
    std::filesystem::create_directory(directory.path("sub"));
    const std::string path = directory.write("main.conf", "Include sub/../main.conf\n");
    const std::string problem = load({file(path)}).problem;
    expect_text(problem, path + ":1: " + directory.path("sub/../main.conf") + " includes itself",
                "another path");
    std::filesystem::create_symlink(path, directory.path("link.conf"));
    directory.write("main.conf", "\nInclude link.conf\n");
    expect_text(load({file(path)}).problem,
                path + ":2: " + directory.path("link.conf") + " includes itself", "a link");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tabs),    cmocka_unit_test(selectors), cmocka_unit_test(operators),
        cmocka_unit_test(actions), cmocka_unit_test(places),    cmocka_unit_test(circles),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
