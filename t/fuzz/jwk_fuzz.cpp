// A key set as it comes from a file or from a server, in each format.
//
// What must hold: every key is used or noted or meant for something else, notes are fit for a log,
// and a key that admits an algorithm can be asked.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/core/key_set.hpp"
#include "property.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::fuzz;

// So that one input does not verify for seconds.
constexpr std::size_t kMaxVerified = 8;

// Fit for a line of a log.
void check_words(std::string_view words) {
    require(words.size() < 200, "words are short");
    require(std::none_of(words.begin(), words.end(),
                         [](char c) { return c == 0x7f || (c >= 0 && c < 0x20); }),
            "words have no control characters");
}

void check_notes(const std::vector<KeyNote>& notes) {
    std::size_t last = 0;
    for (const KeyNote& note : notes) {
        require(note.position > last, "notes are in order, one for each key");
        last = note.position;
        require(note.reason != Error::none && note.reason != Error::internal,
                "notes have a reason");
        check_words(describe(note));
    }
}

void check_key(const Key& key, std::string_view text) {
    require((key.secret_bytes() > 0) == (key.type() == KeyType::oct), "a secret, or a public key");
    bool admits_any = false;
    for (std::size_t i = 0; i < kAlgorithms; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        if (!key.admits(algorithm)) {
            continue;
        }
        admits_any = true;
        require(fits(algorithm, key.type()), "an algorithm that is admitted fits");
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{64}, std::size_t{256}, text.size()}) {
            const Error verdict = key.verify(algorithm, text, text.substr(0, size));
            require(verdict != Error::internal, "the library can always tell");
        }
    }
    require(admits_any, "a key without an algorithm is not usable");
}

void check_set(const KeySet& set, std::string_view text) {
    std::size_t verified = 0;
    for (const Key& key : set.keys()) {
        const auto found = key.kid() ? set.with_kid(*key.kid()) : set.without_kid();
        require(std::any_of(found.begin(), found.end(),
                            [&](const Key& other) { return &other == &key; }),
                "keys are found by their kid");
        if (verified++ < kMaxVerified) {
            check_key(key, text);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = text_of(data, size);
    for (const KeyFormat format : {KeyFormat::jwks, KeyFormat::keyval, KeyFormat::pem}) {
        std::vector<KeyNote> notes;
        const auto set = KeySet::parse(text, format, {}, notes);
        check_notes(notes);
        if (set) {
            check_set(*set, text);
        } else {
            check_words(describe_refused(set.error(), text, format));
        }
    }
    return 0;
}
