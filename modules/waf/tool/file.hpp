#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace gatehouse::waf::tool {

// The octets of a file that is no longer than that. Otherwise nothing, with the reason in
// `problem`.
std::optional<std::string> read_file(const std::string& path, std::size_t limit,
                                     std::string& problem);

}  // namespace gatehouse::waf::tool
