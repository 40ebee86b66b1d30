#pragma once

#include <chrono>
#include <string>

#include "waf/core/child.hpp"

namespace gatehouse::waf {

// Fetches what is at a URL, http or https, as the library would: `key` is the field ModSec-key, and
// the server needs a certificate that the machine trusts. In a child, as a server may take its
// time, and names are looked up without a limit. The text, or why there is none. The library must
// have been set up. Throws std::bad_alloc.
Tried download(const std::string& key, const std::string& url, std::chrono::seconds most);

}  // namespace gatehouse::waf
