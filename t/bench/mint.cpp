// Mints many distinct tokens quickly, for t/bench: mint ALG KEYFILE COUNT, one token a line.
// KEYFILE is a private key in PEM, or for HS256 the secret itself. Errors end the program: it is a
// tool, and its output is checked by the server that it is sent to.

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

[[noreturn]] void die(const char* what) {
    std::cerr << "mint: " << what << '\n';
    std::exit(1);
}

std::string base64url(const std::string& bytes) {
    std::vector<unsigned char> out(bytes.size() * 4 / 3 + 8);
    const int size =
        EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size()));
    std::string text(out.begin(), out.begin() + size);
    for (char& c : text) {
        c = c == '+' ? '-' : (c == '/' ? '_' : c);
    }
    return text.substr(0, text.find('='));
}

// DER to r || s (RFC 7518 section 3.4), P-256.
std::string raw_ecdsa(const std::string& der) {
    const auto* in = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size()));
    std::string raw(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    if (signature == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32) != 32) {
        die("no ECDSA signature");
    }
    ECDSA_SIG_free(signature);
    return raw;
}

std::string sign(const std::string& alg, EVP_PKEY* key, const std::string& input) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const EVP_MD* digest = alg == "EdDSA" ? nullptr : EVP_sha256();
    const auto* data = reinterpret_cast<const unsigned char*>(input.data());
    std::size_t size = 0;
    if (EVP_DigestSignInit(context, nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context, nullptr, &size, data, input.size()) != 1) {
        die("cannot sign");
    }
    std::string signature(size, '\0');
    if (EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                       input.size()) != 1) {
        die("cannot sign");
    }
    signature.resize(size);
    EVP_MD_CTX_free(context);
    return alg == "ES256" ? raw_ecdsa(signature) : signature;
}

EVP_PKEY* read_key(const std::string& alg, const char* path) {
    if (alg == "HS256") {
        std::ifstream file(path, std::ios::binary);
        const std::string secret((std::istreambuf_iterator<char>(file)), {});
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, nullptr,
                                            reinterpret_cast<const unsigned char*>(secret.data()),
                                            secret.size());
    }
    std::FILE* file = std::fopen(path, "r");
    return file != nullptr ? PEM_read_PrivateKey(file, nullptr, nullptr, nullptr) : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        die("usage: mint ALG KEYFILE COUNT");
    }
    const std::string alg = argv[1];
    EVP_PKEY* key = read_key(alg, argv[2]);
    if (key == nullptr) {
        die("cannot read the key");
    }
    const std::string header = base64url("{\"alg\":\"" + alg + "\",\"typ\":\"JWT\"}");
    const long now = static_cast<long>(std::time(nullptr));
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
        const std::string number = std::to_string(i);
        const std::string claims = "{\"iss\":\"https://issuer.example\",\"sub\":\"user-" + number +
                                   "\",\"aud\":\"api\",\"iat\":" + std::to_string(now) +
                                   ",\"exp\":" + std::to_string(now + 86400) +
                                   ",\"scope\":\"read write\"}";
        const std::string input = header + "." + base64url(claims);
        std::cout << input << "." << base64url(sign(alg, key, input)) << '\n';
    }
    EVP_PKEY_free(key);
}
