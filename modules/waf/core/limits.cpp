#include "waf/core/limits.hpp"

namespace gatehouse::waf {

std::string describe(Excess excess, const Limits& limits) {
    const auto more_than = [](std::uint64_t count, const char* what) {
        return "more than " + std::to_string(count) + what;
    };
    switch (excess) {
    case Excess::none:
        break;
    case Excess::time:
        return "more than " + std::to_string(limits.time.count()) + " ms of processor time, and " +
               std::to_string(limits.time_per_mebibyte.count()) + " ms for each megabyte";
    case Excess::pattern:
        return "a regular expression was given up";
    case Excess::fields:
        return more_than(limits.fields, " header fields");
    case Excess::cookies:
        return more_than(limits.cookies, " cookies");
    case Excess::arguments:
        return more_than(limits.arguments, " arguments");
    case Excess::parts:
        return more_than(limits.parts, " parts of a multipart body");
    case Excess::attributes:
        return more_than(limits.attributes, " attributes of an XML element or its type");
    case Excess::entities:
        return more_than(limits.entities, " octets that XML entities may stand for");
    case Excess::json_names:
        return more_than(limits.json_names, " octets of names in a JSON body");
    }
    return {};
}

}  // namespace gatehouse::waf
