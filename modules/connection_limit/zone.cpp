#include "connection_limit/zone.hpp"

namespace gatehouse::connection_limit {
namespace {

// Of everything in the memory.
constexpr std::uint64_t kLayoutVersion = 1;
constexpr std::size_t kLanes = 16;

struct Parts {
    std::span<std::byte> counters, leases, bans, rates;
};

// Bans and rates make way for others of their kind when there are too many; leases cannot, and they
// are what the zone is there for.
Parts divide(std::span<std::byte> body) noexcept {
    constexpr std::size_t kAlignment = 64;
    const std::size_t counters = shm::Counters::bytes(kCounters.size(), kLanes);
    if (body.size() < 2 * counters) {
        return {};
    }
    const std::size_t rest = body.size() - counters;
    const std::size_t bans = rest / 12 / kAlignment * kAlignment;
    const std::size_t rates = rest / 20 / kAlignment * kAlignment;
    const std::size_t leases = (rest - bans - rates) / kAlignment * kAlignment;
    return {body.first(counters), body.subspan(counters, leases),
            body.subspan(counters + leases, bans), body.subspan(counters + leases + bans, rates)};
}

}  // namespace

bool Zone::add(ngx_conf_t* cf) {
    const std::string meaning = std::to_string(ipv6_prefix) + " " + expression;
    return ngx::LastingZone::add(cf, std::string(kZonePrefix) + title, size,
                                 base::siphash128({kLayoutVersion, 0}, meaning).low);
}

bool Zone::format(std::span<std::byte> body) noexcept {
    const Parts parts = divide(body);
    counters_ = shm::Counters::format(parts.counters, kCounters, kLanes);
    leases_ = LeaseTable::format(parts.leases);
    bans_ = Bans::format(parts.bans);
    rates_ = AcceptRate::format(parts.rates);
    return counters_ && leases_ && bans_ && rates_;
}

bool Zone::attach(std::span<std::byte> body) noexcept {
    const Parts parts = divide(body);
    counters_ = shm::Counters::attach(parts.counters);
    leases_ = LeaseTable::attach(parts.leases);
    bans_ = Bans::attach(parts.bans);
    rates_ = AcceptRate::attach(parts.rates);
    return counters_ && leases_ && bans_ && rates_;
}

void Zone::count(Counter counter, std::uint64_t number) noexcept {
    counters_->add(ngx_worker % kLanes, static_cast<std::size_t>(counter), number);
}

}  // namespace gatehouse::connection_limit
