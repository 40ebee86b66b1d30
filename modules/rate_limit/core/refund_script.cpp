#include "rate_limit/core/script_prelude.hpp"
#include "rate_limit/core/scripts.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::string_view kBody = R"lua(
-- A charge drains away as time goes by: only the rest of it can be given back.
local function refund_gcra(key, cost, elapsed, debt, windows, at)
    local distance = read_arrivals(key, windows, debt, at)
    local changed = false
    for window = 1, windows do
        local first = at + 3 * (window - 1)
        local rest = max(0, cost * ARGV[first] - elapsed * ARGV[first + 1])
        local less = max(0, distance[window] - rest)
        changed = changed or less < distance[window]
        distance[window] = less
    end
    if changed then
        write_arrivals(key, distance, at)
    end
end

local function refund_sliding_window(key, cost, charged_at, windows, at)
    local period = 0
    for window = 1, windows do
        period = max(period, ARGV[at + 3 * (window - 1)])
    end
    if (read('LREM', key, -cost, charged_at) or 0) > 0 then
        call('PEXPIRE', key, ceil(period / 1000))
    end
end

local at = 1
for i = 1, #KEYS do
    local cost, charged_at, debt = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local windows = tonumber(ARGV[at + 3])
    at = at + 4
    if cost == 0 then
        -- LREM would take it for all.
    elseif ARGV[at + 1] == '0' then
        refund_sliding_window(KEYS[i], cost, charged_at, windows, at)
    else
        refund_gcra(KEYS[i], cost, max(0, now - charged_at), debt, windows, at)
    end
    at = at + 3 * windows
end
return #KEYS
)lua";

constexpr auto& kText = kJoined<kPrelude, kBody>;

}  // namespace

std::string_view refund_script() noexcept { return {kText.data(), kText.size()}; }

}  // namespace gatehouse::rate_limit
