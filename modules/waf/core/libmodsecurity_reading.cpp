#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/libmodsecurity_versions.hpp"
#include "waf/core/multipart_view.hpp"

// What the library reads otherwise than those who get the request.

namespace gatehouse::waf {
namespace {

std::string without_line_breaks(std::string_view text) {
    std::string line;
    std::copy_if(text.begin(), text.end(), std::back_inserter(line),
                 [](char c) { return c != '\r' && c != '\n'; });
    return line;
}

}  // namespace

// Up to 3.0.11 the library decodes first and looks for the query then: "/a%3f.bak" ends at the
// question mark (CVE-2024-1019).
void LibraryTransaction::correct_path(const Target& target, std::size_t offset) {
    if (transaction_.m_variableRequestFilename.m_value == target.path) {
        return;
    }
    for (auto* variable :
         {&transaction_.m_variableRequestFilename, &transaction_.m_variablePathInfo}) {
        variable->set(target.path, offset, target.path_end);
    }
    const std::size_t base = target.path.find_last_of("/\\") + 1;
    transaction_.m_variableRequestBasename.set(target.path.substr(base), offset + base);
    path_of_messages(transaction_) = target.path;
}

// The library ends at "#", as it should if that never left the client. What it has read stays; the
// argument that has the "#" is read once more as a whole, and so are those behind it.
void LibraryTransaction::read_behind_fragment(const Target& target, std::size_t offset) {
    transaction_.m_variableRequestURI.set(percent_decoded(target.text), offset, target.text.size());
    const std::string query(target.query());
    const std::size_t query_begin = target.text.size() - query.size();
    transaction_.m_variableQueryString.set(query, offset + query_begin);
    std::size_t begin = 0;
    if (target.fragment >= query_begin) {
        begin = query.rfind(separator(), target.fragment - query_begin) + 1;  // npos + 1 is 0
    }
    transaction_.extractArguments("GET", query.substr(begin), offset + query_begin + begin);
}

// What the library does not find in a field, and others do.
void LibraryTransaction::complete_header(std::string_view name, std::string_view value) {
    const auto offset = static_cast<std::size_t>(transaction_.m_variableOffset);
    if (same_text(name, "Host")) {
        transaction_.m_variableServerName.set(std::string(host_of(value)), offset);
    } else if (same_text(name, "Cookie")) {
        for_each_unnamed_cookie(value, [&](std::string_view cookie) {
            transaction_.m_variableRequestCookies.set({}, std::string(cookie), offset);
        });
    } else if (same_text(name, "Content-Type") &&
               transaction_.m_requestBodyType == modsecurity::Transaction::UnknownFormat) {
        read_body_as(body_kind(value), offset);
    }
}

void LibraryTransaction::read_body_as(BodyKind kind, std::size_t offset) {
    switch (kind) {
    case BodyKind::form:
        transaction_.m_requestBodyType = modsecurity::Transaction::WWWFormUrlEncoded;
        transaction_.m_variableReqbodyProcessor.set("URLENCODED", offset);
        break;
    case BodyKind::multipart:
        transaction_.m_requestBodyType = modsecurity::Transaction::MultiPartRequestBody;
        transaction_.m_variableReqbodyProcessor.set("MULTIPART", offset);
        break;
    case BodyKind::other:
        break;
    }
}

// No parser gets XML in a charset in which nothing could be counted.
bool LibraryTransaction::process_request_body() {
    const bool reads = reads_request_body() && transaction_.m_allowType == kNotAllowed;
    const auto type = transaction_.m_variableRequestHeaders.resolveFirst("Content-Type");
    const std::string_view content_type = type ? *type : std::string_view();
    const auto processor = transaction_.m_requestBodyProcessor;
    if (reads && processor == modsecurity::Transaction::XMLRequestBody) {
        body_doubt_ = xml_doubt(content_type, transaction_.m_requestBody.str());
        if (!body_doubt_.empty()) {
            transaction_.m_requestBodyProcessor = modsecurity::Transaction::UnknownFormat;
        }
    } else if (reads && processor != modsecurity::Transaction::JSONRequestBody &&
               transaction_.m_requestBodyType == modsecurity::Transaction::MultiPartRequestBody) {
        return process_multipart(content_type);
    }
    return transaction_.processRequestBody() != 0;
}

// The library leaves out the line breaks in fields of a multipart body. They are put back between
// its reading and its rules, which it runs in one: the rules are held up as behind `allow`.
bool LibraryTransaction::process_multipart(std::string_view content_type) {
    const std::string body = transaction_.m_requestBody.str();
    const MultipartView view(body, multipart_boundary(content_type));
    body_doubt_ = view.doubt();
    if (view.texts().empty()) {
        return transaction_.processRequestBody() != 0;
    }
    transaction_.m_allowType = kAllowedFromNowOn;
    const bool processed = transaction_.processRequestBody() != 0;
    if (!processed || Deadline::over()) {
        return processed;
    }
    restore_line_breaks(view.texts());
    transaction_.m_allowType = kNotAllowed;
    return transaction_.m_rules->evaluate(modsecurity::RequestBodyPhase, &transaction_) != 0;
}

void LibraryTransaction::restore_line_breaks(const std::vector<std::string_view>& texts) {
    std::unordered_map<std::string, std::string_view> whole;
    for (const std::string_view text : texts) {
        whole.try_emplace(without_line_breaks(text), text);
    }
    for (auto* arguments : {&transaction_.m_variableArgs, &transaction_.m_variableArgsPost}) {
        for (const auto& [name, value] : *arguments) {
            const auto found = whole.find(without_line_breaks(value->getValue()));
            if (found != whole.end()) {
                value->setValue(std::string(found->second));
            }
        }
    }
}

// The message of REQBODY_ERROR says which parser has failed, and why.
std::string LibraryTransaction::body_error() const {
    const std::pair<std::string_view, const modsecurity::AnchoredVariable&> flags[] = {
        {"REQBODY_ERROR", transaction_.m_variableReqbodyError},
        {"MULTIPART_STRICT_ERROR", transaction_.m_variableMultipartStrictError},
        {"MULTIPART_UNMATCHED_BOUNDARY", transaction_.m_variableMultipartUnmatchedBoundary},
    };
    for (const auto& [name, flag] : flags) {
        if (!flag.m_value.empty() && flag.m_value != "0") {
            const std::string& message = transaction_.m_variableReqbodyErrorMsg.m_value;
            return std::string(name) + (message.empty() ? "" : ": " + message);
        }
    }
    return {};
}

}  // namespace gatehouse::waf
