#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace gatehouse::rate_limit {

// What both scripts begin with: the clock, and how the value of a gcra key is read and written.
inline constexpr std::string_view kPrelude = R"lua(
-- ARGV describes each key, in the order of KEYS:
--   cost, kind or time of the charge, debt, number of windows, and of each window
--   gcra:            cost, per, burst (a request takes cost/per microseconds)
--   sliding_window:  period, 0, requests
-- All numbers are integers below 2^53, as are their products, so that doubles are exact. Numbers
-- among a command's arguments are written by Redis, in full; Lua's own tostring() would round them
-- to 14 digits.
local call = redis.call
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

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
local function write_arrivals(key, distance, at)
    local value, ttl
    for window = 1, #distance do
        local per = tonumber(ARGV[at + 1])
        local fraction = distance[window] % per
        local whole = now + (distance[window] - fraction) / per
        if #distance > 1 or fraction > 0 then
            whole = string.format('%s%.0f+%.0f', value and value .. ',' or '', whole, fraction)
        end
        value, ttl = whole, max(ttl or 1, ceil(distance[window] / (per * 1000)))
        at = at + 3
    end
    call('SET', key, value, 'PX', ttl)
end

-- No distance is more than what burst and debt take. What is beyond was left by a clock that has
-- been set back, or by another policy: it is cut in Redis, too, whatever the verdict will be, for
-- otherwise it would stay beyond until the clock is there again.
local function read_arrivals(key, windows, debt, at)
    local distance = {}
    for window = 1, windows do
        distance[window] = 0
    end
    local value = read('GET', key)
    if not value or string.find(value, '[^%d+,]') then
        return distance
    end
    local window, first, cut = 0, at, false
    for whole, fraction in string.gmatch(value, '(%d+)%+?(%d*)') do
        window = window + 1
        if window > windows then
            break
        end
        local per = tonumber(ARGV[at + 1])
        local most = (ARGV[at + 2] + debt) * ARGV[at]
        local ahead = (whole - now) * per + min(tonumber(fraction) or 0, per)
        cut = cut or ahead > most
        distance[window] = max(0, min(ahead, most))
        at = at + 3
    end
    if cut then
        write_arrivals(key, distance, first)
    end
    return distance
end
)lua";

// One text of two, at compile time.
template <const std::string_view& First, const std::string_view& Second>
inline constexpr auto kJoined = [] {
    std::array<char, First.size() + Second.size()> text{};
    std::copy(Second.begin(), Second.end(), std::copy(First.begin(), First.end(), text.begin()));
    return text;
}();

}  // namespace gatehouse::rate_limit
