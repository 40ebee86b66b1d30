// A token as it comes from a client, through everything that looks at it before it is believed.
//
// What must hold: only what was signed verifies, and a token read twice is read the same.

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.hpp"
#include "jose.hpp"
#include "jwt/core/policy.hpp"
#include "jwt/rfc_vectors.hpp"
#include "jwt/signature_vectors.hpp"
#include "property.hpp"

// libFuzzer's own mutations.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::fuzz;
using namespace gatehouse::test;

// Keys of every type, with and without kid, and all that was ever signed with them.
struct World {
    std::vector<KeySet> sets;
    std::vector<const KeySet*> pointers;
    std::set<std::string, std::less<>> signed_tokens;
};

void add_set(World& world, std::string_view text) {
    std::vector<KeyNote> notes;
    auto set = KeySet::parse(text, KeyFormat::jwks, {}, notes);
    require(set && !set->keys().empty(), "the keys of the RFCs are usable");
    world.sets.push_back(std::move(*set));
}

World make_world() {
    World world;
    for (const rfc::Token& token : rfc::kTokens) {
        add_set(world, token.key_set);
        world.signed_tokens.insert(token.text());
    }
    for (const rfc::Signature& signature : rfc::kSignatures) {
        add_set(world, "{\"keys\":[" + std::string(signature.jwk) + "]}");
    }
    for (const KeySet& set : world.sets) {
        world.pointers.push_back(&set);
    }
    return world;
}

const World& world() {
    static const World kWorld = make_world();
    return kWorld;
}

void check_claims_of(Token& token, Token& again) {
    const Error error = token.load_claims();
    require(token.load_claims() == error && again.load_claims() == error, "claims are stable");
    require((token.claims() != nullptr) == (error == Error::none), "claims or an error");
    if (error == Error::none) {
        require(json_is_object(token.claims()), "claims are an object");
        require(equal(token.claims(), again.claims()), "claims are the same");
        const std::string encoded = base64url(token.payload());
        require(token.signing_input().ends_with('.' + encoded), "one spelling of the payload");
        check_claims(token, Policy{}, 0);
    }
}

void check_signature_of(const Token& token) {
    Policy policy;
    policy.max_tries = 1000;
    require(token.text() == std::string(token.signing_input()) + '.' + base64url(token.signature()),
            "one spelling of the signature");
    const Error verdict = check_signature(token, policy, world().pointers);
    // (n - s for the s of an ECDSA signature would be another one, but nobody finds it by chance.)
    require(verdict != Error::none || world().signed_tokens.contains(token.text()),
            "nobody forges");
    require(verdict == Error::none || !world().signed_tokens.contains(token.text()),
            "the signed verify");
    require(verdict != Error::internal, "the library can always tell");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static HeaderCache warm;
    const std::string_view text = text_of(data, size);
    HeaderCache cold;
    auto token = Token::parse(text, {}, cold);
    auto again = Token::parse(text, {}, warm);
    require(token.ok() == again.ok(), "the cache does not change the answer");
    if (!token) {
        require(token.error() == again.error(), "the cache does not change the error");
        require(!world().signed_tokens.contains(text), "signed tokens are tokens");
        return 0;
    }
    require(token->algorithm() == again->algorithm() && token->kid() == again->kid() &&
                equal(token->header(), again->header()),
            "the cache does not change the header");
    check_header(*token, Policy{});
    check_claims_of(*token, *again);
    check_signature_of(*token);
    return 0;
}

// Behind base64url a changed bit is mostly just a refused token: two of three times one part is
// decoded, changed and encoded again.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
    const std::string_view text = text_of(data, size);
    const std::size_t first = text.find('.');
    const std::size_t second = first == text.npos ? first : text.find('.', first + 1);
    if (second == text.npos || seed % 3 == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    std::array<std::string, 3> parts{std::string(text.substr(0, first)),
                                     std::string(text.substr(first + 1, second - first - 1)),
                                     std::string(text.substr(second + 1))};
    std::string& part = parts[seed / 3 % parts.size()];
    auto decoded = gatehouse::base::decode_base64url(part);
    if (!decoded) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const std::size_t used = decoded->size();
    decoded->resize(used + 64);
    decoded->resize(
        LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(decoded->data()), used, decoded->size()));
    part = base64url(*decoded);
    const std::string changed = parts[0] + '.' + parts[1] + '.' + parts[2];
    const std::size_t copied = std::min(changed.size(), max_size);
    std::memcpy(data, changed.data(), copied);
    return copied;
}
