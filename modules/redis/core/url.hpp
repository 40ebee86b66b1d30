#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::redis {

// A server that was written as clients take it, `redis://user:password@host:6379/0`, or a part of
// that.
struct Url {
    std::string shown;    // without what may be a secret
    std::string instead;  // the directives that say the same: `"server host:6379;", ...`
};

// Nothing if the text does not look like one. Throws std::bad_alloc.
std::optional<Url> read_url(std::string_view text);

}  // namespace gatehouse::redis
