#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/engine.hpp"
#include "waf/core/late_use.hpp"
#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {

// SHA-256
using Fingerprint = std::array<unsigned char, 32>;

// The files that rules are made of, found as the library finds them, and before it reads them: it
// does not tell which file includes which, nor what it has read.
class RuleFiles {
  public:
    // `downloads`: of each source that is remote the text. Both must outlive this.
    RuleFiles(std::span<const RuleSource> sources, std::span<const std::string> downloads);

    // What must not be given to the library, with its place: a directory, which would end the
    // process, a pipe, which would hold it up, rules with a NUL, of which it would read a part, a
    // file that includes itself, which it opens until there are no descriptors left, what it would
    // wait for a server for, and fatal_mistake(). Empty: nothing.
    const std::string& problem() const noexcept { return problem_; }

    // Of the sources with all files they name, and where these are; none if they name something
    // that cannot be known beforehand (scripts).
    const std::optional<Fingerprint>& fingerprint() const noexcept { return fingerprint_; }

    const LateUse& late_use() const noexcept { return late_use_; }

    const std::string& downloaded(std::size_t source) const noexcept { return downloads_[source]; }

    // The number of a file as the library names it while it loads that source; of the first one, if
    // it has no name.
    std::optional<std::size_t> find(std::string_view name, std::size_t source) const noexcept;

    // FILE:LINE, and ", included from FILE:LINE" for every file above.
    std::string place(std::size_t file, int line) const;

    // How many files there are; they are known by their numbers.
    std::size_t size() const noexcept { return files_.size(); }

    // Where the directive of nginx is that the file has come by.
    const std::string& directive(std::size_t file) const noexcept {
        return sources_[files_[file]->source].place;
    }

    // Calls `visit(file, statement)` in the order in which the library reads them, until one
    // returns true.
    template <class F>
    bool any_statement(F&& visit) const {
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (!files_[i]->parent && any_statement_of(i, visit)) {
                return true;
            }
        }
        return false;
    }

  private:
    struct File {
        std::string name;  // the path, the URL, or where the directive is whose text this is
        bool is_text = false;
        std::size_t source = 0;
        std::string rules;
        std::optional<std::size_t> parent;
        int line = 0;  // of the parent
    };
    class Digest;

    template <class F>
    bool any_statement_of(std::size_t file, F& visit) const {
        std::string_view rest = files_[file]->rules;
        int line = 1;
        while (const auto statement = take_statement(rest, line)) {
            if (visit(file, *statement)) {
                return true;
            }
            for (std::size_t i = file + 1; i < files_.size(); ++i) {
                if (files_[i]->parent == file && files_[i]->line == statement->line &&
                    any_statement_of(i, visit)) {
                    return true;
                }
            }
        }
        return false;
    }

    void add(Digest& digest, File file);
    void add_included(Digest& digest, std::size_t parent, int line, std::string_view pattern);
    std::string add_data(Digest& digest, std::size_t file, int line, std::string_view name,
                         std::string (*content)(const std::string&));
    void read(Digest& digest, std::size_t index);
    void read_statement(Digest& digest, std::size_t file, const Statement& statement);
    void read_operators(Digest& digest, std::size_t file, const Statement& statement);
    std::string_view reference(std::size_t file) const noexcept;
    bool is_above(const std::string& path, std::optional<std::size_t> file) const;
    std::string name_line(const File& file, int line) const;

    std::span<const RuleSource> sources_;
    std::span<const std::string> downloads_;
    std::vector<std::unique_ptr<const File>> files_;
    std::string problem_;
    LateUse late_use_;
    bool known_ = true;
    std::optional<Fingerprint> fingerprint_;
};

}  // namespace gatehouse::waf
