#include "waf/core/rule_files.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "waf/core/address_list.hpp"
#include "waf/core/exclusion_mistake.hpp"
#include "waf/core/fatal_mistake.hpp"
#include "waf/core/libmodsecurity_rules.hpp"
#include "waf/core/seclang_tree.hpp"

namespace gatehouse::waf {
namespace {

// What the library takes for a path behind Include.
constexpr std::string_view kPathCharacters =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/.-*:";

// What must not be opened as a file: a directory never ends for the library, and a pipe does not
// begin before somebody writes.
enum class FileKind : std::uint8_t { directory, pipe, other };

FileKind kind_of(const std::string& path) noexcept {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        return FileKind::other;
    }
    return S_ISDIR(facts.st_mode)    ? FileKind::directory
           : S_ISFIFO(facts.st_mode) ? FileKind::pipe
                                     : FileKind::other;
}

const char* describe(FileKind kind) noexcept {
    return kind == FileKind::directory ? " is a directory" : " is a pipe";
}

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

std::string_view kind_name(RuleSource::Kind kind) noexcept {
    return kind == RuleSource::Kind::text   ? "source text"
           : kind == RuleSource::Kind::file ? "source file"
                                            : "source remote";
}

// The library finds it wherever a directive may begin, not only where a line does.
bool downloads_rules(std::string_view statement) noexcept {
    constexpr std::string_view kDirective = "SecRemoteRules";
    for (; statement.size() > kDirective.size(); statement.remove_prefix(1)) {
        if (same_word(statement.substr(0, kDirective.size()), kDirective) &&
            statement[kDirective.size()] == ' ') {
            return true;
        }
    }
    return false;
}

bool has_long_line(std::string_view text) noexcept {
    while (text.size() > kMaxPhrase) {
        const std::size_t end = text.find('\n');
        if (end == text.npos || end > kMaxPhrase) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
    return false;
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

RuleFiles::RuleFiles(std::span<const RuleSource> sources, std::span<const std::string> downloads)
    : sources_(sources), downloads_(downloads) {
    Digest digest;
    for (std::size_t i = 0; i < sources.size() && problem_.empty(); ++i) {
        const RuleSource& source = sources[i];
        digest.add(kind_name(source.kind));
        digest.add(source.value);
        switch (source.kind) {
        case RuleSource::Kind::text:
            add(digest, {source.place, true, i, source.value, std::nullopt, 0});
            break;
        case RuleSource::Kind::file:
            if (const FileKind kind = kind_of(source.value); kind != FileKind::other) {
                problem_ = source.value + describe(kind);
            } else {
                add(digest, {source.value, false, i, read_all(source.value), std::nullopt, 0});
            }
            break;
        case RuleSource::Kind::remote:
            add(digest, {source.value, false, i, downloads_[i], std::nullopt, 0});
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
    const seclang::Scan scan = seclang::scan(file.rules);
    if (!scan.problems.empty()) {
        problem_ = place(index, scan.problems.front().line) + ": " + scan.problems.front().text;
        return;
    }
    if (file.parent && scan.open_line) {
        problem_ = place(index, *scan.open_line) +
                   ": a line end was expected behind the operator at the end of the file";
        return;
    }
    for (const seclang::Directive& directive : scan.directives) {
        auto mistake = fatal_mistake(directive);
        mistake = mistake ? mistake : script_mistake(directive);
        mistake = mistake ? mistake : exclusion_mistake(directive);
        if (mistake) {
            problem_ = place(index, directive.line) + ": " + *mistake;
            return;
        }
        late_use_.note(directive);
    }
    std::string_view rest = file.rules;
    for (int line = 1; problem_.empty();) {
        const auto statement = take_statement(rest, line);
        if (!statement) {
            return;
        }
        read_statement(digest, index, *statement);
    }
}

void RuleFiles::read_statement(Digest& digest, std::size_t file, const Statement& statement) {
    std::string_view arguments = statement.text;
    const std::string_view directive = take_word(arguments);
    arguments = trim(arguments);
    known_ = known_ && !find_action(statement.text, "exec");
    read_operators(digest, file, statement);
    if (downloads_rules(statement.text)) {
        problem_ = place(file, statement.line) +
                   ": SecRemoteRules is not supported, as nothing would bound its time: use "
                   "modsecurity_rules_remote";
    } else if (same_word(directive, "Include")) {
        add_included(digest, file, statement.line, arguments);
    } else if (same_word(directive, "SecUnicodeMapFile")) {
        const std::size_t page = arguments.find_last_of(" \t");
        add_data(digest, file, statement.line, trim(arguments.substr(0, page)), read_all);
    } else if (same_word(directive, "SecGeoLookupDb")) {
        add_data(digest, file, statement.line, arguments, facts_of);
    } else if (same_word(directive, "SecRuleScript")) {
        known_ = false;
    }
}

void RuleFiles::read_operators(Digest& digest, std::size_t file, const Statement& statement) {
    std::string_view rest = statement.text;
    while (const auto operation = take_operation(rest)) {
        const auto is = [&](std::string_view name) { return same_word(operation->name, name); };
        const bool of_phrases = is("pmFromFile") || is("pmf");
        if (of_phrases || is("ipMatchFromFile") || is("ipMatchF")) {
            if (operation->parameter.starts_with("https://")) {
                problem_ = place(file, statement.line) + ": data from " +
                           std::string(operation->parameter) +
                           " is not supported, as nothing would bound its time: keep it in a file";
                return;
            }
            const std::string data =
                add_data(digest, file, statement.line, operation->parameter, read_all);
            if (const auto mistake = of_phrases ? std::nullopt : address_list_mistake(data)) {
                problem_ = place(file, statement.line) + ": line " + std::to_string(mistake->line) +
                           " of \"" + std::string(operation->parameter) + "\": " + mistake->text;
            }
            if (of_phrases && has_long_line(data)) {
                problem_ = place(file, statement.line) + ": a phrase in \"" +
                           std::string(operation->parameter) + "\" has more than " +
                           std::to_string(kMaxPhrase) + " octets";
            }
        } else if (is("inspectFile") || is("fuzzyHash")) {
            known_ = false;
        }
    }
}

// A directory is an empty file for the library.
std::string RuleFiles::add_data(Digest& digest, std::size_t file, int line, std::string_view name,
                                std::string (*content)(const std::string&)) {
    const std::vector<std::string> paths = seclang::find_resource(name, reference(file));
    const FileKind kind = paths.empty() ? FileKind::directory : kind_of(paths.front());
    if (kind == FileKind::pipe) {
        problem_ = place(file, line) + ": " + paths.front() + describe(kind);
    }
    if (kind != FileKind::other) {
        return {};
    }
    std::string data = content(paths.front());
    digest.add("data");
    digest.add(paths.front());
    digest.add(data);
    return data;
}

void RuleFiles::add_included(Digest& digest, std::size_t parent, int line,
                             std::string_view pattern) {
    if (pattern.starts_with('"')) {
        pattern.remove_prefix(1);
    }
    const std::string name(pattern.substr(0, pattern.find_first_not_of(kPathCharacters)));
    if (name.empty()) {
        return;
    }
    for (std::string& path : seclang::find_resource(name, reference(parent))) {
        if (const FileKind kind = kind_of(path); kind != FileKind::other) {
            problem_ = place(parent, line) + ": " + path + describe(kind);
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

// What the library takes for the name of the file.
std::string_view RuleFiles::reference(std::size_t file) const noexcept {
    return files_[file]->is_text ? kTextReference : std::string_view(files_[file]->name);
}

// By another name, too.
bool RuleFiles::is_above(const std::string& path, std::optional<std::size_t> file) const {
    std::error_code error;
    for (; file; file = files_[*file]->parent) {
        if (!files_[*file]->is_text &&
            std::filesystem::equivalent(files_[*file]->name, path, error)) {
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
