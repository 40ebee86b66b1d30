#include "waf/core/libmodsecurity_bounds.hpp"

#include <dlfcn.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <locale>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "waf/core/imports.hpp"
#include "waf/core/libmodsecurity_versions.hpp"

namespace gatehouse::waf {
namespace {

using modsecurity::VariableValue;

// Of the machine code that PCRE2 makes. With the 32 kilobytes of its own it would give up for
// subjects that are harmless, and the library would go on with the interpreter.
constexpr std::size_t kLeastStack = std::size_t{32} << 10U;
constexpr std::size_t kMostStack = std::size_t{1} << 20U;

// What the interpreter may backtrack at one place of the subject: ten steps for each octet, within
// these bounds, and what it may remember of them, in kibibytes.
constexpr PCRE2_SIZE kLeastSteps = 100'000;
constexpr PCRE2_SIZE kMostSteps = 3'000'000;
constexpr std::uint32_t kMostHeap = std::uint32_t{32} << 10U;

// What pcre2_jit_match() takes.
constexpr std::uint32_t kOptionsOfMachineCode = PCRE2_NOTBOL | PCRE2_NOTEOL | PCRE2_NOTEMPTY |
                                                PCRE2_NOTEMPTY_ATSTART | PCRE2_PARTIAL_SOFT |
                                                PCRE2_PARTIAL_HARD;

// Places in the request that a value of several variables may have in an audit log.
constexpr std::ptrdiff_t kMostPlaces = 8;

pcre2_match_context* own_context = nullptr;
pcre2_jit_stack* stack = nullptr;
bool pattern_given_up = false;

pcre2_match_context* context_or_own(pcre2_match_context* context) noexcept {
    return context != nullptr ? context : own_context;
}

bool is_verdict(int result) noexcept { return result >= 0 || result == PCRE2_ERROR_NOMATCH; }

// The machine code allocates nothing and calls nobody: it can be left at any point.
int run_machine_code(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length,
                     PCRE2_SIZE start, std::uint32_t options, pcre2_match_data* data,
                     pcre2_match_context* context) noexcept {
    int result = PCRE2_ERROR_NOMATCH;
    pcre2_jit_stack_assign(context, nullptr, stack);
    const bool ended = Deadline::leave_when_over(
        [&] { result = pcre2_jit_match(code, subject, length, start, options, data, context); });
    return ended ? result : PCRE2_ERROR_NOMATCH;
}

// The interpreter does allocate. Its own bound counts from anew at each place of the subject, so
// that we go from place to place.
int interpret(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
              std::uint32_t options, pcre2_match_data* data,
              pcre2_match_context* context) noexcept {
    const PCRE2_SIZE steps = std::clamp(std::min(length, kMostSteps) * 10, kLeastSteps, kMostSteps);
    pcre2_set_match_limit(context, static_cast<std::uint32_t>(steps));
    pcre2_set_heap_limit(context, kMostHeap);
    const bool anchored = (options & PCRE2_ANCHORED) != 0;
    int result = PCRE2_ERROR_NOMATCH;
    for (PCRE2_SIZE at = start; at <= length && !Deadline::over(); ++at) {
        result = pcre2_match(code, subject, length, at, options | PCRE2_ANCHORED | PCRE2_NO_JIT,
                             data, context);
        if (result != PCRE2_ERROR_NOMATCH || anchored) {
            break;
        }
        options &= ~static_cast<std::uint32_t>(PCRE2_NOTEMPTY_ATSTART);
    }
    return result;
}

int verdict_of(int result) noexcept {
    pattern_given_up = pattern_given_up || !is_verdict(result);
    return result;
}

bool has_machine_code(const pcre2_code* code) noexcept {
    std::size_t size = 0;
    return pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
}

// In place of pcre2_jit_match(). Of a stack that is too small the caller makes another call.
int jit_match(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
              std::uint32_t options, pcre2_match_data* data,
              pcre2_match_context* context) noexcept {
    if (!Deadline::running()) {
        return pcre2_jit_match(code, subject, length, start, options, data, context);
    }
    const int result =
        run_machine_code(code, subject, length, start, options, data, context_or_own(context));
    return result == PCRE2_ERROR_JIT_STACKLIMIT ? result : verdict_of(result);
}

// In place of pcre2_match().
int match(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
          std::uint32_t options, pcre2_match_data* data, pcre2_match_context* context) noexcept {
    if (!Deadline::running()) {
        return pcre2_match(code, subject, length, start, options, data, context);
    }
    context = context_or_own(context);
    int result = PCRE2_ERROR_JIT_STACKLIMIT;
    if ((options & ~kOptionsOfMachineCode) == 0 && has_machine_code(code)) {
        result = run_machine_code(code, subject, length, start, options, data, context);
    }
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
        result = interpret(code, subject, length, start, options, data, context);
    }
    return verdict_of(result);
}

// In place of std::string::_M_erase(), which is behind erase(). A loop that calls it for each octet
// that it finds is over when there are no octets any more.
void erase(std::string* text, std::size_t position, std::size_t count) {
    text->erase(position, Deadline::over() ? std::string::npos : count);
}

// libxml2's, found where the library finds them. It is given a body as a whole when its parser is
// made, and reads it at a call that says that there is no more.
struct XmlParser {
    void* (*create)(void* handler, void* data, const char* octets, int size,
                    const char* name) = nullptr;
    int (*parse_chunk)(void* parser, const char* octets, int size, int terminate) = nullptr;
    std::string unread;
};
XmlParser xml_parser;

// What the encoding of a document is told from.
constexpr int kHead = 4;

// What is read before the time is looked at again.
constexpr std::size_t kPiece = 4096;

// In place of xmlCreatePushParserCtxt().
void* create_parser(void* handler, void* data, const char* octets, int size, const char* name) {
    const int head = std::min(size, kHead);
    xml_parser.unread.assign(octets + head, static_cast<std::size_t>(size - head));
    return xml_parser.create(handler, data, octets, head, name);
}

// In place of xmlParseChunk(). What is left when time is over no verdict will rest on.
int parse_chunk(void* parser, const char* octets, int size, int terminate) {
    const std::string unread = std::exchange(xml_parser.unread, {});
    for (std::size_t at = 0; at < unread.size() && !Deadline::over(); at += kPiece) {
        const auto piece = static_cast<int>(std::min(unread.size() - at, kPiece));
        xml_parser.parse_chunk(parser, unread.data() + at, piece, 0);
    }
    return xml_parser.parse_chunk(parser, octets, size, terminate);
}

// In place of xmlNodeGetContent(), which a rule calls for each of its nodes, and which puts in what
// entities stand for.
unsigned char* (*node_content)(const void* node) = nullptr;
unsigned char* content_in_time(const void* node) {
    return Deadline::over() ? nullptr : node_content(node);
}

// In place of libinjection_sqli() and libinjection_xss(). A rule goes on with all of its variables,
// and what matches has actions.
int (*sqli)(const char* text, std::size_t size, char* fingerprint) = nullptr;
int (*xss)(const char* text, std::size_t size) = nullptr;
int sqli_in_time(const char* text, std::size_t size, char* fingerprint) {
    return Deadline::over() ? 0 : sqli(text, size, fingerprint);
}
int xss_in_time(const char* text, std::size_t size) {
    return Deadline::over() ? 0 : xss(text, size);
}

// In place of RuleWithOperator::updateMatchedVars(), whose table cannot tell most names apart.
constexpr const char* kUpdateMatched =
    "_ZN11modsecurity16RuleWithOperator17updateMatchedVarsEPNS_11TransactionE"
    "RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESA_";
void (*update_matched)(modsecurity::Transaction* transaction, const std::string& name,
                       const std::string& value) = nullptr;
void update_matched_in_time(modsecurity::Transaction* transaction, const std::string& name,
                            const std::string& value) {
    if (!Deadline::over()) {
        update_matched(transaction, name, value);
    }
}

// In place of VariableValue's constructor of copies. A variable that names what has matched is
// copied for each macro, with the places of all that has matched before: the last ones are left.
void copy_value(void* memory, const VariableValue* value) {
    const auto& places = value->getOrigin();
    if (places.size() <= static_cast<std::size_t>(kMostPlaces)) {
        new (memory) VariableValue(value);
        return;
    }
    const std::string& key = value->getKey();
    const bool has_collection = value->getKeyWithCollection() != key;
    const auto destroy = [](VariableValue* copy) { copy->~VariableValue(); };
    std::unique_ptr<VariableValue, decltype(destroy)> copy(
        has_collection ? new (memory)
                             VariableValue(&value->getCollection(), &key, &value->getValue())
                       : new (memory) VariableValue(&key, &value->getValue()),
        destroy);
    for (auto place = std::prev(places.end(), kMostPlaces); place != places.end(); ++place) {
        copy->addOrigin(place_of(*place));
    }
    static_cast<void>(copy.release());
}

// In place of std::use_facet<std::ctype<char>>(), which 3.0.9 calls for each octet that it makes
// small, and which looks for the type of the facet by its name: a quarter of the time of a large
// body.
const std::ctype<char>& facet(const std::locale& locale) {
    static const auto& classic = std::use_facet<std::ctype<char>>(std::locale::classic());
    return locale == std::locale::classic() ? classic : std::use_facet<std::ctype<char>>(locale);
}

template <class Function>
bool replace(const char* name, Function* substitute) noexcept {
    return replace_import(reinterpret_cast<const void*>(&modsecurity::msc_init), name,
                          reinterpret_cast<const void*>(substitute));
}

template <class Function>
void find(const char* name, Function*& function) noexcept {
    function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

bool bound_xml() noexcept {
    find("xmlCreatePushParserCtxt", xml_parser.create);
    find("xmlParseChunk", xml_parser.parse_chunk);
    find("xmlNodeGetContent", node_content);
    return xml_parser.create != nullptr && xml_parser.parse_chunk != nullptr &&
           node_content != nullptr && replace("xmlParseChunk", parse_chunk) &&
           replace("xmlCreatePushParserCtxt", create_parser) &&
           replace("xmlNodeGetContent", content_in_time);
}

// What the library exports itself it may call in another way, and is bounded less tightly then.
void bound_matches() noexcept {
    find("libinjection_sqli", sqli);
    find("libinjection_xss", xss);
    find(kUpdateMatched, update_matched);
    if (sqli != nullptr && xss != nullptr && update_matched != nullptr) {
        replace("libinjection_sqli", sqli_in_time);
        replace("libinjection_xss", xss_in_time);
        replace(kUpdateMatched, update_matched_in_time);
    }
    replace("_ZN11modsecurity13VariableValueC1EPKS0_", copy_value);
}

bool bound() noexcept {
    own_context = pcre2_match_context_create(nullptr);
    stack = pcre2_jit_stack_create(kLeastStack, kMostStack, nullptr);
    bound_matches();
    // Later releases of the library do without these two.
    replace("_ZSt9use_facetISt5ctypeIcEERKT_RKSt6locale", facet);
    replace("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE8_M_eraseEmm", erase);
    return bound_xml() && own_context != nullptr && replace("pcre2_match_8", match) &&
           replace("pcre2_jit_match_8", jit_match);
}

}  // namespace

bool bound_libmodsecurity() noexcept {
    static const bool bounded = bound();
    return bounded;
}

BoundedStep::BoundedStep(Deadline::Microseconds& left, Deadline::OnExpiry on_expiry,
                         void* context) noexcept
    : deadline_(left, on_expiry, context) {
    pattern_given_up = false;
}

Excess BoundedStep::excess() const noexcept {
    return Deadline::over() ? Excess::time : pattern_given_up ? Excess::pattern : Excess::none;
}

}  // namespace gatehouse::waf
