#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jwt/core/policy.hpp"
#include "jwt/core/requirement.hpp"
#include "jwt/token_source.hpp"
#include "ngx/conf.hpp"

namespace gatehouse::jwt {

using KeySetPtr = std::shared_ptr<const KeySet>;

// auth_jwt: what is done with tokens at a place, and where they are found.
enum class Mode : std::uint8_t {
    off,       // nothing
    readable,  // `off token=`: claims can be read, nothing is enforced
    enforced,
};

struct Authentication {
    Mode mode = Mode::off;
    ngx_http_complex_value_t* realm = nullptr;
    TokenSource source;
    ngx::ConfPlace place;
};

enum class Phase : std::uint8_t { preaccess, access };

// auth_jwt_key_file
struct KeyFile {
    ngx_http_complex_value_t* path;
    KeyFormat format;
    ngx::ConfPlace place;
};

// auth_jwt_key_request
struct KeyRequest {
    ngx_http_complex_value_t* uri;
    KeyFormat format;
};

// auth_jwt_secret_file, auth_jwt_secret_env
struct SecretSource {
    KeySetPtr keys;
    std::string name;  // for messages: never the secret
    ngx::ConfPlace place;
    std::shared_ptr<bool> warned;  // said once, however many levels inherit it
};

// auth_jwt_require
struct ValueRequirement {
    std::vector<ngx_http_complex_value_t*> values;
    ngx_int_t status;
};

// auth_jwt_require_claim, auth_jwt_require_header as written; how the name is read depends on
// auth_jwt_allow_nested, which may be set later or at an inner level.
struct RuleText {
    std::string name;
    std::string operator_name;
    Operator op;
    Json expected;                             // null if it depends on the request
    ngx_int_t variable = NGX_CONF_UNSET;       // the index of one that holds JSON
    ngx_http_complex_value_t* text = nullptr;  // a string with variables
    ngx_int_t status = NGX_HTTP_UNAUTHORIZED;
    ngx::ConfPlace place;
};

// directives_rules.cpp. Errors: those of Requirement's makers.
Result<Requirement> make_requirement(Path path, const RuleText& rule);

// The same after merging.
struct Rule {
    Requirement requirement;
    const RuleText* written;  // in LocConf::declared
};

// auth_jwt_allow_nested
struct Nesting {
    std::string delimiter = ".";
    std::string quote = "\"";
};

// auth_jwt_www_authenticate; no value means the standard challenge.
struct Challenge {
    bool enabled = true;
    ngx_http_complex_value_t* value = nullptr;
};

// auth_jwt_limits
struct Limits {
    std::size_t json_depth = JsonLimits{}.depth;
    std::size_t json_members = JsonLimits{}.members;
    KeyLimits keys;
    std::size_t tries = Policy{}.max_tries;
};

// What was written at one level. Nothing, or an empty list, means that it is inherited.
struct Declared {
    std::optional<Authentication> authentication;
    std::optional<Phase> phase;
    std::optional<bool> validate_exp, validate_signature, strip, dry_run, padding;
    std::optional<time_t> leeway, max_lifetime;
    std::optional<ngx_msec_t> key_cache;
    std::optional<std::size_t> max_token_size, min_hmac_bytes;
    std::optional<ngx_uint_t> log_level;
    std::optional<AlgorithmSet> algorithms;
    std::optional<Limits> limits;
    std::optional<Nesting> nesting;
    std::optional<Challenge> challenge;
    std::optional<bool> type_is_signed;
    std::vector<KeyFile> key_files;
    std::vector<KeyRequest> key_requests;
    std::vector<SecretSource> secrets;
    std::vector<ValueRequirement> values;
    std::vector<RuleText> claim_rules, header_rules;
    std::vector<std::string> issuers, audiences, scopes, required_claims, types;
    std::shared_ptr<const RevocationList> revoked_subjects, revoked_kids;
};

// What holds at one level after merging: read-only from then on, shared by all requests.
struct LocConf {
    Declared declared;

    Authentication authentication;
    Phase phase = Phase::access;
    bool own_demands = false;  // the level itself says what a token must be like
    bool strip = false;
    bool dry_run = false;
    ngx_uint_t log_level = NGX_LOG_INFO;
    ngx_msec_t key_cache = 0;
    Challenge challenge;
    KeyLimits key_limits;
    Policy policy;
    std::vector<KeySetPtr> static_keys;
    std::vector<const KeySet*> static_sets;  // the same, as check_signature() takes them
    std::vector<KeyFile> dynamic_files;
    std::vector<Rule> claim_rules, header_rules;
};

// Static key files are read once, however many places name them.
struct MainConf {
    std::map<std::string, KeySetPtr, std::less<>> key_files;
    std::set<std::string, std::less<>> path_variables;  // of claim_set and header_set
};

// Whether the keys of a place become known only with each request.
inline bool finds_keys_late(const LocConf& conf) noexcept {
    return !conf.dynamic_files.empty() || !conf.declared.key_requests.empty();
}

ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& child);

}  // namespace gatehouse::jwt
