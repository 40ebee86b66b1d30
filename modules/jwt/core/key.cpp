#include "jwt/core/key.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>

#include "base/base64.hpp"

namespace gatehouse::jwt {
namespace {

// Beyond this a single verification would stall the worker.
constexpr int kMaxRsaBits = 16384;
constexpr int kMinRsaBits = 2048;

struct Curve {
    std::string_view crv;
    KeyType type;
    const char* group;  // OpenSSL's name
    std::size_t bytes;  // of one coordinate
};

constexpr std::array<Curve, 4> kCurves{{
    {"P-256", KeyType::p256, "prime256v1", 32},
    {"P-384", KeyType::p384, "secp384r1", 48},
    {"P-521", KeyType::p521, "secp521r1", 66},
    {"secp256k1", KeyType::secp256k1, "secp256k1", 32},
}};

std::string_view string_member(const json_t* jwk, std::string_view name) noexcept {
    return string_of(member(jwk, name)).value_or(std::string_view());
}

std::optional<std::string> binary_member(const json_t* jwk, std::string_view name) {
    const auto text = string_of(member(jwk, name));
    return text ? base::decode_base64url(*text) : std::nullopt;
}

BigNum number_member(const json_t* jwk, std::string_view name) {
    const auto bytes = binary_member(jwk, name);
    if (!bytes || bytes->empty() || bytes->size() > std::size_t{kMaxRsaBits / 8}) {
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

Result<EvpPkey> rsa_key(const json_t* jwk) {
    const BigNum n = number_member(jwk, "n");
    const BigNum e = number_member(jwk, "e");
    if (!n || !e) {
        return Error::key_member_invalid;
    }
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return Error::internal;
    }
    EvpPkey key = public_key_from("RSA", builder.get());
    if (!key) {
        return Error::key_invalid;
    }
    return key;
}

Result<EvpPkey> ec_key(const json_t* jwk) {
    const std::string_view crv = string_member(jwk, "crv");
    for (const Curve& curve : kCurves) {
        if (curve.crv != crv) {
            continue;
        }
        const auto x = binary_member(jwk, "x");
        const auto y = binary_member(jwk, "y");
        // RFC 7518 section 6.2.1.2: full length, leading zeros included.
        if (!x || !y || x->size() != curve.bytes || y->size() != curve.bytes) {
            return Error::key_member_invalid;
        }
        const std::string point = '\x04' + *x + *y;  // uncompressed
        const ParamBuilder builder(OSSL_PARAM_BLD_new());
        if (!builder ||
            OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group,
                                            0) != 1 ||
            OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()) != 1) {
            return Error::internal;
        }
        EvpPkey key = public_key_from("EC", builder.get());
        if (!key) {
            return Error::key_invalid;
        }
        return key;
    }
    return Error::key_type_unsupported;
}

Result<EvpPkey> okp_key(const json_t* jwk) {
    const std::string_view crv = string_member(jwk, "crv");
    if (crv != "Ed25519" && crv != "Ed448") {
        return Error::key_type_unsupported;
    }
    const auto x = binary_member(jwk, "x");
    if (!x || x->size() != (crv == "Ed25519" ? 32U : 57U)) {
        return Error::key_member_invalid;
    }
    EvpPkey key(EVP_PKEY_new_raw_public_key_ex(nullptr, crv == "Ed25519" ? "ED25519" : "ED448",
                                               nullptr, octets(x->data()), x->size()));
    if (!key) {
        ERR_clear_error();
        return Error::key_invalid;
    }
    return key;
}

Result<EvpPkey> public_key(const json_t* jwk, std::string_view kty) {
    if (kty == "RSA") {
        return rsa_key(jwk);
    }
    if (kty == "EC") {
        return ec_key(jwk);
    }
    if (kty == "OKP") {
        return okp_key(jwk);
    }
    return Error::key_type_unsupported;
}

// "use" and "key_ops" (RFC 7517 sections 4.2 and 4.3).
bool verifies_signatures(const json_t* jwk) noexcept {
    const json_t* use = member(jwk, "use");
    if (use != nullptr && string_of(use) != "sig") {
        return false;
    }
    const json_t* operations = member(jwk, "key_ops");
    if (operations == nullptr) {
        return true;
    }
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

std::optional<KeyType> type_of(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        return KeyType::rsa;
    }
    if (EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
        return KeyType::rsa_pss;
    }
    if (EVP_PKEY_is_a(key, "ED25519") == 1) {
        return KeyType::ed25519;
    }
    if (EVP_PKEY_is_a(key, "ED448") == 1) {
        return KeyType::ed448;
    }
    std::array<char, 64> group{};
    if (EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
        for (const Curve& curve : kCurves) {
            if (std::string_view(group.data()) == curve.group) {
                return curve.type;
            }
        }
    }
    ERR_clear_error();
    return std::nullopt;
}

BigNum key_number(EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    return BigNum(number);
}

// An even modulus or exponent, or the exponent 1 (with which every message signs itself), is no
// key.
Error check_rsa(EVP_PKEY* key) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits) {
        return Error::key_too_weak;
    }
    const BigNum n = key_number(key, OSSL_PKEY_PARAM_RSA_N);
    const BigNum e = key_number(key, OSSL_PKEY_PARAM_RSA_E);
    if (!n || !e) {
        ERR_clear_error();
        return Error::internal;
    }
    const bool sound = bits <= kMaxRsaBits && BN_is_odd(n.get()) == 1 && BN_is_odd(e.get()) == 1 &&
                       BN_is_one(e.get()) == 0 && BN_num_bits(e.get()) <= 64;
    return sound ? Error::none : Error::key_invalid;
}

// An RSA-PSS key may be bound to one hash by its own parameters (RFC 4055 section 3.1): that is to
// be known before a token asks for another.
AlgorithmSet possible_algorithms(KeyType type, EVP_PKEY* key) {
    AlgorithmSet possible;
    for (std::size_t i = 0; i < kAlgorithms; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        const bool worth_a_try = fits(algorithm, type);
        const bool certain = type != KeyType::rsa_pss;
        if (worth_a_try && (certain || make_public_key_verifier(algorithm, key))) {
            possible.insert(algorithm);
        }
    }
    return possible;
}

// Reading a PEM must never ask for a pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

bool looks_like_pem(std::string_view secret) noexcept {
    return secret.find("-----BEGIN ") != std::string_view::npos;
}

}  // namespace

Result<Key> Key::from_public_key(EvpPkey key) {
    const auto type = type_of(key.get());
    if (!type) {
        return Error::key_type_unsupported;
    }
    if (*type == KeyType::rsa || *type == KeyType::rsa_pss) {
        if (const Error error = check_rsa(key.get()); error != Error::none) {
            return error;
        }
    }
    Key made(*type, std::move(key));
    made.possible_ = possible_algorithms(*type, made.public_key_.get());
    return made;
}

Result<Key> Key::from_secret(std::string bytes) {
    Secret secret(std::move(bytes));
    if (secret.bytes().empty()) {
        return Error::secret_empty;
    }
    if (looks_like_pem(secret.bytes())) {
        return Error::secret_is_pem;
    }
    return Key(std::move(secret));
}

Result<Key> Key::from_jwk_material(const json_t* jwk) {
    const std::string_view kty = string_member(jwk, "kty");
    if (kty == "oct") {
        auto secret = binary_member(jwk, "k");
        return secret ? from_secret(std::move(*secret)) : Result<Key>(Error::key_member_invalid);
    }
    auto key = public_key(jwk, kty);
    return key ? from_public_key(std::move(*key)) : Result<Key>(key.error());
}

Result<Key> Key::from_jwk(const json_t* jwk) {
    if (!json_is_object(jwk)) {
        return Error::key_member_invalid;
    }
    if (!verifies_signatures(jwk) || is_for_encryption(string_member(jwk, "alg"))) {
        return Error::key_not_for_signatures;
    }
    auto key = from_jwk_material(jwk);
    if (!key) {
        return key;
    }
    if (const json_t* kid = member(jwk, "kid")) {
        const auto text = string_of(kid);
        if (!text) {
            return Error::key_member_invalid;
        }
        key->kid_ = std::string(*text);
    }
    if (const json_t* alg = member(jwk, "alg")) {
        const auto name = string_of(alg);
        key->only_ = name ? algorithm_named(*name) : std::nullopt;
        if (!key->only_ || !fits(*key->only_, key->type_)) {
            return Error::key_algorithm_mismatch;
        }
    }
    return key;
}

Result<Key> Key::from_pem(std::string_view pem, std::string kid) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!bio) {
        return Error::internal;
    }
    EvpPkey public_key;
    if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
        const Certificate certificate(
            PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr));
        public_key.reset(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
    } else {
        public_key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_pass_phrase, nullptr));
    }
    ERR_clear_error();
    if (!public_key) {
        return Error::key_invalid;
    }
    auto key = from_public_key(std::move(public_key));
    if (key) {
        key->kid_ = std::move(kid);
    }
    return key;
}

bool Key::admits(Algorithm algorithm) const noexcept {
    if (!fits(algorithm, type_) || !possible_.contains(algorithm)) {
        return false;
    }
    // For one curve "EdDSA" and the curve's own name are the same algorithm (RFC 9864 section 2.2).
    return !only_ || *only_ == algorithm || traits(algorithm).family == Family::eddsa;
}

bool Key::secret_is_short() const noexcept {
    const auto algorithm = only_.value_or(Algorithm::hs256);
    return type_ == KeyType::oct && secret_bytes() < traits(algorithm).digest_bytes;
}

Verifier* Key::verifier(Algorithm algorithm) const {
    for (const auto& [known, verifier] : verifiers_) {
        if (known == algorithm) {
            return verifier.get();
        }
    }
    auto verifier = secret_ ? make_hmac_verifier(algorithm, secret_->bytes())
                            : make_public_key_verifier(algorithm, public_key_.get());
    if (!verifier) {
        return nullptr;
    }
    return verifiers_.emplace_back(algorithm, std::move(verifier)).second.get();
}

Error Key::verify(Algorithm algorithm, std::string_view input, std::string_view signature) const {
    Verifier* prepared = verifier(algorithm);
    return prepared != nullptr ? prepared->verify(input, signature) : Error::internal;
}

}  // namespace gatehouse::jwt
