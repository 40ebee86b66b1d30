// Rules that cannot be loaded, and what Engine::load() of waf/core/engine.hpp says about them.

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine.hpp"
#include "waf/core/libmodsecurity_api.hpp"

// The parser leaves the files open that include the one with the mistake.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
    return "leak:libmodsecurity.so\n";
}

namespace {

using namespace gatehouse::test;
using namespace std::literals;

// Statements of which the parser does not count every line, 17 in all.
const std::string kUncounted =
    "SecRule ARGS \\\n a \"id:101,pass\"\n"
    "SecRule ARGS \\\n\\\n \"a\\\nb\" \\\n \"id:102,\\\npass\"\n"
    "SecAction \\\n \"id:103,\\\npass,msg:'a\\\nb'\"\n"
    "# a comment\\\n"
    "# SecRule in \\\n a comment\n"
    "\n";

// Releases after 3.0.14 put the name into quotes.
const char* const kNoDataFile = MODSECURITY_VERSION_NUM > 30140100
                                    ? "Failed to open file: 'no.data'"
                                    : "Failed to open file: no.data";

struct Row {
    const char* name;
    std::string rules;  // @ is the file's directory
    int line;
    const char* reason;  // how it begins
};

const std::array<Row, 25> kWrong{{
    {"a directive", "SecRuleEngine On\nSecNoSuch On\n", 2, "Invalid input: "},
    {"a value", "SecRuleEngine On\nSecRuleEngine Maybe\n", 2, "Invalid input: "},
    {"a variable", "\n\nSecRule NOSUCH a \"id:1,pass\"\n", 3, "Expecting a variable, got: "},
    {"an action", "\nSecRule ARGS a \"id:1,nosuch\"\n", 2, "Expecting an action, got: "},
    {"an action, lines below", "\nSecRule ARGS \\\n  a \\\n \"id:1,\\\n nosuch\"\n", 5,
     "Expecting an action, got: "},
    {"a phase", "SecAction \"id:1,phase:9,pass\"\n", 1, "Unknown phase: 9"},
    {"a phase that is too large", "SecAction \"id:1,phase:99999999999,pass\"\n", 1,
     "Unknown phase: 99999999999"},
    {"a selector", "\nSecRule ARGS:a|ARGS:/(/ a \"id:1,pass\"\n", 2,
     "invalid regular expression \"(\": missing closing parenthesis"},
    {"a quoted selector", "\nSecRule \"&ARGS:'/a|[/'\" a \"id:1,pass\"\n", 2,
     "invalid regular expression \"a|[\": "},
    {"a relevant status", "SecAuditLogRelevantStatus \"^(?:5|4(?!04)\"\n", 1,
     "invalid regular expression \"^(?:5|4(?!04)\": "},
    {"a removal", "SecRuleEngine On\n\nSecRuleRemoveById 99999999999999999999\n", 3,
     "SecRuleRemoveById: failed to load:99999999999999999999."},
    {"no id", "SecAction \"id:1,pass\"\n\nSecRule ARGS a \\\n\"phase:1,pass\"\n", 3,
     "rules must have an id"},
    {"no id, nor actions", "SecAction \"id:1,pass\"\nSecRule ARGS a\n", 2, "rules must have an id"},
    {"an id that is too large", "SecAction \"id:99999999999999999999,pass\"\n", 1, "The input \""},
    {"an id twice", "SecRule ARGS a \"id:7,pass\"\n#\nSecRule ARGS b \\\n\"id:7,pass\"\n", 3,
     "rule id 7 is duplicated, first at @/wrong.conf:1"},
    {"a chain that denies", "SecRule ARGS a \"id:1,pass,chain\"\nSecRule ARGS b \"deny\"\n", 2,
     "Disruptive actions can only be specified by chain starter rules."},
    {"no data file", "\nSecRule ARGS \"@pmFromFile no.data\" \"id:1,pass\"\n", 2, kNoDataFile},
    {"no included file", "\nInclude no.conf\n", 2, "no.conf: Not able to open file."},
    {"a directory", "\nInclude @\n", 2, "@ is a directory"},
    {"a circle", "\nInclude wrong.conf\n", 2, "@/wrong.conf includes itself"},
    {"default actions", "SecRuleEngine On\n\nSecDefaultAction \"phase:1,log\"\n", 3,
     "SecDefaultAction must specify a disruptive action."},
    {"a debug log", "SecRuleEngine On\n\nSecDebugLog @/no/such.log\n", 3,
     "Failed to start DebugLog: "},
    {"a debug log first of all", "SecDebugLog @/no/such.log\n", 1, "Failed to start DebugLog: "},
    {"an audit log", "SecAuditEngine On\n\nSecAuditLog @/no/such.log\n", 3,
     "Failed to open file: @/no/such.log"},
    {"a Unicode map", "SecRuleEngine On\n\nSecUnicodeMapFile no.mapping 20127\n", 3,
     "Failed to locate the unicode map file from: no.mapping"},
}};

std::string in(const Directory& directory, std::string text) {
    for (std::size_t at = 0; (at = text.find("@/", at)) != std::string::npos;) {
        text.replace(at, 2, directory.path(""));
    }
    for (const auto& word : {"Include @"s, "@ is"s}) {
        if (const std::size_t at = text.find(word); at != std::string::npos) {
            std::string path = directory.path("");
            path.pop_back();
            text.replace(at + word.find('@'), 1, path);
        }
    }
    return text;
}

void expect_problem(const Loaded& loaded, const std::string& begin, const char* row) {
    expect(loaded.rules == nullptr, row, "is refused");
    expect_text(loaded.problem.substr(0, begin.size()), begin, row);
    expect(loaded.problem.find('\n') == std::string::npos, row, "one line");
}

void file_and_line(void**) {
    const Directory directory;
    for (const Row& row : kWrong) {
        const std::string path = directory.write("wrong.conf", in(directory, row.rules));
        expect_problem(load({file(path)}),
                       path + ':' + std::to_string(row.line) + ": " + in(directory, row.reason),
                       row.name);
    }
}

void lines_are_those_of_editors(void**) {
    const Directory directory;
    const auto lines = std::count(kUncounted.begin(), kUncounted.end(), '\n');
    for (const Row& row : kWrong) {
        if (row.rules.find("wrong.conf") != std::string::npos ||
            std::string_view(row.name) == "an id twice") {
            continue;
        }
        const std::string path =
            directory.write("wrong.conf", kUncounted + in(directory, row.rules));
        expect_problem(
            load({file(path)}),
            path + ':' + std::to_string(row.line + lines) + ": " + in(directory, row.reason),
            row.name);
    }
}

// A reader has to find the file by those that include it.
void the_chain_of_includes(void**) {
    const Directory directory;
    const std::string top =
        directory.write("top.conf", "SecRuleEngine On\n\nInclude more/*.conf\n");
    std::filesystem::create_directory(directory.path("more"));
    directory.write("more/1.conf", "SecRule ARGS a \"id:1001,pass\"\n");
    directory.write("more/2.conf", "\nInclude \"deep.inc\"\n");
    const std::string above =
        ", included from " + directory.path("more/2.conf") + ":2, included from " + top + ":3";
    const std::string deep = directory.path("more/deep.inc");
    for (const Row& row : kWrong) {
        if (row.rules.find('@') != std::string::npos &&
            row.rules.find("pmFromFile") == std::string::npos) {
            continue;
        }
        std::string text = row.rules;
        if (text.find("wrong.conf") != std::string::npos) {
            continue;
        }
        directory.write("more/deep.inc", text);
        const std::string place = deep + ':' + std::to_string(row.line) + above + ": ";
        expect_problem(load({file(top)}), place, row.name);
    }
    directory.write("more/deep.inc", "Include " + top + "\n");
    expect_problem(load({file(top)}), deep + ":1" + above + ": " + top + " includes itself",
                   "circle");
    directory.write("more/deep.inc", "\nSecRule ARGS a \"id:1001,pass\"\n");
    expect_problem(load({file(top)}),
                   deep + ":2" + above + ": rule id 1001 is duplicated, first at " +
                       directory.path("more/1.conf") + ":1, included from " + top + ":3",
                   "an id twice");
}

// Text in a directive has the place of the directive.
void text_and_line(void**) {
    expect_problem(load({text("SecRuleEngine On\nSecNoSuch On", "nginx.conf:30")}),
                   "nginx.conf:30, line 2 of the rules: Invalid input: ", "text");
    const Directory directory;
    const std::string path = directory.write("wrong.conf", "\nSecNoSuch On\n");
    expect_problem(load({text("\nInclude " + path, "nginx.conf:30")}),
                   path + ":2, included from nginx.conf:30, line 2 of the rules: Invalid input: ",
                   "a file included by text");
    expect_problem(load({text("SecRule ARGS a \"id:1,pass\"", "nginx.conf:30"),
                         text("\nSecRule ARGS b \"id:1,pass\"", "nginx.conf:31")}),
                   "nginx.conf:31, line 2 of the rules: rule id 1 is duplicated, first at "
                   "nginx.conf:30, line 1 of the rules",
                   "two directives");
    expect_problem(load({text("SecRule ARGS a \"id:1,pass\"", "nginx.conf:30"),
                         text("SecNoSuch", "nginx.conf:31")}),
                   "nginx.conf:31, line 1 of the rules: ", "the second");
}

void files_that_are_none(void**) {
    const Directory directory;
    expect_problem(load({file(directory.path("no.conf"))}),
                   "Failed to open the file: " + directory.path("no.conf"), "missing");
    std::filesystem::create_directory(directory.path("sub"));
    expect_problem(load({file(directory.path("sub"))}), directory.path("sub") + " is a directory",
                   "directory");
}

void a_download_that_fails_says_why(void**) {
    // Nothing listens on port 1.
    const RuleSource source{RuleSource::Kind::remote, "https://127.0.0.1:1/rules", "a-key",
                            "nginx.conf:7"};
    const Loaded loaded = load({source});
    expect_problem(
        loaded,
        "cannot download the rules: " + std::string(curl_easy_strerror(CURLE_COULDNT_CONNECT)),
        "remote");
    assert_true(loaded.problem.find("a-key") == std::string::npos);
}

// The library would wait for the server as long as that likes.
void nothing_else_is_downloaded(void**) {
    const Directory directory;
    const std::string why = " is not supported, as nothing would bound its time: ";
    directory.write("part.conf",
                    "# SecRemoteRules a-key https://127.0.0.1:1/\n\n"
                    "secremoterules a-key https://127.0.0.1:1/\n");
    expect_problem(load({file(directory.write("top.conf", "Include part.conf\n"))}),
                   directory.path("part.conf") + ":3, included from " + directory.path("top.conf") +
                       ":1: SecRemoteRules" + why + "use modsecurity_rules_remote",
                   "rules");
    expect_problem(
        load({text("SecRuleEngine On SecRemoteRules a-key https://127.0.0.1:1/")}),
        "nginx.conf:7, line 1 of the rules: SecRemoteRules" + why + "use modsecurity_rules_remote",
        "behind another");
    for (const char* name : {"pmFromFile", "PMF", "ipMatchFromFile", "ipMatchF"}) {
        expect_problem(load({text("SecRule ARGS \"!@" + std::string(name) +
                                  " https://127.0.0.1:1/\" \"id:1,phase:1,pass\"")}),
                       "nginx.conf:7, line 1 of the rules: data from https://127.0.0.1:1/" + why +
                           "keep it in a file",
                       name);
    }
}

// A mistake leaves nothing behind that the next rules could stumble over.
void the_next_rules_are_loaded(void**) {
    const Directory directory;
    for (const Row& row : kWrong) {
        const std::string path = directory.write("wrong.conf", in(directory, row.rules));
        load({file(path)});
        const RuleSetPtr set = rules("SecRuleEngine On\nSecAction \"id:1,phase:1,deny\"");
        expect(run(set, {}).step == Step::intervene, row.name, "and after it rules work");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(file_and_line),
        cmocka_unit_test(lines_are_those_of_editors),
        cmocka_unit_test(the_chain_of_includes),
        cmocka_unit_test(text_and_line),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(a_download_that_fails_says_why),
        cmocka_unit_test(nothing_else_is_downloaded),
        cmocka_unit_test(the_next_rules_are_loaded),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
