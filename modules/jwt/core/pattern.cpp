#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "jwt/core/requirement.hpp"

namespace gatehouse::jwt {
namespace {

// A claim is at most some kilobytes. These let every sane expression finish and end a catastrophic
// one after some milliseconds; only tokens whose signature was verified come this far.
constexpr std::uint32_t kMatchLimit = 100'000;
constexpr std::uint32_t kDepthLimit = 100'000;
constexpr std::uint32_t kHeapLimitKib = 16'384;

struct Free {
    void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
    void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const noexcept {
        pcre2_match_context_free(context);
    }
};

}  // namespace

struct Pattern::State {
    std::unique_ptr<pcre2_code, Free> code;
    std::unique_ptr<pcre2_match_data, Free> data;
    std::unique_ptr<pcre2_match_context, Free> context;
};

Pattern::Pattern(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view expression) {
    auto state = std::make_unique<State>();
    int error = 0;
    PCRE2_SIZE offset = 0;
    state->code.reset(pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
    if (!state->code) {
        return Error::pattern_syntax;
    }
    state->data.reset(pcre2_match_data_create_from_pattern(state->code.get(), nullptr));
    state->context.reset(pcre2_match_context_create(nullptr));
    if (!state->data || !state->context) {
        return Error::internal;
    }
    pcre2_set_match_limit(state->context.get(), kMatchLimit);
    pcre2_set_depth_limit(state->context.get(), kDepthLimit);
    pcre2_set_heap_limit(state->context.get(), kHeapLimitKib);
    return Pattern(std::move(state));
}

std::optional<bool> Pattern::search(std::string_view subject) const {
    const int matched =
        pcre2_match(state_->code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                    subject.size(), 0, 0, state_->data.get(), state_->context.get());
    if (matched >= 0) {
        return true;
    }
    return matched == PCRE2_ERROR_NOMATCH ? std::optional(false) : std::nullopt;
}

}  // namespace gatehouse::jwt
