// Paths from the configuration over claims from anywhere. The input is lines: a path, a delimiter,
// a quote, and a document.
//
// What must hold: every member that a document has can be named in each of the notations, and what
// is found is that member.

#include <string>
#include <string_view>

#include "jwt/core/path.hpp"
#include "property.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::fuzz;

std::string quoted(const json_t* name) {
    std::string out;
    append_json(out, name);
    return out;
}

void check_member(const json_t* object, std::string_view name, std::string_view delimiter,
                  std::string_view quote) {
    const json_t* expected = member(object, name);
    require(Path::of_names({std::string(name)}).find(object) == expected, "a plain name");

    const Json text(json_stringn(name.data(), name.size()));
    for (const std::string& notation : {'.' + quoted(text.get()), '[' + quoted(text.get()) + ']'}) {
        const auto path = Path::parse_jq(notation);
        require(path && path->find(object) == expected, "a quoted name in a jq path");
    }
    if (delimiter.empty() || quote.empty() || name.empty()) {
        return;
    }
    if (name.find(delimiter) == name.npos && !name.starts_with(quote)) {
        const auto path = Path::parse_delimited(name, delimiter, quote);
        require(path && path->find(object) == expected, "a name without the delimiter");
    }
    if (name.find(quote) == name.npos && quote != delimiter) {
        const std::string in_quotes = std::string(quote).append(name).append(quote);
        // Where the quote ends is ambiguous if it can overlap with the end of the name.
        if (in_quotes.find(quote, quote.size()) != quote.size() + name.size()) {
            return;
        }
        const auto path = Path::parse_delimited(in_quotes, delimiter, quote);
        require(path && path->find(object) == expected, "a name in quotes");
    }
}

void check_elements(const json_t* array) {
    const auto size = static_cast<long long>(json_array_size(array));
    for (long long i = -size - 1; i <= size && i < 32; ++i) {
        const auto path = Path::parse_jq('[' + std::to_string(i) + ']');
        const long long place = i < 0 ? i + size : i;
        const bool exists = place >= 0 && place < size;
        const json_t* expected =
            exists ? json_array_get(array, static_cast<std::size_t>(place)) : nullptr;
        require(path && path->find(array) == expected, "an element");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    const std::string_view text = take_line(input), delimiter = take_line(input),
                           quote = take_line(input);
    const auto document = parse_json(input, {});
    const json_t* root = document ? document->get() : nullptr;

    const auto jq = Path::parse_jq(text);
    if (jq) {
        require(Path::looks_like_jq(text), "a jq path looks like one");
        require(jq->find(root) == jq->find(root), "finding changes nothing");
    }
    if (!delimiter.empty() && !quote.empty()) {
        const auto path = Path::parse_delimited(text, delimiter, quote);
        require(path || path.error() == Error::path_syntax, "one kind of error");
        if (path) {
            path->find(root);
        }
    }
    check_elements(root);
    // Iterating takes a non-const object; nothing is changed.
    auto* const object = const_cast<json_t*>(root);
    for (void* it = json_object_iter(object); it != nullptr;
         it = json_object_iter_next(object, it)) {
        check_member(root, {json_object_iter_key(it), json_object_iter_key_len(it)}, delimiter,
                     quote);
    }
    return 0;
}
