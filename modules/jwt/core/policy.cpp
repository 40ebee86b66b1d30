#include "jwt/core/policy.hpp"

#include <algorithm>

namespace gatehouse::jwt {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view text) noexcept {
    return std::find(list.begin(), list.end(), text) != list.end();
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Media types are compared without regard to case, and "application/" may be left out.
std::string_view short_type(std::string_view type) noexcept {
    static constexpr std::string_view kPrefix = "application/";
    const bool prefixed = type.size() > kPrefix.size() &&
                          std::equal(kPrefix.begin(), kPrefix.end(), type.begin(),
                                     [](char a, char b) { return a == lower(b); }) &&
                          type.find('/', kPrefix.size()) == std::string_view::npos;
    return prefixed ? type.substr(kPrefix.size()) : type;
}

bool same_type(std::string_view a, std::string_view b) noexcept {
    a = short_type(a);
    b = short_type(b);
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

bool type_accepted(const Token& token, const Policy& policy) noexcept {
    const auto type = string_of(member(token.header(), "typ"));
    return type && std::any_of(policy.types.begin(), policy.types.end(),
                               [&](const auto& accepted) { return same_type(*type, accepted); });
}

// Tries keys one by one and remembers whether there was one to try.
class Trial {
  public:
    Trial(const Token& token, const Policy& policy) : token_(token), policy_(policy) {}

    // True if a key verifies the token, if it cannot be known whether it does, or if enough were
    // tried.
    bool decided_by(std::span<const Key> keys) {
        for (const Key& key : keys) {
            const bool too_short =
                key.type() == KeyType::oct && key.secret_bytes() < policy_.min_secret_bytes;
            if (!key.admits(token_.algorithm()) || too_short) {
                continue;
            }
            if (tries_++ == policy_.max_tries) {
                result_ = Error::too_many_matching_keys;
                return true;
            }
            result_ = key.verify(token_.algorithm(), token_.signing_input(), token_.signature());
            if (result_ != Error::bad_signature) {
                return true;
            }
        }
        return false;
    }

    Error result() const noexcept { return result_; }

  private:
    const Token& token_;
    const Policy& policy_;
    std::size_t tries_ = 0;
    Error result_ = Error::no_matching_key;
};

// Nothing if the claim is absent.
std::optional<NumericDate> date(const json_t* claims, std::string_view name) noexcept {
    const json_t* value = member(claims, name);
    return value != nullptr ? std::optional(json_number_value(value)) : std::nullopt;
}

Finding check_times(const json_t* claims, const Policy& policy, NumericDate now) {
    for (const std::string_view name : {"exp", "nbf", "iat"}) {
        const json_t* value = member(claims, name);
        if (value != nullptr && !json_is_number(value)) {
            return {Error::time_claim_not_number, quoted(name)};
        }
    }
    const auto exp = date(claims, "exp");
    const auto nbf = date(claims, "nbf");
    const auto iat = date(claims, "iat");
    // RFC 7519 section 4.1.4: on or after exp the token is no longer accepted.
    if (policy.validate_exp && exp && now >= *exp + policy.leeway) {
        return Error::expired;
    }
    if (nbf && now + policy.leeway < *nbf) {
        return Error::not_yet_valid;
    }
    if (iat && now + policy.leeway < *iat) {
        return Error::issued_in_future;
    }
    if (policy.max_lifetime && (!exp || *exp - iat.value_or(now) > *policy.max_lifetime)) {
        return Error::lifetime_too_long;
    }
    return Error::none;
}

bool audience_accepted(const json_t* claims, const Policy& policy) noexcept {
    const json_t* aud = member(claims, "aud");
    if (const auto one = string_of(aud)) {
        return holds(policy.audiences, *one);
    }
    for (std::size_t i = 0; i < json_array_size(aud); ++i) {
        const auto one = string_of(json_array_get(aud, i));
        if (one && holds(policy.audiences, *one)) {
            return true;
        }
    }
    return false;
}

// "scope" as a space-delimited string (RFC 8693 section 4.2) or as an array of strings.
bool grants(const json_t* scope, std::string_view wanted) noexcept {
    if (auto list = string_of(scope)) {
        while (!list->empty()) {
            const std::string_view one = list->substr(0, list->find(' '));
            if (one == wanted) {
                return true;
            }
            list->remove_prefix(std::min(one.size() + 1, list->size()));
        }
        return false;
    }
    for (std::size_t i = 0; i < json_array_size(scope); ++i) {
        if (string_of(json_array_get(scope, i)) == wanted) {
            return true;
        }
    }
    return false;
}

bool revoked(const std::shared_ptr<const RevocationList>& list, const json_t* name) noexcept {
    if (!list) {
        return false;
    }
    const auto text = string_of(name);
    return !text || list->contains(*text);
}

}  // namespace

Result<RevocationList> RevocationList::parse(std::string_view text) {
    const auto root = parse_json_object(text, {JsonLimits{}.depth, JsonLimits::kUnlimited});
    if (!root) {
        return Error::list_not_object;
    }
    RevocationList list;
    auto* const object = const_cast<json_t*>(root->get());  // iterating does not change it
    for (void* it = json_object_iter(object); it != nullptr;
         it = json_object_iter_next(object, it)) {
        list.names_.emplace(json_object_iter_key(it), json_object_iter_key_len(it));
    }
    return list;
}

Error check_header(const Token& token, const Policy& policy) {
    if (!policy.algorithms.contains(token.algorithm())) {
        return Error::algorithm_not_allowed;
    }
    if (!policy.types.empty() && !type_accepted(token, policy)) {
        return Error::type_not_allowed;
    }
    if (revoked(policy.revoked_kids, member(token.header(), "kid"))) {
        return Error::kid_revoked;
    }
    return Error::none;
}

Error check_signature(const Token& token, const Policy& policy,
                      std::span<const KeySet* const> sets) {
    Trial trial(token, policy);
    const auto kid = token.kid();
    if (!kid) {
        for (const KeySet* set : sets) {
            if (trial.decided_by(set->keys())) {
                break;
            }
        }
        return trial.result();
    }
    bool known = false;
    for (const KeySet* set : sets) {
        const auto keys = set->with_kid(*kid);
        known = known || !keys.empty();
        if (trial.decided_by(keys)) {
            return trial.result();
        }
    }
    if (known) {
        return trial.result();
    }
    for (const KeySet* set : sets) {
        if (trial.decided_by(set->without_kid())) {
            break;
        }
    }
    return trial.result();
}

Error check_issuer(const Token& token, const Policy& policy) {
    if (policy.issuers.empty()) {
        return Error::none;
    }
    const auto issuer = string_of(member(token.claims(), "iss"));
    return issuer && holds(policy.issuers, *issuer) ? Error::none : Error::issuer_mismatch;
}

Finding check_claims(const Token& token, const Policy& policy, NumericDate now) {
    const json_t* claims = token.claims();
    if (Finding finding = check_times(claims, policy, now); finding != Error::none) {
        return finding;
    }
    for (const std::string& name : policy.required_claims) {
        const json_t* value = member(claims, name);
        if (value == nullptr || json_is_null(value)) {
            return {Error::claim_missing, quoted(name)};
        }
    }
    if (const Error error = check_issuer(token, policy); error != Error::none) {
        return error;
    }
    if (!policy.audiences.empty() && !audience_accepted(claims, policy)) {
        return Error::audience_mismatch;
    }
    if (revoked(policy.revoked_subjects, member(claims, "sub"))) {
        return Error::subject_revoked;
    }
    const json_t* scope = member(claims, "scope");
    for (const std::string& wanted : policy.scopes) {
        if (!grants(scope, wanted)) {
            return {Error::insufficient_scope, quoted(wanted)};
        }
    }
    return Error::none;
}

}  // namespace gatehouse::jwt
