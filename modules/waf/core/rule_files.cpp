#include "waf/core/rule_files.hpp"

#include <glob.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "waf/core/fatal_mistake.hpp"
#include "waf/core/libmodsecurity_rules.hpp"

namespace gatehouse::waf {
namespace {

// What the library takes for a path behind Include.
constexpr std::string_view kPathCharacters =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/.-*:";

bool is_directory(const std::string& path) noexcept {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

bool is_readable(const std::string& path) { return std::ifstream(path).is_open(); }

std::string read_all(const std::string& path) {
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    std::string octets;
    if (const std::streamoff size = stream.tellg(); size > 0) {
        octets.resize(static_cast<std::size_t>(size));
        stream.seekg(0);
        stream.read(octets.data(), size);
        octets.resize(static_cast<std::size_t>(stream.gcount()));
    }
    return octets;
}

// What tells versions of a file apart that is too large to be read every time.
std::string facts_of(const std::string& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        return {};
    }
    return std::to_string(facts.st_ino) + ' ' + std::to_string(facts.st_size) + ' ' +
           std::to_string(facts.st_mtim.tv_sec) + ' ' + std::to_string(facts.st_mtim.tv_nsec);
}

// A name beside a file; without a slash the library takes the file's name for a directory's.
std::string beside(const std::string& file, std::string_view name) {
    return file.substr(0, file.find_last_of("/\\")) + '/' + std::string(name);
}

std::vector<std::string> expand(const std::string& pattern) {
    struct Found : glob_t {
        Found() noexcept : glob_t{} {}
        ~Found() { ::globfree(this); }
        Found(const Found&) = delete;
        Found& operator=(const Found&) = delete;
    } found;
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        for (std::size_t i = 0; i < found.gl_pathc; ++i) {
            if (std::string path = found.gl_pathv[i]; is_readable(path)) {
                paths.push_back(std::move(path));
            }
        }
    }
    return paths;
}

}  // namespace

// SHA-256 over parts that cannot run into each other.
class RuleFiles::Digest {
  public:
    Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        good_ =
            context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
    }

    void add(std::string_view part) noexcept {
        const std::uint64_t size = part.size();
        good_ = good_ && EVP_DigestUpdate(context_.get(), &size, sizeof size) == 1 &&
                EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1;
    }

    std::optional<Fingerprint> finish() noexcept {
        Fingerprint value{};
        good_ = good_ && EVP_DigestFinal_ex(context_.get(), value.data(), nullptr) == 1;
        return good_ ? std::optional(value) : std::nullopt;
    }

  private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
    bool good_ = false;
};

RuleFiles::RuleFiles(std::span<const RuleSource> sources) {
    Digest digest;
    for (std::size_t i = 0; i < sources.size() && problem_.empty(); ++i) {
        const RuleSource& source = sources[i];
        digest.add(source.kind == RuleSource::Kind::file ? "source file" : "source text");
        switch (source.kind) {
        case RuleSource::Kind::text:
            digest.add(source.value);
            add(digest, {source.place, true, i, source.value, std::nullopt, 0});
            break;
        case RuleSource::Kind::file:
            digest.add(source.value);
            if (is_directory(source.value)) {
                problem_ = source.value + " is a directory";
            } else {
                add(digest, {source.value, false, i, read_all(source.value), std::nullopt, 0});
            }
            break;
        case RuleSource::Kind::remote:
            known_ = false;
            break;
        }
    }
    if (known_ && problem_.empty()) {
        fingerprint_ = digest.finish();
    }
}

void RuleFiles::add(Digest& digest, File file) {
    digest.add("rules");
    digest.add(file.is_text ? std::string_view() : file.name);
    digest.add(file.rules);
    files_.push_back(std::make_unique<const File>(std::move(file)));
    read(digest, files_.size() - 1);
}

void RuleFiles::read(Digest& digest, std::size_t index) {
    const File& file = *files_[index];
    std::string_view rest = file.rules;
    for (int line = 1; problem_.empty();) {
        const auto statement = take_statement(rest, line);
        if (!statement) {
            return;
        }
        if (const auto mistake = fatal_mistake(statement->text)) {
            problem_ = place(index, statement->line) + ": " + *mistake;
            return;
        }
        std::string_view arguments = statement->text;
        const std::string_view directive = take_word(arguments);
        arguments = trim(arguments);
        if (same_word(directive, "Include")) {
            add_included(digest, index, statement->line, arguments);
        } else if (same_word(directive, "SecUnicodeMapFile")) {
            const std::size_t page = arguments.find_last_of(" \t");
            add_data(digest, file.name, trim(arguments.substr(0, page)), read_all);
        } else if (same_word(directive, "SecGeoLookupDb")) {
            add_data(digest, file.name, arguments, facts_of);
        } else if (same_word(directive, "SecRule") || same_word(directive, "SecAction")) {
            known_ = known_ && !find_action(statement->text, "exec");
            read_operators(digest, file.name, statement->text);
        } else if (same_word(directive, "SecRemoteRules") ||
                   same_word(directive, "SecRuleScript")) {
            known_ = false;
        }
    }
}

void RuleFiles::read_operators(Digest& digest, const std::string& file,
                               std::string_view statement) {
    while (const auto operation = take_operation(statement)) {
        const auto is = [&](std::string_view name) { return same_word(operation->name, name); };
        if (is("pmFromFile") || is("pmf") || is("ipMatchFromFile") || is("ipMatchF")) {
            known_ = known_ && !operation->parameter.starts_with("https://");
            add_data(digest, file, operation->parameter, read_all);
        } else if (is("inspectFile") || is("fuzzyHash")) {
            known_ = false;
        }
    }
}

void RuleFiles::add_data(Digest& digest, const std::string& rules, std::string_view name,
                         std::string (*content)(const std::string&)) {
    std::string path(name);
    if (!is_readable(path)) {
        path = beside(rules, name);
    }
    if (is_readable(path) && !is_directory(path)) {
        digest.add("data");
        digest.add(path);
        digest.add(content(path));
    }
}

void RuleFiles::add_included(Digest& digest, std::size_t parent, int line,
                             std::string_view pattern) {
    if (pattern.starts_with('"')) {
        pattern.remove_prefix(1);
    }
    const std::string name(pattern.substr(0, pattern.find_first_not_of(kPathCharacters)));
    std::vector<std::string> paths = expand(name);
    if (paths.empty() && !name.empty()) {
        paths = expand(beside(
            files_[parent]->is_text ? std::string(kTextReference) : files_[parent]->name, name));
    }
    for (std::string& path : paths) {
        if (is_directory(path)) {
            problem_ = place(parent, line) + ": " + path + " is a directory";
            return;
        }
        if (is_above(path, parent)) {
            problem_ = place(parent, line) + ": " + path + " includes itself";
            return;
        }
        const bool known = std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
            return !file->is_text && file->name == path;
        });
        if (known) {
            digest.add("again");
            digest.add(path);
        } else {
            std::string rules = read_all(path);
            add(digest,
                {std::move(path), false, files_[parent]->source, std::move(rules), parent, line});
        }
    }
}

bool RuleFiles::is_above(const std::string& path, std::optional<std::size_t> file) const {
    for (; file; file = files_[*file]->parent) {
        if (!files_[*file]->is_text && files_[*file]->name == path) {
            return true;
        }
    }
    return false;
}

std::string RuleFiles::name_line(const File& file, int line) const {
    const std::string number = std::to_string(line);
    return file.is_text ? describe_text_line(file.name, number) : file.name + ':' + number;
}

std::optional<std::size_t> RuleFiles::find(std::string_view name,
                                           std::size_t source) const noexcept {
    const bool is_text = name == kTextReference;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const File& file = *files_[i];
        if (name.empty() ? file.source == source
            : is_text    ? file.is_text && file.source == source
                         : !file.is_text && file.name == name) {
            return i;
        }
    }
    return std::nullopt;
}

std::string RuleFiles::place(std::size_t index, int line) const {
    const File* file = files_[index].get();
    std::string place = name_line(*file, line);
    while (file->parent) {
        line = file->line;
        file = files_[*file->parent].get();
        place += ", included from " + name_line(*file, line);
    }
    return place;
}

}  // namespace gatehouse::waf
