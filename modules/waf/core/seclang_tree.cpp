#include "waf/core/seclang_tree.hpp"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf::seclang {

namespace {

namespace fs = std::filesystem;

// A pipe, too, and at once.
bool opens(const std::string& path) noexcept {
    const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return file >= 0 && ::close(file) == 0;
}

// What the library gets from the shell's expansion: its paths have no other special character than
// the asterisk.
std::vector<std::string> expand(const std::string& pattern) {
    std::vector<std::string> found;
    glob_t matches{};
    if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
        try {
            for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
                if (opens(matches.gl_pathv[i])) {
                    found.emplace_back(matches.gl_pathv[i]);
                }
            }
        } catch (...) {
            globfree(&matches);
            throw;
        }
    }
    globfree(&matches);
    return found;
}

// The library's notion of it: a file without a slash is its own directory.
std::string directory_of(std::string_view file) {
    return std::string(file.substr(0, file.find_last_of("/\\")));
}

class Reader {
  public:
    explicit Reader(const Limits& limits) noexcept : limits_(limits) {}

    void read(std::size_t file) {
        std::string text;
        if (!load(file, text)) {
            tree_.broken_includes = true;
            return;
        }
        Scan scan = seclang::scan(text);
        for (Problem& problem : scan.problems) {
            report({file, problem.line}, std::move(problem.text));
        }
        for (Directive& directive : scan.directives) {
            if (directive_form(directive.name) == Form::include) {
                include(directive, file);
            } else {
                tree_.statements.push_back({std::move(directive), file});
            }
        }
    }

    std::size_t add(File file) {
        tree_.files.push_back(std::move(file));
        return tree_.files.size() - 1;
    }

    Tree take() { return std::move(tree_); }

  private:
    void report(Place place, std::string text) {
        tree_.problems.push_back({place, std::move(text)});
    }

    bool load(std::size_t index, std::string& text) {
        const File& file = tree_.files[index];
        const Place place = file.included_from == kNoFile
                                ? Place{index, 0}
                                : Place{file.included_from, file.include_line};
        std::error_code error;
        if (!fs::is_regular_file(file.path, error)) {
            report(place, "\"" + file.name + "\" is not a file that can be read");
            return false;
        }
        const std::uintmax_t size = fs::file_size(file.path, error);
        total_ += error ? 0 : size;
        if (error || size > limits_.file_size || total_ > limits_.total_size) {
            report(place, "\"" + file.name + "\" is too large for a rule file");
            return false;
        }
        text.resize(size);
        std::ifstream stream(file.path, std::ios::binary);
        stream.read(text.data(), static_cast<std::streamsize>(size));
        if (stream.gcount() != static_cast<std::streamsize>(size)) {
            report(place, "\"" + file.name + "\" cannot be read");
            return false;
        }
        return true;
    }

    void include(const Directive& directive, std::size_t from) {
        const Place place{from, directive.line};
        const std::vector<std::string> paths =
            find_resource(directive.argument, tree_.files[from].path);
        if (paths.empty()) {
            report(place, "\"" + directive.argument + "\" is not found");
            tree_.broken_includes = true;
        }
        for (const std::string& path : paths) {
            if (includes_itself(path, from)) {
                report(place, "\"" + path + "\" includes itself");
                tree_.broken_includes = true;
            } else if (tree_.files.size() >= limits_.files) {
                report(place, "too many files are included");
                tree_.broken_includes = true;
                return;
            } else {
                read(add({path, path, from, directive.line}));
            }
        }
    }

    bool includes_itself(const std::string& path, std::size_t from) const {
        std::error_code error;
        for (; from != kNoFile; from = tree_.files[from].included_from) {
            if (fs::equivalent(path, tree_.files[from].path, error)) {
                return true;
            }
        }
        return false;
    }

    const Limits limits_;
    std::uintmax_t total_ = 0;
    Tree tree_;
};

}  // namespace

std::vector<std::string> find_resource(std::string_view resource, std::string_view config) {
    const std::string name(resource);
    const std::string beside = directory_of(config) + "/" + name;
    for (const std::string& path : {name, beside}) {
        if (opens(path)) {
            return {path};
        }
        if (std::vector<std::string> found = expand(path); !found.empty()) {
            return found;
        }
    }
    return {};
}

Tree read_tree(std::span<const std::string> names, const Limits& limits) {
    Reader reader(limits);
    for (const std::string& name : names) {
        std::error_code error;
        const fs::path path = fs::absolute(name, error).lexically_normal();
        reader.read(reader.add({name, error ? name : path.string(), kNoFile, 0}));
    }
    return reader.take();
}

}  // namespace gatehouse::waf::seclang
