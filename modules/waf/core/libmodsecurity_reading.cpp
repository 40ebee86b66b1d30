#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "waf/core/body_doubt.hpp"
#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/libmodsecurity_versions.hpp"

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

// No parser of the library gets what it would read otherwise than others.
bool LibraryTransaction::process_request_body() {
    using Parser = modsecurity::Transaction;
    if (!reads_request_body() || transaction_.m_allowType != kNotAllowed) {
        return transaction_.processRequestBody() != 0;
    }
    const auto field = transaction_.m_variableRequestHeaders.resolveFirst("Content-Type");
    const std::string_view type = field ? *field : std::string_view();
    auto& parser = transaction_.m_requestBodyProcessor;
    if (parser == Parser::JSONRequestBody || parser == Parser::XMLRequestBody) {
        const auto doubt = parser == Parser::XMLRequestBody ? xml_doubt : json_doubt;
        body_doubt_ = doubt(type, transaction_.m_requestBody.str());
        parser = body_doubt_.empty() ? parser : Parser::UnknownFormat;
    } else if (transaction_.m_requestBodyType == Parser::MultiPartRequestBody) {
        return process_multipart(type);
    }
    return transaction_.processRequestBody() != 0;
}

// The library leaves out the line breaks in fields of a multipart body. They are put back between
// its reading and its rules, which it runs in one: the rules are held up as behind `allow`.
bool LibraryTransaction::process_multipart(std::string_view content_type) {
    const std::string body = transaction_.m_requestBody.str();
    const MultipartView view(body, multipart_boundary(content_type));
    body_doubt_ = view.doubt();
    transaction_.m_allowType = kAllowedFromNowOn;
    const bool processed = transaction_.processRequestBody() != 0;
    if (!processed || Deadline::over()) {
        return processed;
    }
    if (!restore_line_breaks(view.fields()) && body_doubt_.empty() &&
        transaction_.m_variableReqbodyError.m_value != "1") {
        body_doubt_ = "the multipart body can be read in more than one way";
    }
    transaction_.m_allowType = kNotAllowed;
    return transaction_.m_rules->evaluate(modsecurity::RequestBodyPhase, &transaction_) != 0;
}

// The n-th argument of the body is the n-th field. False: they are not the same.
bool LibraryTransaction::restore_line_breaks(const std::vector<MultipartField>& fields) {
    const auto by_offset = [](const modsecurity::VariableValue* a,
                              const modsecurity::VariableValue* b) {
        return offset_of(*a) < offset_of(*b);
    };
    std::vector<modsecurity::VariableValue*> values;
    for (const auto& [name, value] : transaction_.m_variableArgsPost) {
        values.push_back(value);
    }
    std::sort(values.begin(), values.end(), by_offset);
    const bool same = std::equal(values.begin(), values.end(), fields.begin(), fields.end(),
                                 [](const auto* value, const MultipartField& field) {
                                     return value->getKey() == field.name &&
                                            without_line_breaks(value->getValue()) ==
                                                without_line_breaks(field.text);
                                 });
    if (!same) {
        return false;
    }
    // In ARGS there are those of the query as well: they stand before the body.
    std::unordered_map<std::size_t, std::string_view> whole;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (fields[i].text.find('\n') != std::string_view::npos) {
            whole.emplace(offset_of(*values[i]), fields[i].text);
        }
    }
    for (auto* arguments : {&transaction_.m_variableArgs, &transaction_.m_variableArgsPost}) {
        for (const auto& [name, value] : *arguments) {
            if (const auto found = whole.find(offset_of(*value)); found != whole.end()) {
                value->setValue(std::string(found->second));
            }
        }
    }
    return true;
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
