#pragma once

#include <string>
#include <string_view>

#include "base/identity.hpp"
#include "base/siphash.hpp"
#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

using base::identity;
using base::KeyKind;

// Makes the key of the hash that identities are stored under in Redis, from the secret of
// identity_secret_file (may be empty: then hashes hide nothing from who can guess) and from what
// must tell zones apart: a zone's name and the text of its key expression.
base::SipKey identity_key(std::string_view secret, std::string_view zone,
                          std::string_view expression);  // throws std::bad_alloc

// `<prefix><zone>:<g|s>:<32 hexadecimal digits>`: whatever the identity is, of bounded length and
// of characters that nobody can choose. `{` and `}` in prefix and zone are replaced by `_`: they
// would choose a cluster's slot.
std::string redis_key(std::string_view prefix, std::string_view zone, Algorithm algorithm,
                      const base::Hash128& hash);  // throws std::bad_alloc

}  // namespace gatehouse::rate_limit
