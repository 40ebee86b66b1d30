#include "waf/core/seclang_tree.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf::seclang;
namespace fs = std::filesystem;

// A directory of rule files, which is not the working directory.
class Directory {
  public:
    Directory() {
        std::string name = (fs::temp_directory_path() / "gatehouse-seclang-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~Directory() { fs::remove_all(path_); }

    std::string write(const std::string& name, const std::string& text) const {
        const fs::path file = path_ / name;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return file.string();
    }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  private:
    fs::path path_;
};

// The markers in their order, and what is wrong.
std::string shown(const Tree& tree) {
    std::string out;
    for (const Statement& statement : tree.statements) {
        out += statement.directive.argument + ' ';
    }
    for (const TreeProblem& problem : tree.problems) {
        out += "problem in line " + std::to_string(problem.place.line) + " of file " +
               std::to_string(problem.place.file) + ' ';
    }
    return out;
}

Tree read(const std::string& name, const Limits& limits = {}) {
    const std::string names[] = {name};
    return read_tree(names, limits);
}

void test_order(void**) {
    const Directory directory;
    directory.write("rules/b.conf", "SecMarker b\n");
    directory.write("rules/a.conf", "SecMarker a\nInclude deeper/c.conf\nSecMarker d\n");
    directory.write("rules/deeper/c.conf", "SecMarker c\n");
    directory.write("rules/.hidden.conf", "SecMarker hidden\n");
    const Tree tree =
        read(directory.write("main.conf", "SecMarker 1\nInclude rules/*.conf\nSecMarker 2\n"));
    expect_text(shown(tree), "1 a c d b 2 ", "wildcards are sorted, relative to who includes");
    assert_int_equal(tree.files.size(), 4);
    assert_true(tree.files[2].included_from == 1 && tree.files[2].include_line == 2);
    expect_text(tree.files[2].path, directory / "rules/deeper/c.conf", "the path");
    assert_false(tree.broken_includes);
}

void test_problems(void**) {
    const Directory directory;
    const Tree missing = read(directory.write("missing.conf", "\nInclude none/*.conf\n"));
    expect_text(shown(missing), "problem in line 2 of file 0 ", "nothing is there");
    assert_true(missing.broken_includes);

    directory.write("b.conf", "Include a.conf\n");
    const Tree endless = read(directory.write("a.conf", "SecMarker x\nInclude b.conf\n"));
    expect_text(shown(endless), "x problem in line 1 of file 1 ", "a circle");
    assert_true(endless.broken_includes);

    expect_text(shown(read(directory / "none.conf")), "problem in line 0 of file 0 ", "no file");
    expect_text(shown(read(directory / "")), "problem in line 0 of file 0 ", "a directory");

    const Tree syntax = read(directory.write("s.conf", "SecMarker x\n\"\n"));
    expect_text(shown(syntax), "x problem in line 2 of file 0 ", "what the scanner says");
    assert_false(syntax.broken_includes);
}

void test_limits(void**) {
    const Directory directory;
    const std::string one = directory.write("one.conf", "SecMarker one\n");
    assert_true(read(one, {.file_size = 13}).broken_includes);
    assert_false(read(one, {.file_size = 14}).broken_includes);
    const std::string two = directory.write("two.conf", "Include one.conf\nInclude one.conf\n");
    expect_text(shown(read(two)), "one one ", "twice is no circle");
    assert_true(read(two, {.total_size = 61}).broken_includes);
    assert_false(read(two, {.total_size = 62}).broken_includes);
    assert_true(read(two, {.files = 2}).broken_includes);
}

void test_resources(void**) {
    const Directory directory;
    const std::string config = directory.write("sub/main.conf", "");
    directory.write("sub/x.data", "");
    assert_true(find_resource("x.data", config) ==
                std::vector<std::string>{directory / "sub/x.data"});
    assert_true(find_resource(directory / "sub/x.data", "").size() == 1);
    assert_true(find_resource("y.data", config).empty());
    assert_true(find_resource("*.data", config).size() == 1);
    // The library takes a file without a slash for a directory.
    assert_true(find_resource("x.data", "main.conf").empty());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_resources),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
