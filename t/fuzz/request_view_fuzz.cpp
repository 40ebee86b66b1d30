// A request as those read it who get it from nginx. The input is lines: a target, then fields.
//
// What must hold: a target begins with its path; decoding what has no "%" changes nothing; values
// have no blanks around them; and what is read in one way still is when it has been read once.

#include <string>
#include <string_view>

#include "property.hpp"
#include "waf/core/request_view.hpp"

namespace {

using namespace gatehouse::fuzz;
using namespace gatehouse::waf;

void check_target(std::string_view sent) {
    const Target target(sent);
    const std::string_view text = target.text;
    require(text.starts_with('/') && target.path.starts_with('/'), "a path");
    require(target.path_end <= text.size(), "the path is in the target");
    require(text.ends_with(target.query()), "the query is at its end");
    require(target.path.size() <= target.path_end, "decoding adds nothing");
    require(target.path.find('%') != target.path.npos || text.find('%') < target.path_end ||
                target.path == text.substr(0, target.path_end),
            "what is not encoded stays");
    require(sent.find('#') != sent.npos || target.doubt().empty(), "only \"#\" is doubtful");
    require(Target(text).text == text, "what nginx passes on is read as the same");
}

void check_field(BodyView& body, std::string_view line) {
    const std::string_view name = take_line(line);
    const std::string_view value = field_value(line);
    require(value == field_value(value), "nothing is around the value");
    require(host_of(value).size() <= value.size(), "a host is a part of the field");
    std::size_t cookies = 0;
    for_each_unnamed_cookie(value, [&](std::string_view cookie) { cookies += cookie.size() + 1; });
    require(cookies <= value.size(), "cookies are parts of the field");
    const bool doubtful = !body.doubt().empty();
    body.field(name, value);
    require(!doubtful || !body.doubt().empty(), "a doubt stays");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    check_target(take_line(input));
    BodyView body;
    while (!input.empty()) {
        const std::string_view line = take_line(input);
        const std::size_t colon = line.find(':');
        if (colon != line.npos) {
            std::string field(line);
            field[colon] = '\n';
            check_field(body, field);
        }
    }
    return 0;
}
