#include "waf/tool/exclusion.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "waf/core/seclang.hpp"
#include "waf/tool/patterns.hpp"
#include "waf/tool/rules.hpp"
#include "waf/tool/text.hpp"

namespace gatehouse::waf::tool {

namespace {

// What one transaction asks for.
struct Scope {
    std::string host, path;
    bool is_name = false;     // the host is without a port, and the case is unknown
    bool is_pattern = false;  // of the path
    std::set<std::string> variables;

    friend bool operator==(const Scope&, const Scope&) = default;
};

struct Range {
    std::int64_t first, last;
    std::string_view reason;
};

// Of the Core Rule Set.
constexpr Range kRefused[] = {
    {900'000, 901'999, "it sets the rule set up and finds nothing"},
    {949'000, 949'999, "it judges the score of all other rules: without it nothing is blocked"},
    {959'000, 959'999, "it judges the score of all other rules: without it nothing is blocked"},
    {980'000, 980'999, "it reports the score of all other rules"},
};

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const int letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// REQUEST_FILENAME as libmodsecurity makes it: decoded once, then cut.
std::string filename_of(std::string_view uri) {
    uri = uri.substr(0, uri.find('#'));
    std::string path;
    for (std::size_t i = 0; i < uri.size(); ++i) {
        if (uri[i] == '%' && i + 2 < uri.size()) {
            const int high = hex_value(uri[i + 1]), low = hex_value(uri[i + 2]);
            if (high >= 0 && low >= 0) {
                path += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        path += uri[i];
    }
    return path.substr(0, path.find('?'));
}

// SecLang has no way to write some characters in an operator's parameter, and macros begin with a
// percent sign.
bool writable_text(std::string_view text) noexcept {
    return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               const auto octet = static_cast<unsigned char>(c);
               return octet >= 0x20 && octet != 0x7f && c != '"' && c != '\\' && c != '%';
           });
}

// What libmodsecurity's scanner takes for the target of ctl:ruleRemoveTargetById.
bool writable_variable(std::string_view text) noexcept {
    constexpr std::string_view kOthers = "_/.-*:][$";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != kOthers.npos;
    });
}

// FNV-1a: the same exclusion has the same id, whoever asks for it.
std::int64_t derived_id(const Scope& scope, std::int64_t rule) noexcept {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto add = [&](std::string_view text) {
        for (const char c : text) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
        }
        hash *= 1099511628211ULL;  // as a NUL would
    };
    add(std::to_string(rule));
    add(scope.host);
    add(scope.path);
    add(scope.is_name ? "name" : "header");
    for (const std::string& variable : scope.variables) {
        add(variable);
    }
    return kFirstOwnId + static_cast<std::int64_t>(hash % 1'000'000'000U);
}

std::string problem_of(const Scope& scope, std::int64_t rule) {
    if (scope.host.empty()) {
        return "the entry does not tell the host for certain: an audit log must have part B";
    }
    if (scope.path.empty()) {
        return "the entry does not have the whole path";
    }
    if (!writable_text(scope.host) || (!scope.is_pattern && !writable_text(scope.path))) {
        return "host or path hold characters that SecLang cannot express: \"" +
               printable(scope.host) + "\", \"" + printable(scope.path) + '"';
    }
    for (const std::string& variable : scope.variables) {
        if (!writable_variable(variable)) {
            return variable.empty() ? "the entry does not say for certain on what variable rule " +
                                          std::to_string(rule) + " matched"
                                    : "libmodsecurity cannot exclude a variable with such a name "
                                      "for a path: \"" +
                                          printable(variable) + "\"; --everywhere does it for all";
        }
    }
    return {};
}

// Only the first rule of a chain has the id, and so targets that can be excluded. Empty as well if
// the file cannot be read: the entry may be from another machine.
std::string chain_problem(const std::string& file, const Scope& scope, std::int64_t id) {
    const std::string names[] = {file};
    const seclang::Tree tree = seclang::read_tree(names);
    for (const Rule& rule : collect_rules(tree)) {
        if (rule.id != id || rule.links.size() < 2) {
            continue;
        }
        const auto& targets = rule.links.front()->variables;
        for (const std::string& variable : scope.variables) {
            const std::string collection = variable.substr(0, variable.find(':'));
            if (std::none_of(targets.begin(), targets.end(), [&](const seclang::Variable& each) {
                    return seclang::same_name(each.name, collection);
                })) {
                return "rule " + std::to_string(id) + " is a chain, and " + variable +
                       " is no target of its first link, the only one that can be excluded from; "
                       "use ctl:ruleRemoveById";
            }
        }
    }
    return {};
}

std::string comment(const Wanted& wanted, const std::string& transaction,
                    const std::string& message) {
    std::string out = "# False positive of rule " + std::to_string(wanted.rule) +
                      " in transaction " + printable(transaction) + ".\n";
    return message.empty() ? out : out + "# The rule says: " + printable(message) + '\n';
}

std::string write(const Scope& scope, const Wanted& wanted) {
    const std::int64_t id = wanted.own_id != 0 ? wanted.own_id : derived_id(scope, wanted.rule);
    std::string out = "# Belongs in front of the rules.\n";
    out += std::string("SecRule ") + (scope.is_name ? "SERVER_NAME" : "REQUEST_HEADERS:Host") +
           " \"@streq " + scope.host + "\" \\\n    \"id:" + std::to_string(id) +
           ",phase:1,pass,t:none" + (scope.is_name ? ",t:lowercase" : "") + ",nolog,chain\"\n";
    out += std::string("    SecRule REQUEST_FILENAME \"") +
           (scope.is_pattern ? "@rx " : "@streq ") + scope.path + "\" \\\n        \"t:none";
    for (const std::string& variable : scope.variables) {
        out +=
            ",\\\n        ctl:ruleRemoveTargetById=" + std::to_string(wanted.rule) + ';' + variable;
    }
    return out + "\"\n";
}

std::string write_everywhere(const std::vector<std::string>& variables, const Wanted& wanted) {
    std::string out =
        "# Belongs behind the rules. Holds for every host and path: ctl takes no such name.\n";
    std::set<std::string> written;
    for (const std::string& variable : variables) {
        const std::size_t colon = variable.find(':');
        if (!written.insert(variable.substr(0, colon) + name_pattern(variable)).second) {
            continue;
        }
        out += "SecRuleUpdateTargetById " + std::to_string(wanted.rule) + " \"!" +
               variable.substr(0, colon) + ":/" + name_pattern(variable.substr(colon + 1)) +
               "/\"\n";
    }
    return out;
}

// Takes the variables off the scope that can only be excluded everywhere.
std::vector<std::string> take_everywhere(Scope& scope, const Wanted& wanted) {
    std::vector<std::string> taken;
    for (auto at = scope.variables.begin(); at != scope.variables.end();) {
        const std::size_t colon = at->find(':');
        const bool is_named = colon != at->npos && colon + 1 < at->size();
        if (wanted.everywhere && is_named &&
            (has_index(at->substr(colon + 1)) || !writable_variable(*at)) &&
            writable_variable(at->substr(0, colon))) {
            taken.push_back(*at);
            at = scope.variables.erase(at);
        } else {
            ++at;
        }
    }
    return taken;
}

struct Candidate {
    const AuditEntry* entry = nullptr;
    const AuditMatch* match = nullptr;
    Scope scope;
};

std::vector<Candidate> candidates(std::span<const AuditEntry> entries, const Wanted& wanted) {
    std::vector<Candidate> found;
    for (const AuditEntry& entry : entries) {
        if (!wanted.transaction.empty() && entry.transaction != wanted.transaction) {
            continue;
        }
        const bool is_name = entry.host.empty() && !entry.name.empty();
        const std::string path = filename_of(entry.uri);
        const bool is_pattern = wanted.any_id && !path.empty();
        Candidate candidate{&entry,
                            nullptr,
                            {is_name ? entry.name : entry.host,
                             is_pattern ? path_pattern(path) : path,
                             is_name,
                             is_pattern,
                             {}}};
        for (const AuditMatch& match : entry.matches) {
            if (match.rule == wanted.rule) {
                candidate.match = &match;
                candidate.scope.variables.insert(match.variable);
            }
        }
        if (candidate.match != nullptr) {
            found.push_back(std::move(candidate));
        }
    }
    return found;
}

}  // namespace

Exclusion make_exclusion(std::span<const AuditEntry> entries, const Wanted& wanted) {
    const std::string name = "rule " + std::to_string(wanted.rule);
    for (const Range& range : kRefused) {
        if (wanted.rule >= range.first && wanted.rule <= range.last) {
            return {{}, {}, name + " is not excluded: " + std::string(range.reason)};
        }
    }
    const std::vector<Candidate> found = candidates(entries, wanted);
    if (found.empty()) {
        return {{}, {}, "no entry has a match of " + name};
    }
    const Candidate& first = found.front();
    for (const Candidate& other : found) {
        if (!(other.scope == first.scope)) {
            return {{},
                    {},
                    name + " matched in different ways; choose by --transaction, for instance " +
                        printable(first.entry->transaction) + " or " +
                        printable(other.entry->transaction)};
        }
    }
    Scope scope = first.scope;
    const std::vector<std::string> everywhere = take_everywhere(scope, wanted);
    std::string problem = scope.variables.empty() ? std::string() : problem_of(scope, wanted.rule);
    if (problem.empty() && !first.match->file.empty()) {
        problem = chain_problem(first.match->file, first.scope, wanted.rule);
    }
    if (!problem.empty()) {
        return {{}, {}, std::move(problem)};
    }
    const std::string why = comment(wanted, first.entry->transaction, first.match->message);
    return {scope.variables.empty() ? std::string() : why + write(scope, wanted),
            everywhere.empty() ? std::string() : why + write_everywhere(everywhere, wanted),
            {}};
}

}  // namespace gatehouse::waf::tool
