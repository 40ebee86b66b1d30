#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/core/key.hpp"

namespace gatehouse::jwt {

// What a key set from a file or the network may cost.
struct KeyLimits {
    std::size_t bytes = std::size_t{1} << 20;
    std::size_t keys = 1024;
    std::size_t depth = 64;

    friend bool operator==(const KeyLimits&, const KeyLimits&) = default;
};

enum class KeyFormat : std::uint8_t { jwks, keyval, pem };

// Something that an operator should hear about one key of a set.
struct KeyNote {
    std::size_t position;  // in the set, from 1
    std::string kid;       // printable, shortened; empty if there is none
    Error reason;
    bool skipped;         // false: the key is used all the same
    std::string about{};  // of the finding

    // Nothing is wrong with the key: it is there for another purpose.
    bool is_left_out() const noexcept { return reason == Error::key_not_for_signatures; }
};

// Words for the log: `key 2 "kid" skipped: key is too short`.
std::string describe(const KeyNote& note);

// Words for a text that KeySet::parse() has refused: what is wrong with it, and what it looks like,
// so that whoever has taken one thing for another sees it. Nothing of the text is in them.
std::string describe_refused(Error error, std::string_view text, KeyFormat format);

// SHA-256 of a key set's text, to see whether it has changed without keeping it. Nothing if the
// library fails.
using Fingerprint = std::array<unsigned char, 32>;
std::optional<Fingerprint> fingerprint_of(std::string_view text);

// An immutable set of keys. Keys that are not meant for signatures, or that cannot be used, are
// left out with a note; a set may therefore be empty.
class KeySet {
  public:
    KeySet() = default;

    // jwks: RFC 7517 section 5. keyval: a JSON object that maps kid to a public key in PEM. pem:
    // public keys and certificates one after the other, none with a kid.
    // Errors: key_set_too_large, key_set_not_json, key_set_not_pem, too_many_keys.
    static Result<KeySet> parse(std::string_view text, KeyFormat format, const KeyLimits& limits,
                                std::vector<KeyNote>& notes);

    // One HMAC secret without a kid. Errors: secret_empty, secret_is_pem.
    static Result<KeySet> of_secret(std::string secret);

    std::span<const Key> keys() const noexcept { return keys_; }
    std::span<const Key> with_kid(std::string_view kid) const noexcept;
    std::span<const Key> without_kid() const noexcept;

  private:
    explicit KeySet(std::vector<Key> keys);

    std::vector<Key> keys_;  // those without a kid first, then by kid
};

}  // namespace gatehouse::jwt
