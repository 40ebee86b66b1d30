#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf::seclang {

// Rule files with what they include, in the order in which libmodsecurity reads them.

inline constexpr std::size_t kNoFile = static_cast<std::size_t>(-1);

struct File {
    std::string name;                     // as the user wrote it; of an included one its path
    std::string path;                     // as libmodsecurity knows it
    std::size_t included_from = kNoFile;  // who includes it, and where
    int include_line = 0;
};

struct Place {
    std::size_t file = kNoFile;
    int line = 0;
};

struct Statement {
    Directive directive;
    std::size_t file = kNoFile;
};

struct TreeProblem {
    Place place;
    std::string text;
};

struct Tree {
    std::vector<File> files;
    std::vector<Statement> statements;  // without the includes
    std::vector<TreeProblem> problems;
    // An include that leads nowhere or back: libmodsecurity need not, or must not, be asked.
    bool broken_includes = false;
};

struct Limits {
    std::size_t file_size = 16U << 20U;
    std::size_t total_size = 64U << 20U;
    std::size_t files = 4096;
};

Tree read_tree(std::span<const std::string> names, const Limits& limits = {});

// Where libmodsecurity finds a file that the file `config` names: the working directory comes
// before that of `config`, and wildcards are looked at last. Several, sorted, for a wildcard; none:
// not found.
std::vector<std::string> find_resource(std::string_view resource, std::string_view config);

}  // namespace gatehouse::waf::seclang
