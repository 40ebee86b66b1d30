#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::jwt {

// Ownership of OpenSSL's objects, each with the function that its documentation names.
template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using EvpPkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using EvpPkeyCtx = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using EvpMd = std::unique_ptr<EVP_MD, Freed<EVP_MD_free>>;
using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using EvpMac = std::unique_ptr<EVP_MAC, Freed<EVP_MAC_free>>;
using EvpMacCtx = std::unique_ptr<EVP_MAC_CTX, Freed<EVP_MAC_CTX_free>>;
using BigNum = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

inline const unsigned char* octets(const char* text) noexcept {
    return reinterpret_cast<const unsigned char*>(text);
}

// Bytes that are wiped before their memory is given back. A vector, because moving one never leaves
// a copy behind, as a short std::string does.
class Secret {
  public:
    // Wipes `bytes`.
    explicit Secret(std::string&& bytes) : bytes_(bytes.begin(), bytes.end()) {
        OPENSSL_cleanse(bytes.data(), bytes.size());
    }
    Secret(Secret&& other) noexcept = default;
    Secret& operator=(Secret&& other) noexcept {
        wipe();
        bytes_ = std::move(other.bytes_);
        return *this;
    }
    ~Secret() { wipe(); }

    std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }

  private:
    void wipe() noexcept { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

    std::vector<char> bytes_;
};

}  // namespace gatehouse::jwt
