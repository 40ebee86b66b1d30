#include "rate_limit/core/scripts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace gatehouse::rate_limit {
namespace {

constexpr std::size_t kFieldsOfCall = 2;
constexpr std::size_t kFieldsOfKey = 6;

// What Lua's numbers hold exactly.
constexpr std::int64_t kExact = std::int64_t{1} << 53;

std::string_view name(Item::Kind kind) noexcept {
    switch (kind) {
    case Item::Kind::whole:
        return "whole";
    case Item::Kind::part:
        return "part";
    case Item::Kind::forced:
        return "forced";
    }
    return "whole";
}

// A debt that keeps (burst + debt) * cost, and its sum with a time, exact in all windows.
std::int64_t exact_debt(const Item& item) noexcept {
    std::int64_t debt = item.debt;
    if (item.policy->algorithm() == Algorithm::gcra) {
        for (const Window& window : item.policy->windows()) {
            debt = std::min(debt, kExact / 2 / window.cost - window.burst);
        }
    }
    return std::max<std::int64_t>(debt, 0);
}

// The fields of one key, in order. Nothing that another script or server sends is let through:
// take() fails for good at the first field that is out of its range.
class Fields {
  public:
    explicit Fields(std::span<const redis::Reply> elements) noexcept : elements_(elements) {}

    std::int64_t take(std::int64_t least, std::int64_t most) noexcept {
        const redis::Reply& field = elements_.front();
        elements_ = elements_.subspan(1);
        good_ = good_ && field.is(redis::Type::integer) && field.integer >= least &&
                field.integer <= most;
        return good_ ? field.integer : least;
    }

    bool good() const noexcept { return good_; }

  private:
    std::span<const redis::Reply> elements_;
    bool good_ = true;
};

Charged take_charged(Fields& fields, const Item& item) noexcept {
    const auto windows = item.policy->windows();
    Charged charged;
    Verdict& verdict = charged.verdict;
    verdict.allowed = fields.take(0, 1) == 1;
    verdict.window =
        static_cast<std::uint8_t>(fields.take(0, static_cast<std::int64_t>(windows.size()) - 1));
    const std::int64_t burst = windows[verdict.window].burst;
    verdict.remaining = static_cast<std::uint32_t>(fields.take(0, burst));
    verdict.reset = fields.take(1, kExact);
    verdict.excess = fields.take(0, kExact);
    charged.granted = static_cast<std::uint32_t>(fields.take(0, item.cost));
    return charged;
}

// Whether what was charged goes with the verdicts. `blocked`: by an item that is not forced.
bool plausible(const Charged& charged, const Item& item, bool blocked) noexcept {
    if (blocked) {
        return charged.granted == 0;
    }
    switch (item.kind) {
    case Item::Kind::whole:
        return charged.granted == item.cost;
    case Item::Kind::part:
        return charged.granted > 0;
    case Item::Kind::forced:
        return !charged.verdict.allowed || charged.granted == item.cost;
    }
    return false;
}

}  // namespace

void Arguments::clear() noexcept {
    texts_.clear();
    ends_.clear();
    omissible_ = 0;
}

void Arguments::add(std::string_view text) {
    texts_.append(text);
    ends_.push_back(texts_.size());
}

void Arguments::add(std::int64_t number) {
    std::array<char, std::numeric_limits<std::int64_t>::digits10 + 2> text;
    const auto written = std::to_chars(text.data(), text.data() + text.size(), number);
    add(std::string_view(text.data(), written.ptr));
}

void Arguments::add_item(const Item& item, std::uint32_t requests) {
    add(std::int64_t{requests});
    for (const Window& window : item.policy->windows()) {
        const bool gcra = item.policy->algorithm() == Algorithm::gcra;
        add(gcra ? window.cost : window.rate.period);
        add(gcra ? window.per : 0);
        add(std::int64_t{window.burst});
    }
    add(name(item.kind));
    add(exact_debt(item));
}

void Arguments::add_charge(const Item& item) {
    add_item(item, item.cost);
    omissible_ = item.kind == Item::Kind::whole && item.debt == 0 ? 2 : 0;
}

void Arguments::add_refund(const Item& item, std::uint32_t granted, std::int64_t charged_at) {
    add_item(item, granted);
    add(charged_at);
    omissible_ = 0;
}

std::span<const std::string_view> Arguments::view() {
    views_.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
        views_.push_back(std::string_view(texts_).substr(begin, end - begin));
        begin = end;
    }
    return std::span(views_).first(views_.size() - omissible_);
}

std::optional<ChargeReply> read_charge(const redis::Reply& reply, std::span<const Item> items,
                                       std::span<Charged> charged) noexcept {
    if (!reply.is(redis::Type::array) || charged.size() < items.size() ||
        reply.elements.size() != kFieldsOfCall + kFieldsOfKey * items.size()) {
        return std::nullopt;
    }
    Fields fields(reply.elements);
    ChargeReply result;
    result.allowed = fields.take(0, 1) == 1;
    result.charged_at = fields.take(1, kExact);
    bool all = true;
    bool blocked = false;
    for (std::size_t i = 0; i < items.size(); ++i) {
        charged[i] = take_charged(fields, items[i]);
        const bool allowed = charged[i].verdict.allowed;
        all = all && allowed;
        blocked = blocked || (!allowed && items[i].kind != Item::Kind::forced);
    }
    bool good = fields.good() && result.allowed == all;
    for (std::size_t i = 0; i < items.size(); ++i) {
        good = good && plausible(charged[i], items[i], blocked);
    }
    if (!good) {
        return std::nullopt;
    }
    return result;
}

}  // namespace gatehouse::rate_limit
