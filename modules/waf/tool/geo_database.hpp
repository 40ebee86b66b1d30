#pragma once

#include <optional>
#include <string>

namespace gatehouse::waf::tool {

// Why @geoLookup finds nothing in a database that libmodsecurity opens: it takes any file that is
// no MaxMind DB for a GeoIP database of countries, and reads those of cities only.
std::optional<std::string> geo_database_mistake(const std::string& path);

}  // namespace gatehouse::waf::tool
