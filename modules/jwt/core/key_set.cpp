#include "jwt/core/key_set.hpp"

#include <openssl/err.h>

#include <algorithm>

#include "jwt/core/pem.hpp"

namespace gatehouse::jwt {
namespace {

constexpr std::size_t kMaxNotedKid = 64;

std::string printable(std::string_view kid) {
    std::string out(kid.substr(0, kMaxNotedKid));
    std::replace_if(
        out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return out;
}

// Collects keys and what is to be said about them.
class Collector {
  public:
    Collector(std::size_t expected, std::vector<KeyNote>& notes) : notes_(notes) {
        keys_.reserve(expected);
    }

    void add(KeyResult key, std::string_view kid) {
        ++position_;
        if (!key) {
            const Finding& finding = key.error();
            notes_.push_back({position_, printable(kid), finding.error, true, finding.about});
            return;
        }
        if (key->secret_is_short()) {
            notes_.push_back({position_, printable(kid), Error::key_too_weak, false});
        }
        keys_.push_back(std::move(*key));
    }

    std::vector<Key> take() { return std::move(keys_); }

  private:
    std::vector<Key> keys_;
    std::vector<KeyNote>& notes_;
    std::size_t position_ = 0;
};

Result<std::vector<Key>> parse_jwks(const json_t* root, const KeyLimits& limits,
                                    std::vector<KeyNote>& notes) {
    const json_t* keys = member(root, "keys");
    if (!json_is_array(keys)) {
        return Error::key_set_not_json;
    }
    if (json_array_size(keys) > limits.keys) {
        return Error::too_many_keys;
    }
    Collector collector(json_array_size(keys), notes);
    for (std::size_t i = 0; i < json_array_size(keys); ++i) {
        const json_t* jwk = json_array_get(keys, i);
        collector.add(Key::from_jwk(jwk), string_of(member(jwk, "kid")).value_or(""));
    }
    return collector.take();
}

KeyResult keyval_key(std::string_view kid, const json_t* value) {
    if (const auto pem = string_of(value)) {
        return Key::from_pem(*pem, std::string(kid));
    }
    return Finding(Error::key_member_invalid,
                   kid == "keys" && json_is_array(value)
                       ? "it is a JWK Set; leave out the \"keyval\" parameter"
                       : "a value must be a string with PEM");
}

Result<std::vector<Key>> parse_keyval(json_t* root, const KeyLimits& limits,
                                      std::vector<KeyNote>& notes) {
    if (json_object_size(root) > limits.keys) {
        return Error::too_many_keys;
    }
    Collector collector(json_object_size(root), notes);
    for (void* it = json_object_iter(root); it != nullptr; it = json_object_iter_next(root, it)) {
        const std::string_view kid(json_object_iter_key(it), json_object_iter_key_len(it));
        collector.add(keyval_key(kid, json_object_iter_value(it)), kid);
    }
    return collector.take();
}

Result<std::vector<Key>> parse_pem(std::string_view text, const KeyLimits& limits,
                                   std::vector<KeyNote>& notes) {
    const std::vector<PemBlock> blocks = pem_blocks(text);
    if (blocks.empty()) {
        return Error::key_set_not_pem;
    }
    if (blocks.size() > limits.keys) {
        return Error::too_many_keys;
    }
    Collector collector(blocks.size(), notes);
    for (const PemBlock& block : blocks) {
        collector.add(Key::from_pem(block.text, std::nullopt), {});
    }
    return collector.take();
}

Result<std::vector<Key>> parse_json_set(std::string_view text, KeyFormat format,
                                        const KeyLimits& limits, std::vector<KeyNote>& notes) {
    const auto root = parse_json_object(text, {limits.depth, JsonLimits::kUnlimited});
    if (!root) {
        return Error::key_set_not_json;
    }
    // Iterating takes a non-const object; nothing is changed.
    return format == KeyFormat::jwks
               ? parse_jwks(root->get(), limits, notes)
               : parse_keyval(const_cast<json_t*>(root->get()), limits, notes);
}

// Orders keys among themselves and against a kid that is looked for.
struct ByKid {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const noexcept { return a.kid() < b.kid(); }
    bool operator()(const Key& a, std::string_view b) const noexcept {
        return !a.kid() || *a.kid() < b;
    }
    bool operator()(std::string_view a, const Key& b) const noexcept {
        return b.kid() && a < *b.kid();
    }
};

}  // namespace

std::string describe(const KeyNote& note) {
    std::string text = "key " + std::to_string(note.position);
    if (!note.kid.empty()) {
        text.append(" \"").append(note.kid).append("\"");
    }
    text.append(note.is_left_out() ? " left out: " : note.skipped ? " skipped: " : ": ");
    return text.append(describe(Finding(note.reason, note.about)));
}

std::optional<Fingerprint> fingerprint_of(std::string_view text) {
    Fingerprint out;
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), out.data(), &size) !=
        1) {
        ERR_clear_error();
        return std::nullopt;
    }
    return out;
}

KeySet::KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {
    // Stable, so that keys of equal standing are tried in the order of the file.
    std::stable_sort(keys_.begin(), keys_.end(), ByKid{});
}

Result<KeySet> KeySet::parse(std::string_view text, KeyFormat format, const KeyLimits& limits,
                             std::vector<KeyNote>& notes) {
    if (text.size() > limits.bytes) {
        return Error::key_set_too_large;
    }
    auto keys = format == KeyFormat::pem ? parse_pem(text, limits, notes)
                                         : parse_json_set(text, format, limits, notes);
    if (!keys) {
        return keys.error();
    }
    return KeySet(std::move(*keys));
}

Result<KeySet> KeySet::of_secret(std::string secret) {
    auto key = Key::from_secret(std::move(secret));
    if (!key) {
        return key.error().error;
    }
    std::vector<Key> keys;
    keys.push_back(std::move(*key));
    return KeySet(std::move(keys));
}

std::span<const Key> KeySet::with_kid(std::string_view kid) const noexcept {
    const auto [first, last] = std::equal_range(keys_.begin(), keys_.end(), kid, ByKid{});
    return {first, last};
}

std::span<const Key> KeySet::without_kid() const noexcept {
    const auto last = std::find_if(keys_.begin(), keys_.end(),
                                   [](const Key& key) { return key.kid().has_value(); });
    return {keys_.begin(), last};
}

}  // namespace gatehouse::jwt
