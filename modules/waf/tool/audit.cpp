#include "waf/tool/audit.hpp"

#include <algorithm>

#include "waf/core/json.hpp"
#include "waf/core/seclang.hpp"
#include "waf/tool/rules.hpp"
#include "waf/tool/text.hpp"

namespace gatehouse::waf::tool {

namespace {

// What stands between the two, if the first is there once only.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    const std::size_t start = text.find(before);
    if (start == text.npos || text.find(before, start + before.size()) != text.npos) {
        return {};
    }
    text.remove_prefix(start + before.size());
    const std::size_t end = text.find(after);
    return end == text.npos ? std::string_view() : text.substr(0, end);
}

// From the sentence of the library; older ones are told by the Core Rule Set only.
std::string variable_of(std::string_view match, std::string_view data) {
    constexpr std::string_view kBefore = "' against variable `", kAfter = "' (Value: `";
    if (match.find(kBefore) != match.npos) {
        return std::string(between(match, kBefore, kAfter));
    }
    return std::string(between(data, " found within ", ": "));
}

void read_header(std::string_view line, AuditEntry& entry) {
    const std::size_t colon = line.find(':');
    if (colon != line.npos && seclang::same_name(line.substr(0, colon), "Host") &&
        entry.host.empty()) {
        line.remove_prefix(colon + 1);
        entry.host = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    }
}

// ModSecurity: Warning. Matched ... [file "F"] [line "L"] [id "N"] ... [msg "..."] [data "..."]
void read_message(std::string_view line, AuditEntry& entry) {
    const std::size_t details = line.find(" [file \"");
    const std::string_view id = between(line, "[id \"", "\"]");
    if (details == line.npos || id.empty()) {
        return;
    }
    const std::string_view known = line.substr(details);
    entry.matches.push_back(
        {number_of(id), variable_of(line.substr(0, details), between(known, "[data \"", "\"]")),
         std::string(between(known, "[msg \"", "\"]")),
         std::string(between(known, "[file \"", "\"]"))});
}

// 2026/01/31 12:00:00 [error]
bool is_error_line(std::string_view line) noexcept {
    constexpr std::string_view kForm = "dddd/dd/dd dd:dd:dd [";
    if (line.size() < kForm.size()) {
        return false;
    }
    return std::equal(kForm.begin(), kForm.end(), line.begin(), [](char form, char c) {
        return form == 'd' ? c >= '0' && c <= '9' : form == c;
    });
}

// DATE [error] PID#TID: *N ... ModSecurity: MESSAGE, client: C, server: S, request: "METHOD URI
// HTTP/1.1", host: "H", as this module and the usual connector write it: a line for each match.
void read_error_line(std::string_view line, std::vector<AuditEntry>& entries) {
    const std::size_t message = line.find(" ModSecurity: ");
    const std::string_view transaction = between(line, "[unique_id \"", "\"]");
    if (message == line.npos || transaction.empty()) {
        return;
    }
    AuditEntry entry;
    read_message(line.substr(message + 1), entry);
    entry.transaction = transaction;
    entry.host = between(line, ", host: \"", "\"");
    std::string_view request = between(line, ", request: \"", " HTTP/");
    request.remove_prefix(std::min(request.find(' ') + 1, request.size()));
    entry.uri = request;
    if (entry.matches.empty()) {
        return;
    }
    // Lines of other requests may stand between those of one.
    constexpr std::size_t kMaxBetween = 1000;
    const std::size_t first = entries.size() - std::min(entries.size(), kMaxBetween);
    for (std::size_t i = entries.size(); i > first; --i) {
        AuditEntry& known = entries[i - 1];
        if (known.transaction == entry.transaction && known.host == entry.host &&
            known.uri == entry.uri) {
            known.matches.push_back(std::move(entry.matches.front()));
            return;
        }
    }
    entries.push_back(std::move(entry));
}

// --BOUNDARY-X--, where X is the part.
char part_of(std::string_view line, std::string_view boundary) {
    const std::size_t size = boundary.size() + 6;
    return line.size() == size && line.starts_with("--") && line.ends_with("--") &&
                   line.substr(2, boundary.size()) == boundary && line[boundary.size() + 2] == '-'
               ? line[size - 3]
               : '\0';
}

// [day/month/year:time zone] ID CLIENT PORT SERVER PORT
std::string transaction_of(std::string_view line) {
    const std::size_t bracket = std::min(line.find("] "), line.size());
    const std::string_view rest = line.substr(std::min(bracket + 2, line.size()));
    return std::string(rest.substr(0, rest.find(' ')));
}

// Behind the line that opens part A. False: it has no end.
bool read_native(std::string_view& text, std::string_view boundary, AuditEntry& entry) {
    char part = 'A';
    bool first = true;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (const char next = part_of(line, boundary)) {
            if (next == 'Z') {
                return true;
            }
            part = next;
            first = true;
            continue;
        }
        if (part == 'A' && first) {
            entry.transaction = transaction_of(line);
        } else if (part == 'B' && first) {
            const std::size_t space = std::min(line.find(' '), line.size());
            line.remove_prefix(std::min(space + 1, line.size()));
            entry.uri = line.substr(0, std::min(line.rfind(" HTTP/"), line.size()));
        } else if (part == 'B') {
            read_header(line, entry);
        } else if (part == 'H') {
            read_message(line, entry);
        }
        first = false;
    }
    return false;
}

std::string_view text_at(const json_t* object, const char* name) {
    return text_of(json_object_get(object, name));
}

AuditEntry from_json(const json_t* root) {
    const json_t* transaction = json_object_get(root, "transaction");
    const json_t* request = json_object_get(transaction, "request");
    AuditEntry entry;
    entry.transaction = text_at(transaction, "unique_id");
    entry.uri = text_at(request, "uri");
    const json_t* headers = json_object_get(request, "headers");
    const char* name = nullptr;
    json_t* value = nullptr;
    // Iterating takes a non-const object; nothing is changed.
    json_object_foreach(const_cast<json_t*>(headers), name, value) {
        if (seclang::same_name(name, "Host") && entry.host.empty()) {
            entry.host = text_of(value);
        }
    }
    const json_t* messages = json_object_get(transaction, "messages");
    for (std::size_t i = 0; i < json_array_size(messages); ++i) {
        const json_t* message = json_array_get(messages, i);
        const json_t* details = json_object_get(message, "details");
        entry.matches.push_back({number_of(text_at(details, "ruleId")),
                                 variable_of(text_at(details, "match"), text_at(details, "data")),
                                 std::string(text_at(message, "message")),
                                 std::string(text_at(details, "file"))});
    }
    return entry;
}

// Texts of events are cut there: nobody knows how they went on.
constexpr std::size_t kMaxEventText = 512;

std::string whole_text_at(const json_t* object, const char* name) {
    const std::string_view text = text_at(object, name);
    return std::string(text.size() < kMaxEventText ? text : std::string_view());
}

// What modsecurity_event_log writes; its texts are those of the module, not of a client.
AuditEntry from_event(const json_t* root) {
    AuditEntry entry;
    const json_t* url = json_object_get(root, "url");
    entry.transaction = text_at(json_object_get(json_object_get(root, "http"), "request"), "id");
    entry.name = whole_text_at(url, "domain");
    entry.uri = whole_text_at(url, "path");
    const json_t* rules = json_object_get(root, "rules");
    for (std::size_t i = 0; i < json_array_size(rules); ++i) {
        const json_t* rule = json_array_get(rules, i);
        const std::string_view place = text_at(rule, "reference");
        entry.matches.push_back({number_of(text_at(rule, "id")), whole_text_at(rule, "variable"),
                                 std::string(text_at(rule, "description")),
                                 std::string(place.substr(0, place.rfind(':')))});
    }
    return entry;
}

Json load_json(std::string_view line) {
    json_error_t error;
    return Json(json_loadb(line.data(), line.size(), JSON_ALLOW_NUL, &error));
}

// An object in a line of its own. The library writes octets of requests as they are; those that are
// no UTF-8 become DEL, which no exclusion takes.
void read_json(std::string_view line, std::vector<AuditEntry>& entries) {
    Json root = load_json(line);
    if (!root) {
        std::string ascii(line);
        std::replace_if(
            ascii.begin(), ascii.end(),
            [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '\x7f');
        root = load_json(ascii);
    }
    if (json_is_object(json_object_get(root.get(), "transaction"))) {
        entries.push_back(from_json(root.get()));
    } else if (json_is_array(json_object_get(root.get(), "rules"))) {
        entries.push_back(from_event(root.get()));
    }
}

}  // namespace

std::vector<AuditEntry> parse_audit(std::string_view text) {
    // Each cut off entry is looked at to the end of the text.
    constexpr int kMaxCut = 100;
    std::vector<AuditEntry> entries;
    for (int cut = 0; !text.empty() && cut < kMaxCut;) {
        const std::string_view line = take_line(text);
        if (line.starts_with('{')) {
            read_json(line, entries);
            continue;
        }
        if (is_error_line(line)) {
            read_error_line(line, entries);
            continue;
        }
        const std::string_view boundary =
            line.size() > 6 ? line.substr(2, line.size() - 6) : std::string_view();
        if (boundary.empty() || part_of(line, boundary) != 'A') {
            continue;
        }
        AuditEntry entry;
        std::string_view rest = text;
        if (read_native(rest, boundary, entry)) {
            text = rest;
            entries.push_back(std::move(entry));
        } else {
            ++cut;
        }
    }
    return entries;
}

}  // namespace gatehouse::waf::tool
