#include "jwt/core/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "jwt/core/key.hpp"

namespace gatehouse::jwt {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

// Reading a PEM must never ask for a pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

// What a text holds that is no key to verify with: the finding names it, never its content.
std::string unfit(std::string_view pem) {
    const auto blocks = pem_blocks(pem);
    if (blocks.empty()) {
        return {};
    }
    const std::string_view type = blocks.front().type;
    if (type.ends_with("PRIVATE KEY")) {
        return "it is a private key; give its public key";
    }
    const bool known = type.ends_with("PUBLIC KEY") || type.ends_with("CERTIFICATE");
    return known ? "" : "it is neither a public key nor a certificate";
}

EvpPkey read_public_key(BIO* bio, bool is_certificate) {
    if (!is_certificate) {
        return EvpPkey(PEM_read_bio_PUBKEY(bio, nullptr, no_pass_phrase, nullptr));
    }
    const Certificate certificate(PEM_read_bio_X509(bio, nullptr, no_pass_phrase, nullptr));
    return EvpPkey(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

}  // namespace

bool is_pem(std::string_view text) noexcept { return text.find(kBegin) != text.npos; }

std::vector<PemBlock> pem_blocks(std::string_view text) {
    std::vector<PemBlock> blocks;
    for (std::size_t begin = text.find(kBegin); begin != text.npos;) {
        const std::size_t next = text.find(kBegin, begin + kBegin.size());
        std::string_view block = text.substr(begin, next - begin);
        if (const std::size_t end = block.find(kEnd); end != block.npos) {
            block = block.substr(0, block.find('\n', end));
        }
        const std::string_view type = block.substr(kBegin.size());
        blocks.push_back({type.substr(0, type.find(kDashes)), block});
        begin = next;
    }
    return blocks;
}

KeyResult Key::from_pem(std::string_view pem, std::optional<std::string> kid) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!bio) {
        return Finding(Error::internal);
    }
    const bool is_certificate = pem.find("CERTIFICATE-----") != pem.npos;  // also TRUSTED, X509
    EvpPkey public_key = read_public_key(bio.get(), is_certificate);
    ERR_clear_error();
    if (!public_key) {
        return Finding(Error::key_invalid, unfit(pem));
    }
    auto key = from_public_key(std::move(public_key));
    if (key) {
        key->kid_ = std::move(kid);
    }
    return key;
}

}  // namespace gatehouse::jwt
