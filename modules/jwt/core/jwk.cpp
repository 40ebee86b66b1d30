// Key::from_jwk(): keys as RFC 7517 and RFC 7518 section 6 write them.

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "base/base64.hpp"
#include "jwt/core/curve.hpp"
#include "jwt/core/key.hpp"

namespace gatehouse::jwt {
namespace {

// Identity providers write null for what they do not say.
const json_t* jwk_member(const json_t* jwk, std::string_view name) noexcept {
    const json_t* value = member(jwk, name);
    return json_is_null(value) ? nullptr : value;
}

std::string_view string_member(const json_t* jwk, std::string_view name) noexcept {
    return string_of(jwk_member(jwk, name)).value_or(std::string_view());
}

Finding malformed(const json_t* jwk, std::string_view name, std::string_view expected) {
    const bool missing = jwk_member(jwk, name) == nullptr;
    return {
        Error::key_member_invalid,
        quoted(name).append(missing ? " is missing" : " must be ").append(missing ? "" : expected)};
}

// base64url, with its padding or without it: unlike a token, nobody compares the text of a key.
std::optional<std::string> binary_member(const json_t* jwk, std::string_view name) {
    const auto text = string_of(jwk_member(jwk, name));
    return text ? base::decode_base64url_padded(*text) : std::nullopt;
}

// An unsigned number in big-endian order without the zero octets in front, which some libraries add
// for the sign; empty for zero.
std::optional<std::string> unsigned_member(const json_t* jwk, std::string_view name) {
    auto bytes = binary_member(jwk, name);
    if (!bytes || bytes->empty()) {
        return std::nullopt;
    }
    bytes->erase(0, std::min(bytes->find_first_not_of('\0'), bytes->size()));
    return bytes;
}

BigNum number_member(const json_t* jwk, std::string_view name) {
    const auto bytes = unsigned_member(jwk, name);
    if (!bytes || bytes->size() > std::size_t{kMaxRsaBits / 8}) {
        return nullptr;
    }
    return BigNum(BN_bin2bn(octets(bytes->data()), static_cast<int>(bytes->size()), nullptr));
}

// Null if OpenSSL refuses the parameters, a point off the curve for one.
EvpPkey public_key_from(const char* type, OSSL_PARAM_BLD* builder) {
    const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    const Params params(OSSL_PARAM_BLD_to_param(builder));
    EVP_PKEY* key = nullptr;
    if (!context || !params || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return EvpPkey(key);
}

using Material = base::Result<EvpPkey, Finding>;

Material rsa_key(const json_t* jwk) {
    const BigNum n = number_member(jwk, "n");
    const BigNum e = number_member(jwk, "e");
    if (!n || !e) {
        return malformed(jwk, n ? "e" : "n", "a number of at most 16384 bits in base64url");
    }
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return Finding(Error::internal);
    }
    EvpPkey key = public_key_from("RSA", builder.get());
    if (!key) {
        return Finding(Error::key_invalid);
    }
    return key;
}

// A coordinate of a point as OpenSSL takes it. RFC 7518 section 6.2.1.2 wants full length, which is
// not what every identity provider publishes.
struct Coordinate {
    Coordinate(const json_t* jwk, std::string_view member_name, std::size_t bytes)
        : name(member_name) {
        const auto written = binary_member(jwk, name);
        auto number = unsigned_member(jwk, name);
        if (!number || number->size() > bytes) {
            return;
        }
        exact = written->size() == bytes;
        value = std::string(bytes - number->size(), '\0') + *number;
    }
    std::string_view name;
    std::optional<std::string> value;  // in full length
    bool exact = false;                // that is how it was written
};

EvpPkey ec_point(const Curve& curve, std::string_view x, std::string_view y) {
    const std::string point = std::string("\x04").append(x).append(y);  // uncompressed
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group,
                                        0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
        return nullptr;
    }
    return public_key_from("EC", builder.get());
}

Material ec_key(const json_t* jwk) {
    const std::string_view crv = string_member(jwk, "crv");
    const auto curve =
        std::find_if(kCurves.begin(), kCurves.end(), [&](const Curve& c) { return c.crv == crv; });
    if (curve == kCurves.end()) {
        return Finding(Error::key_type_unsupported);
    }
    const Coordinate x(jwk, "x", curve->bytes), y(jwk, "y", curve->bytes);
    EvpPkey key = x.value && y.value ? ec_point(*curve, *x.value, *y.value) : nullptr;
    if (key) {
        return key;
    }
    if (x.exact && y.exact) {
        return Finding(Error::key_invalid);
    }
    // No point of the curve: what is of another length has lost more than zero octets.
    return malformed(jwk, x.exact ? y.name : x.name,
                     std::to_string(curve->bytes) + " octets in base64url");
}

Material okp_key(const json_t* jwk) {
    const std::string_view crv = string_member(jwk, "crv");
    if (crv != "Ed25519" && crv != "Ed448") {
        return Finding(Error::key_type_unsupported);
    }
    const std::size_t bytes = crv == "Ed25519" ? 32 : 57;
    const auto x = binary_member(jwk, "x");
    if (!x || x->size() != bytes) {
        return malformed(jwk, "x", std::to_string(bytes) + " octets in base64url");
    }
    EvpPkey key(EVP_PKEY_new_raw_public_key_ex(nullptr, crv == "Ed25519" ? "ED25519" : "ED448",
                                               nullptr, octets(x->data()), x->size()));
    if (!key) {
        ERR_clear_error();
        return Finding(Error::key_invalid);
    }
    return key;
}

Material public_key(const json_t* jwk, std::string_view kty) {
    if (kty == "RSA") {
        return rsa_key(jwk);
    }
    if (kty == "EC") {
        return ec_key(jwk);
    }
    if (kty == "OKP") {
        return okp_key(jwk);
    }
    return Finding(Error::key_type_unsupported);
}

bool may_verify(const json_t* operations) noexcept {
    for (std::size_t i = 0; i < json_array_size(operations); ++i) {
        if (string_of(json_array_get(operations, i)) == "verify") {
            return true;
        }
    }
    return false;
}

// The names of key management algorithms (RFC 7518 section 4.1) by how they begin: a key that is
// published for encryption is nothing to warn about.
bool is_for_encryption(std::string_view alg) noexcept {
    for (const std::string_view prefix : {"RSA", "A128", "A192", "A256", "ECDH-", "PBES2", "dir"}) {
        if (alg.starts_with(prefix)) {
            return true;
        }
    }
    return false;
}

// What a key says that it is for (RFC 7517 sections 4.2 to 4.4).
Finding check_purpose(const json_t* jwk) {
    const json_t* use = jwk_member(jwk, "use");
    if (use != nullptr && string_of(use) != "sig") {
        return {Error::key_not_for_signatures, "\"use\" is not \"sig\""};
    }
    const json_t* operations = jwk_member(jwk, "key_ops");
    if (operations != nullptr && !may_verify(operations)) {
        return {Error::key_not_for_signatures, "\"key_ops\" is without \"verify\""};
    }
    if (is_for_encryption(string_member(jwk, "alg"))) {
        return {Error::key_not_for_signatures, "\"alg\" is one for encryption"};
    }
    return Error::none;
}

}  // namespace

KeyResult Key::from_jwk_material(const json_t* jwk) {
    const std::string_view kty = string_member(jwk, "kty");
    if (kty == "oct") {
        auto secret = binary_member(jwk, "k");
        return secret ? from_secret(std::move(*secret))
                      : KeyResult(malformed(jwk, "k", "base64url"));
    }
    auto key = public_key(jwk, kty);
    return key ? from_public_key(std::move(*key)) : KeyResult(key.error());
}

KeyResult Key::from_jwk(const json_t* jwk) {
    if (!json_is_object(jwk)) {
        return Finding(Error::key_member_invalid, "a JWK must be an object");
    }
    if (Finding purpose = check_purpose(jwk); purpose != Error::none) {
        return purpose;
    }
    auto key = from_jwk_material(jwk);
    if (!key) {
        return key;
    }
    if (const json_t* kid = jwk_member(jwk, "kid")) {
        const auto text = string_of(kid);
        if (!text) {
            return malformed(jwk, "kid", "a string");
        }
        key->kid_ = std::string(*text);
    }
    if (const json_t* alg = jwk_member(jwk, "alg")) {
        const auto name = string_of(alg);
        key->only_ = name ? algorithm_named(*name) : std::nullopt;
        if (!key->only_ || !fits(*key->only_, key->type_)) {
            return Finding(Error::key_algorithm_mismatch);
        }
    }
    return key;
}

}  // namespace gatehouse::jwt
