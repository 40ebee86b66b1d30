#include "jwt/core/signature.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <array>
#include <cstring>

#include "jwt/core/openssl.hpp"

namespace gatehouse::jwt {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

// Empties the error queue on the way. A signature that could not be checked for want of memory is
// not known to be bad.
Error verdict(bool valid) noexcept {
    bool out_of_memory = false;
    while (const unsigned long error = ERR_get_error()) {
        out_of_memory = out_of_memory || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    }
    if (valid) {
        return Error::none;
    }
    return out_of_memory ? Error::internal : Error::bad_signature;
}

Error internal() noexcept {
    ERR_clear_error();
    return Error::internal;
}

// Hashes with a digest that was fetched once: EVP_sha256() and the like fetch again at each use.
class Hash {
  public:
    explicit Hash(const char* name)
        : digest_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new()) {}

    bool ready() const noexcept { return digest_ && context_; }
    const EVP_MD* digest() const noexcept { return digest_.get(); }

    // Writes `size` bytes of `out`; false if the library fails.
    bool operator()(std::string_view input, Digest& out, unsigned& size) noexcept {
        return EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
               EVP_DigestUpdate(context_.get(), input.data(), input.size()) == 1 &&
               EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1;
    }

  private:
    EvpMd digest_;
    EvpMdCtx context_;
};

class HmacVerifier final : public Verifier {
  public:
    HmacVerifier(EvpMacCtx keyed, std::size_t bytes) : keyed_(std::move(keyed)), bytes_(bytes) {}

    Error verify(std::string_view input, std::string_view signature) override {
        Digest tag;
        std::size_t size = 0;
        // Initialising without a key starts over with the key that the context has.
        if (EVP_MAC_init(keyed_.get(), nullptr, 0, nullptr) != 1 ||
            EVP_MAC_update(keyed_.get(), octets(input.data()), input.size()) != 1 ||
            EVP_MAC_final(keyed_.get(), tag.data(), &size, tag.size()) != 1 || size != bytes_) {
            return internal();
        }
        return verdict(signature.size() == size &&
                       CRYPTO_memcmp(tag.data(), signature.data(), size) == 0);
    }

  private:
    EvpMacCtx keyed_;
    std::size_t bytes_;
};

// RSA in both paddings: hash, then the public-key operation on a context that was set up once.
class RsaVerifier final : public Verifier {
  public:
    RsaVerifier(Hash hash, EvpPkeyCtx context, std::size_t modulus_bytes)
        : hash_(std::move(hash)), context_(std::move(context)), modulus_bytes_(modulus_bytes) {}

    Error verify(std::string_view input, std::string_view signature) override {
        // RFC 8017 section 8.1.2 step 1. OpenSSL leaves it out for RSASSA-PSS.
        if (signature.size() != modulus_bytes_) {
            return Error::bad_signature;
        }
        Digest digest;
        unsigned size = 0;
        if (!hash_(input, digest, size)) {
            return internal();
        }
        return verdict(EVP_PKEY_verify(context_.get(), octets(signature.data()), signature.size(),
                                       digest.data(), size) == 1);
    }

  private:
    Hash hash_;
    EvpPkeyCtx context_;
    std::size_t modulus_bytes_;
};

// OpenSSL wants ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3); a JWS has r and s side by side in
// fixed width (RFC 7518 section 3.4). 66 bytes a number is P-521.
class DerSignature {
  public:
    DerSignature(std::string_view r, std::string_view s) noexcept {
        r = without_leading_zeros(r);
        s = without_leading_zeros(s);
        const std::size_t content = 2 + integer_size(r) + 2 + integer_size(s);
        put(0x30);
        if (content > 127) {
            put(0x81);
        }
        put(content);
        put_integer(r);
        put_integer(s);
    }

    const unsigned char* data() const noexcept { return bytes_.data(); }
    std::size_t size() const noexcept { return size_; }

  private:
    static std::string_view without_leading_zeros(std::string_view number) noexcept {
        while (number.size() > 1 && number.front() == '\0') {
            number.remove_prefix(1);
        }
        return number;
    }
    static bool looks_negative(std::string_view number) noexcept {
        return (static_cast<unsigned char>(number.front()) & 0x80) != 0;
    }
    static std::size_t integer_size(std::string_view number) noexcept {
        return number.size() + (looks_negative(number) ? 1 : 0);
    }
    void put(std::size_t octet) noexcept { bytes_[size_++] = static_cast<unsigned char>(octet); }
    void put_integer(std::string_view number) noexcept {
        put(0x02);
        put(integer_size(number));
        if (looks_negative(number)) {
            put(0);
        }
        std::memcpy(&bytes_[size_], number.data(), number.size());
        size_ += number.size();
    }

    std::array<unsigned char, 3 + 2 * (2 + 1 + 66)> bytes_;
    std::size_t size_ = 0;
};

class EcdsaVerifier final : public Verifier {
  public:
    EcdsaVerifier(Hash hash, EvpPkeyCtx context, std::size_t number_bytes)
        : hash_(std::move(hash)), context_(std::move(context)), number_bytes_(number_bytes) {}

    Error verify(std::string_view input, std::string_view signature) override {
        if (signature.size() != 2 * number_bytes_) {
            return Error::bad_signature;
        }
        Digest digest;
        unsigned size = 0;
        if (!hash_(input, digest, size)) {
            return internal();
        }
        // That r and s are in [1, n-1] is checked by OpenSSL.
        const DerSignature der(signature.substr(0, number_bytes_), signature.substr(number_bytes_));
        return verdict(
            EVP_PKEY_verify(context_.get(), der.data(), der.size(), digest.data(), size) == 1);
    }

  private:
    Hash hash_;
    EvpPkeyCtx context_;
    std::size_t number_bytes_;
};

class EddsaVerifier final : public Verifier {
  public:
    EddsaVerifier(EvpMdCtx context, EvpPkey key)
        : context_(std::move(context)), key_(std::move(key)) {}

    Error verify(std::string_view input, std::string_view signature) override {
        // From OpenSSL 3.4 on a context that has verified once must be initialised again.
        if (EVP_DigestVerifyInit_ex(context_.get(), nullptr, nullptr, nullptr, nullptr, key_.get(),
                                    nullptr) != 1) {
            return internal();
        }
        return verdict(EVP_DigestVerify(context_.get(), octets(signature.data()), signature.size(),
                                        octets(input.data()), input.size()) == 1);
    }

  private:
    EvpMdCtx context_;
    EvpPkey key_;
};

std::size_t ecdsa_number_bytes(Algorithm algorithm) noexcept {
    switch (algorithm) {
    case Algorithm::es384:
        return 48;
    case Algorithm::es512:
        return 66;
    default:
        return 32;
    }
}

bool set_up_rsa(EVP_PKEY_CTX* context, Family family) noexcept {
    if (family == Family::rsa_pkcs1) {
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    }
    // RFC 7518 section 3.5: MGF1 with the same hash (the default), a salt as long as the hash.
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

std::unique_ptr<Verifier> make_eddsa_verifier(EVP_PKEY* key) {
    EvpMdCtx context(EVP_MD_CTX_new());
    if (!context || EVP_PKEY_up_ref(key) != 1) {
        return nullptr;
    }
    return std::make_unique<EddsaVerifier>(std::move(context), EvpPkey(key));
}

}  // namespace

std::unique_ptr<Verifier> make_hmac_verifier(Algorithm algorithm, std::string_view secret) {
    const AlgorithmTraits& algorithm_traits = traits(algorithm);
    const EvpMac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    EvpMacCtx context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    // OpenSSL takes the name as a non-const string and only reads it.
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         const_cast<char*>(algorithm_traits.digest), 0),
        OSSL_PARAM_construct_end()};
    if (!context ||
        EVP_MAC_init(context.get(), octets(secret.data()), secret.size(), params.data()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return std::make_unique<HmacVerifier>(std::move(context), algorithm_traits.digest_bytes);
}

std::unique_ptr<Verifier> make_public_key_verifier(Algorithm algorithm, EVP_PKEY* key) {
    const AlgorithmTraits& algorithm_traits = traits(algorithm);
    if (algorithm_traits.family == Family::eddsa) {
        return make_eddsa_verifier(key);
    }
    Hash hash(algorithm_traits.digest);
    EvpPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    const bool is_rsa = algorithm_traits.family != Family::ecdsa;
    if (!hash.ready() || !context || EVP_PKEY_verify_init(context.get()) != 1 ||
        (is_rsa && !set_up_rsa(context.get(), algorithm_traits.family)) ||
        EVP_PKEY_CTX_set_signature_md(context.get(), hash.digest()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    if (is_rsa) {
        return std::make_unique<RsaVerifier>(std::move(hash), std::move(context),
                                             static_cast<std::size_t>(EVP_PKEY_get_size(key)));
    }
    return std::make_unique<EcdsaVerifier>(std::move(hash), std::move(context),
                                           ecdsa_number_bytes(algorithm));
}

}  // namespace gatehouse::jwt
