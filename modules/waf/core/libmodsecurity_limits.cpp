#include <algorithm>

#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/libmodsecurity_versions.hpp"

// What a request may cost, counted before the library sees it.

namespace gatehouse::waf {
namespace {

constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20U;

std::uint64_t count(std::string_view text, char c) noexcept {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), c));
}

}  // namespace

void LibraryTransaction::limit(const Limits& limits) noexcept {
    limits_ = limits;
    time_left_ = limits.time;
}

// Rules that are still to come are skipped, as behind `allow`. In a signal handler.
void LibraryTransaction::stop_rules(void* transaction) noexcept {
    auto& self = *static_cast<LibraryTransaction*>(transaction);
    self.transaction_.m_allowType = kAllowedFromNowOn;
}

Transaction::Step LibraryTransaction::exceed(Excess excess) noexcept {
    excess_ = excess;
    return Step::exceeded;
}

void LibraryTransaction::allow_time_for(std::size_t octets) noexcept {
    const auto counted = [](std::uint64_t size) {
        return std::max(std::min(size * 8, kMegabyte), size);
    };
    const std::uint64_t before = counted(inspected_);
    inspected_ += octets;
    const auto more = static_cast<Deadline::Microseconds::rep>(counted(inspected_) - before);
    time_left_ += Deadline::Microseconds(limits_.time_per_mebibyte) * more / kMegabyte;
}

// SecArgumentSeparator
char LibraryTransaction::separator() const {
    const auto& wanted = rules_->library().m_secArgumentSeparator;
    return wanted.m_set && !wanted.m_value.empty() ? wanted.m_value.front() : '&';
}

Excess LibraryTransaction::count_arguments(const Target& target) {
    allow_time_for(target.text.size());
    const std::string_view query = target.query();
    arguments_ = query.empty() ? 0 : 1 + count(query, separator());
    return arguments_ > limits_.arguments ? Excess::arguments : Excess::none;
}

Excess LibraryTransaction::count_field(std::string_view name, std::string_view value) noexcept {
    allow_time_for(name.size() + value.size());
    ++fields_;
    cookies_ += same_text(name, "Cookie") ? 1 + count(value, ';') : 0;
    return fields_ > limits_.fields     ? Excess::fields
           : cookies_ > limits_.cookies ? Excess::cookies
                                        : Excess::none;
}

Excess LibraryTransaction::count_body(std::string_view octets) {
    allow_time_for(octets.size());
    if (!body_counter_) {
        body_counter_ = make_body_counter();
    }
    return std::visit([&](auto& counter) { return counter.append(octets); }, *body_counter_);
}

// As processRequestBody() chooses its parser.
BodyCounter LibraryTransaction::make_body_counter() {
    switch (transaction_.m_requestBodyProcessor) {
    case modsecurity::Transaction::JSONRequestBody:
        return JsonNameCounter(limits_.json_names);
    case modsecurity::Transaction::XMLRequestBody:
        return XmlCounter(limits_.attributes, limits_.entities);
    default:
        break;
    }
    switch (transaction_.m_requestBodyType) {
    case modsecurity::Transaction::MultiPartRequestBody: {
        const auto type = transaction_.m_variableRequestHeaders.resolveFirst("Content-Type");
        return PartCounter(type ? *type : std::string(), limits_.parts);
    }
    case modsecurity::Transaction::WWWFormUrlEncoded:
        return FormCounter(separator(), limits_.arguments - arguments_);
    default:
        return NothingToCount();
    }
}

// Of a limit that refuses the library says to rules that it was exceeded, whatever SecRuleEngine
// is.
std::string_view LibraryTransaction::limit_error() const noexcept {
    const modsecurity::RulesSet& rules = rules_->library();
    constexpr auto kReject = modsecurity::RulesSetProperties::RejectBodyLimitAction;
    if (rules.m_requestBodyLimitAction == kReject &&
        transaction_.m_variableInboundDataError.m_value == "1") {
        return "the request body exceeds SecRequestBodyLimit";
    }
    if (rules.m_responseBodyLimitAction == kReject &&
        transaction_.m_variableOutboundDataError.m_value == "1") {
        return "the response body exceeds SecResponseBodyLimit";
    }
    return {};
}

}  // namespace gatehouse::waf
