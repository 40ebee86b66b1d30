#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace gatehouse::waf {

// What one request may cost. Rules, parsers and patterns are bounded by nobody else: a few
// kilobytes can be made to take minutes.
struct Limits {
    // Processor time of all steps together, and so much more for each mebibyte that is inspected,
    // of which an eighth counts as a whole one: ordinary text of some ten kilobytes may take
    // patterns the square of its length. Zero for `time`: no bound.
    std::chrono::milliseconds time{300};
    std::chrono::milliseconds time_per_mebibyte{1600};

    std::uint64_t fields = 1000;      // header fields of the request
    std::uint64_t cookies = 1000;     // in all of its Cookie fields
    std::uint64_t arguments = 2000;   // of the query and of a form
    std::uint64_t parts = 1000;       // of a multipart body
    std::uint64_t attributes = 1000;  // of an element of XML, and in a document type

    // References of an XML document that declares entities, times its octets: what they may stand
    // for, and what rules would see of them.
    std::uint64_t entities = std::uint64_t{1} << 20U;

    // Octets of all names that the values of a JSON body get, each of them the whole path to its
    // value.
    std::uint64_t json_names = std::uint64_t{1} << 20U;
};

// Which of them a request has exceeded.
enum class Excess : std::uint8_t {
    none,
    time,
    pattern,  // a regular expression was given up: PCRE2 has bounds of its own
    fields,
    cookies,
    arguments,
    parts,
    attributes,
    entities,
    json_names,
};

// "more than 1000 cookies"
std::string describe(Excess excess, const Limits& limits);

}  // namespace gatehouse::waf
