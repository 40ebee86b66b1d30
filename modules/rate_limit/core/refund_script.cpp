#include "rate_limit/core/script_prelude.hpp"
#include "rate_limit/core/scripts.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::string_view kRefundBody = R"lua(
-- A charge drains away as time goes by: only the rest of it can be given back.
local function refund_gcra(item, elapsed)
    local distance, changed = read_arrivals(item), false
    for window = 1, item.windows do
        local at = item.at + 3 * (window - 1)
        local rest = max(0, item.requests * ARGV[at] - elapsed * ARGV[at + 1])
        changed = changed or (rest > 0 and distance[window] > 0)
        distance[window] = max(0, distance[window] - rest)
    end
    if changed then
        write_arrivals(item, distance)
    end
end

local function refund_sliding_window(item, charged_at)
    local period = 0
    for at = item.at, item.at + 3 * (item.windows - 1), 3 do
        period = max(period, ARGV[at])
    end
    if (read('LREM', item.key, -item.requests, charged_at) or 0) > 0 then
        call('PEXPIRE', item.key, ceil(period / 1000))
    end
end

local at = 1
for i = 1, #KEYS do
    local item
    item, at = parse(i, at)
    local charged_at = ARGV[at]
    at = at + 1
    -- LREM would take 0 for all.
    if item.requests > 0 then
        if item.log then
            refund_sliding_window(item, charged_at)
        else
            refund_gcra(item, max(0, now - charged_at))
        end
    end
end
return #KEYS
)lua";

constexpr auto& kRefundScript = kJoined<kClock, kCommon, kRefundBody>;

}  // namespace

std::string_view refund_script() noexcept { return {kRefundScript.data(), kRefundScript.size()}; }

}  // namespace gatehouse::rate_limit
