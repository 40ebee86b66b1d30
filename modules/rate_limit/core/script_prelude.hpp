#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace gatehouse::rate_limit {

// Both scripts begin with this.
inline constexpr std::string_view kClock = R"lua(
-- ARGV describes each key, in the order of KEYS:
--   requests, and of each window
--     gcra            cost, per, burst (a request takes cost/per microseconds)
--     sliding_window  period, 0, requests
--   kind, debt (of the last key they may be left out: whole, 0), and for a refund the time of the
--   charge
-- Numbers are integers below 2^53, and so are their products: doubles are exact. Among a command's
-- arguments Redis itself writes them in full; Lua's tostring() would round them to 14 digits.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
)lua";

// What both need to know.
inline constexpr std::string_view kCommon = R"lua(
local call = redis.call
local ceil, min, max = math.ceil, math.min, math.max

-- One key's part of ARGV. The windows begin at item.at.
local function parse(i, at)
    local last = at + 1
    while tonumber(ARGV[last]) do
        last = last + 3
    end
    local requests, windows = tonumber(ARGV[at]), (last - at - 1) / 3
    if not requests or windows == 0 or not tonumber(ARGV[last - 1]) then
        error('malformed arguments')
    end
    return {
        key = KEYS[i], requests = requests, at = at + 1, windows = windows,
        log = ARGV[at + 2] == '0', kind = ARGV[last] or 'whole', debt = tonumber(ARGV[last + 1] or 0),
    }, last + 2
end

-- Nil: a value of another type, which somebody else has put there. Other errors end the script.
local function read(...)
    local value = redis.pcall(...)
    if type(value) == 'table' and value.err then
        if string.find(value.err, '^WRONGTYPE') then
            return nil
        end
        return call(...)
    end
    return value
end

-- gcra. A key's value is the theoretical arrival time of each window, in microseconds and, after a
-- `+`, in n/per microseconds; commas between windows. Here it is the distance from now, in units of
-- 1/per microseconds.
local function write_arrivals(item, distance)
    local value, ttl, at = nil, 1, item.at
    for window = 1, #distance do
        local per = tonumber(ARGV[at + 1])
        local fraction = distance[window] % per
        local whole = now + (distance[window] - fraction) / per
        if #distance > 1 or fraction > 0 then
            whole = string.format('%s%.0f+%.0f', value and value .. ',' or '', whole, fraction)
        end
        value, ttl = whole, max(ttl, ceil(distance[window] / (per * 1000)))
        at = at + 3
    end
    call('SET', item.key, value, 'PX', ttl)
end

-- No distance is more than what burst and debt take. What is beyond was left by a clock that has
-- been set back, or by another policy: it is cut in Redis, too, whatever the verdict will be, for
-- otherwise it would stay beyond until the clock is there again.
local function read_arrivals(item)
    local distance = {}
    for window = 1, item.windows do
        distance[window] = 0
    end
    local value = read('GET', item.key)
    if not value or string.find(value, '[^%d+,]') then
        return distance
    end
    local window, at, cut = 0, item.at, false
    for whole, fraction in string.gmatch(value, '(%d+)%+?(%d*)') do
        window = window + 1
        if window > item.windows then
            break
        end
        local per = tonumber(ARGV[at + 1])
        local most = (ARGV[at + 2] + item.debt) * ARGV[at]
        local ahead = (whole - now) * per + min(tonumber(fraction) or 0, per)
        cut = cut or ahead > most
        distance[window] = max(0, min(ahead, most))
        at = at + 3
    end
    if cut then
        write_arrivals(item, distance)
    end
    return distance
end
)lua";

// Texts joined at compile time.
template <const std::string_view&... Parts>
inline constexpr auto kJoined = [] {
    std::array<char, (Parts.size() + ...)> text{};
    auto* end = text.begin();
    ((end = std::copy(Parts.begin(), Parts.end(), end)), ...);
    return text;
}();

}  // namespace gatehouse::rate_limit
