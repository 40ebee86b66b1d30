// HTTP/1 requests, as gatehouse-waf reads them, put through rules that look at every part of them.
//
// What must hold: a request whose parts have the word "attack" where a rule looks for it is
// refused, whatever else is in it; one that has it nowhere passes.

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>

#include "property.hpp"
#include "waf/core/libmodsecurity.hpp"
#include "waf/tool/http_message.hpp"
#include "waf/tool/trial.hpp"

namespace {

using namespace gatehouse::fuzz;
using namespace gatehouse::waf;

constexpr const char* kRules = R"(
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 1048576
SecRequestBodyLimitAction ProcessPartial
SecAction "id:1,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
SecRule REQUEST_URI_RAW|REQUEST_METHOD|REQUEST_HEADERS|REQUEST_HEADERS_NAMES "@contains attack" \
    "id:2,phase:1,deny,status:403,t:none,t:lowercase"
SecRule REQUEST_BODY "@contains attack" "id:3,phase:2,deny,status:403,t:none,t:lowercase"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|FILES|FILES_NAMES|XML:/*|MULTIPART_STRICT_ERROR "@rx ." \
    "id:4,phase:2,pass,nolog"
)";

struct Rules {
    std::unique_ptr<Engine> engine = make_libmodsecurity("transaction_fuzz");
    RuleSetPtr set;

    Rules() {
        const RuleSource source{RuleSource::Kind::text, kRules, "", "transaction_fuzz"};
        set = engine->load({&source, 1}).rules;
        require(set != nullptr, "the rules are right");
    }
};

bool has_attack(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("attack") != text.npos;
}

// What rules 2 and 3 look for.
bool is_attack(const tool::Request& request) {
    const Target target(request.uri);
    return has_attack(target.text) || has_attack(std::string(host_of(target.authority))) ||
           has_attack(request.method) || has_attack(request.body) ||
           std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
               return has_attack(header.first) || has_attack(header.second);
           });
}

bool has_nul(const tool::Request& request) {
    return (request.uri + request.method + request.version).find('\0') != std::string::npos;
}

// REQUEST_BODY stays empty for bodies that are taken apart.
bool is_taken_apart(const tool::Request& request) {
    return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
        std::string name = header.first;
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return name == "content-type" && header.second.find("multipart") != std::string::npos;
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Rules rules;
    const auto parsed = tool::parse_request(text_of(data, size));
    if (!parsed.message) {
        return 0;
    }
    const tool::Request& request = *parsed.message;
    const tool::Outcome outcome =
        tool::run_trial(*rules.engine, rules.set, {request, std::nullopt, {}}, "192.0.2.1");
    require(outcome.failed == has_nul(request), "only a NUL is beyond the engine");
    if (!outcome.failed && outcome.reason.empty() && !is_taken_apart(request)) {
        require(outcome.blocked == is_attack(request), "attacks are refused, and nothing else");
        require(!outcome.blocked || outcome.status == 403, "with the rule's status");
    }
    return 0;
}
