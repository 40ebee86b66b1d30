// Rule sets of waf/core/engine.hpp that are the same are one.

#include <malloc.h>

#include <string>
#include <vector>

#include "engine.hpp"
#include "waf/core/libmodsecurity_rules.hpp"

#if defined(__SANITIZE_ADDRESS__)
// Of the sanitizer's <sanitizer/allocator_interface.h>, which not every compiler brings.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace {

using namespace gatehouse::test;

const void* identity(const RuleSetPtr& set) {
    return static_cast<const LibraryRuleSet&>(*set).compiled().get();
}

std::size_t allocated() {
#if defined(__SANITIZE_ADDRESS__)
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

// Rules that take room as those of a Core Rule Set do.
std::string many_rules(const std::string& word) {
    std::string text = "SecRuleEngine On\n";
    for (int id = 1; id <= 200; ++id) {
        text += "SecRule ARGS|REQUEST_HEADERS \"@rx (?i)(" + word + "|alpha|beta)[a-z]{0," +
                std::to_string(id) + "}(gamma|delta)\" \"id:" + std::to_string(id) +
                ",phase:2,deny,t:urlDecodeUni,t:lowercase,msg:'message',tag:'one',tag:'two'\"\n";
    }
    return text;
}

void the_same_text_is_loaded_once(void**) {
    const std::string text_of_both = "SecRuleEngine On\nSecAction \"id:1,phase:1,deny\"";
    const RuleSetPtr first = load({text(text_of_both, "nginx.conf:1")}).rules;
    const RuleSetPtr second = load({text(text_of_both, "nginx.conf:2")}).rules;
    assert_ptr_equal(identity(first), identity(second));
    const RuleSetPtr other = load({text(text_of_both + "\n")}).rules;
    assert_ptr_not_equal(identity(first), identity(other));
    // Where a text ends is a part of it.
    const RuleSetPtr two = load({text("SecRuleEngine On\n"), text("SecMarker A\n")}).rules;
    const RuleSetPtr one = load({text("SecRuleEngine On\nSecMarker A\n")}).rules;
    assert_ptr_not_equal(identity(two), identity(one));
}

// Each place says where it is, although the rules are shared.
void problems_have_their_own_place(void**) {
    const RuleSetPtr first = load({text("SecRule ARGS a \"id:1,pass\"", "nginx.conf:1")}).rules;
    const RuleSetPtr second = load({text("SecRule ARGS a \"id:1,pass\"", "nginx.conf:2")}).rules;
    expect_text(engine()->merge(first, second).problem,
                "nginx.conf:1, line 1 of the rules: rule id 1 is duplicated, first at "
                "nginx.conf:2, line 1 of the rules",
                "places");
}

void every_file_counts(void**) {
    const Directory directory;
    directory.write("words.data", "one\n");
    directory.write("addresses.data", "192.0.2.1\n");
    directory.write("map", "20127 00a1:21\n");
    directory.write("deep.conf", "SecMarker A\n");
    directory.write("part.conf", "Include deep.conf\n");
    const std::string path = directory.write(
        "top.conf",
        "Include part.conf\nSecUnicodeMapFile map 20127\n"
        "SecRule ARGS \"@pmFromFile words.data\" \"id:1,phase:1,pass\"\n"
        "SecRule REMOTE_ADDR \"!@ipMatchF addresses.data\" \"id:2,phase:1,pass\"\n");
    RuleSetPtr before = load({file(path)}).rules;
    assert_non_null(before.get());
    for (const char* name : {"words.data", "addresses.data", "map", "deep.conf", "part.conf"}) {
        assert_ptr_equal(identity(load({file(path)}).rules), identity(before));
        directory.write(name, directory.read(name) + "# changed\n");
        RuleSetPtr after = load({file(path)}).rules;
        expect(identity(after) != identity(before), name, "is read again");
        before = after;
    }
    // One more file that a wildcard finds.
    const std::string all =
        directory.write("all.conf", "Include " + directory.path("x*.conf") + "\n");
    directory.write("x1.conf", "SecMarker A\n");
    before = load({file(all)}).rules;
    directory.write("x2.conf", "SecMarker B\n");
    assert_ptr_not_equal(identity(load({file(all)}).rules), identity(before));
    // Another path is another place in logs.
    const std::string copy = directory.write("copy.conf", directory.read("x1.conf"));
    assert_ptr_not_equal(identity(load({file(copy)}).rules),
                         identity(load({file(directory.path("x1.conf"))}).rules));
}

void scripts_are_not_shared(void**) {
    const Directory directory;
    const std::string script = directory.write("a.lua", "function main() return nil end\n");
    for (const std::string before :
         {"SecAction \"id:1,phase:1,pass,exec:", "SecDefaultAction \"phase:1,log,pass,exec:"}) {
        const std::string set = before + script + "\"\n";
        const RuleSetPtr first = rules(set);
        expect(identity(first) != identity(rules(set)), before, "is read again");
    }
}

void merged_sets_are_shared(void**) {
    const RuleSetPtr inner = rules("SecAction \"id:1,phase:1,pass\"");
    const RuleSetPtr outer = rules("SecAction \"id:2,phase:1,pass\"");
    const RuleSetPtr both = engine()->merge(inner, outer).rules;
    assert_ptr_equal(
        identity(engine()->merge(rules("SecAction \"id:1,phase:1,pass\""), outer).rules),
        identity(both));
    assert_ptr_not_equal(identity(engine()->merge(outer, inner).rules), identity(both));
}

void what_nobody_holds_is_forgotten(void**) {
    rules(many_rules("first of all"));
    const std::size_t before = allocated();
    std::size_t held = 0;
    {
        const RuleSetPtr set = rules(many_rules("held"));
        held = allocated() - before;
    }
    assert_true(held > 200'000);
    assert_true(allocated() - before < held / 10);
}

void fifty_places_cost_what_one_costs(void**) {
    const std::size_t before = allocated();
    const RuleSetPtr outer = rules(many_rules("fifty"));
    const std::size_t one = allocated() - before;
    std::vector<RuleSetPtr> places;
    for (int i = 0; i < 50; ++i) {
        places.push_back(rules(many_rules("fifty")));
    }
    assert_true(allocated() - before < one + one / 10);
    // Places with rules of their own have pointers to the others.
    for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(1000 + i);
        places.push_back(
            engine()->merge(rules("SecAction \"id:" + id + ",phase:1,pass\""), outer).rules);
    }
    assert_true(allocated() - before < one * 3);
}

// A configuration that changes with each reload: the old one goes when the new one has come.
void reloads_do_not_grow(void**) {
    RuleSetPtr current = rules(many_rules("first"));
    RuleSetPtr merged = engine()->merge(rules("SecAction \"id:1000,phase:1,pass\""), current).rules;
    const auto reload = [&](int round) {
        RuleSetPtr next = rules(many_rules("round" + std::to_string(round)));
        RuleSetPtr both = engine()->merge(rules("SecAction \"id:1000,phase:1,pass\""), next).rules;
        current = next;
        merged = both;
    };
    reload(10);
    const std::size_t before = allocated();
    const RuleSetPtr weighed = rules(many_rules("weighed"));
    const std::size_t one = allocated() - before;
    for (int round = 11; round <= 30; ++round) {
        reload(round);
    }
    assert_true(allocated() - before < one + one / 2);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_is_loaded_once),
        cmocka_unit_test(problems_have_their_own_place),
        cmocka_unit_test(every_file_counts),
        cmocka_unit_test(scripts_are_not_shared),
        cmocka_unit_test(merged_sets_are_shared),
        cmocka_unit_test(what_nobody_holds_is_forgotten),
        cmocka_unit_test(fifty_places_cost_what_one_costs),
        cmocka_unit_test(reloads_do_not_grow),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
