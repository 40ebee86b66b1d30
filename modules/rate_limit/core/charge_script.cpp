#include "rate_limit/core/script_prelude.hpp"
#include "rate_limit/core/scripts.hpp"

namespace gatehouse::rate_limit {
namespace {

// The commonest call, one key with one gcra window, takes half the time without what the other
// calls need. What is unusual about it is left to them.
constexpr std::string_view kShort = R"lua(
local kind = ARGV[5] or 'whole'
if (#ARGV == 4 or #ARGV == 6 and kind ~= 'part') and ARGV[3] ~= '0' then
    local requests, cost, per = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local full, charge, debt = ARGV[4] * cost, requests * cost, tonumber(ARGV[6] or 0)
    local value = redis.pcall('GET', KEYS[1])
    local whole, fraction, ahead = tonumber(value), 0, nil
    if not whole and type(value) == 'string' then
        whole, fraction = string.match(value, '^(%d+)%+(%d+)$')
    end
    if whole then
        ahead = math.max(0, (whole - now) * per + math.min(fraction, per))
    elseif not value then
        ahead = 0
    end
    if ahead and ahead <= full + debt * cost then
        local room = full - ahead
        local fits = (room - room % cost) / cost
        local granted = requests
        if charge > room then
            granted = kind == 'forced' and math.max(0, math.min(requests, fits + debt)) or 0
        end
        ahead = ahead + granted * cost
        if granted > 0 then
            fraction = ahead % per
            value = now + (ahead - fraction) / per
            if fraction > 0 then
                value = string.format('%.0f+%.0f', value, fraction)
            end
            redis.call('SET', KEYS[1], value, 'PX', math.ceil(ahead / (per * 1000)))
        end
        if charge > room then
            local wait = charge > full and full or charge - room
            return {0, now, 0, 0, math.max(0, fits), math.ceil(wait / per), 0, granted}
        end
        return {1, now, 1, 0, fits - requests, math.ceil(((fits + 1) * cost - room) / per),
            math.ceil((ahead - cost) / per), requests}
    end
end
)lua";

constexpr std::string_view kChargeBody = R"lua(
local floor = math.floor

-- Each algorithm has the same functions of an item, which is one key and what is asked of it:
-- measure  finds how many requests each window would let pass now, below zero in debt
-- wait     microseconds until a window would let that many pass
-- excess   how far the granted requests are ahead of the bare rate, in microseconds
-- memory   microseconds after which an unused key is as good as new
-- charge   puts down the granted requests
local gcra, sliding_window = {}, {}

function gcra.measure(item)
    item.distance = read_arrivals(item)
    for window = 1, item.windows do
        local at = item.at + 3 * (window - 1)
        item.fits[window] = floor((ARGV[at + 2] * ARGV[at] - item.distance[window]) / ARGV[at])
    end
end

function gcra.wait(item, window, requests)
    local at = item.at + 3 * (window - 1)
    local room = ARGV[at + 2] * ARGV[at] - item.distance[window]
    return ceil((requests * ARGV[at] - room) / ARGV[at + 1])
end

function gcra.excess(item)
    local excess = 0
    for window = 1, item.windows do
        local at = item.at + 3 * (window - 1)
        local ahead = item.distance[window] + (item.granted - 1) * ARGV[at]
        excess = max(excess, ceil(ahead / ARGV[at + 1]))
    end
    return excess
end

function gcra.memory(item)
    local memory = 0
    for at = item.at, item.at + 3 * (item.windows - 1), 3 do
        memory = max(memory, ceil(ARGV[at + 2] * ARGV[at] / ARGV[at + 1]))
    end
    return memory
end

function gcra.charge(item)
    for window = 1, item.windows do
        local cost = ARGV[item.at + 3 * (window - 1)]
        item.distance[window] = item.distance[window] + item.granted * cost
    end
    write_arrivals(item, item.distance)
end

-- sliding_window. A key's value is the list of the times at which requests were charged, the oldest
-- first.
local function logged(key, index)
    return tonumber(call('LINDEX', key, index)) or 0
end

local function append(key, times)
    -- unpack() is bounded by Lua's stack.
    for first = 1, #times, 1000 do
        call('RPUSH', key, unpack(times, first, min(first + 999, #times)))
    end
end

function sliding_window.memory(item)
    local memory = 0
    for at = item.at, item.at + 3 * (item.windows - 1), 3 do
        memory = max(memory, ARGV[at])
    end
    return memory
end

function sliding_window.excess()
    return 0
end

local function keep_log(item)
    call('PEXPIRE', item.key, ceil(sliding_window.memory(item) / 1000))
end

-- The clock was set back: the whole log goes with it, so that its newest entry is of now.
local function set_back(item, by)
    local times = call('LRANGE', item.key, 0, -1)
    for i = 1, #times do
        times[i] = (tonumber(times[i]) or 0) - by
    end
    call('DEL', item.key)
    append(item.key, times)
    keep_log(item)
end

-- The index of the oldest entry later than `since`: near the old end as a rule, so the steps double
-- from there before they are halved.
local function first_since(key, size, since)
    local low, high, step = 0, size, 1
    while low < high do
        local probe = high == size and min(low + step, size) - 1 or floor((low + high) / 2)
        if logged(key, probe) > since then
            high = probe
        else
            low, step = probe + 1, step * 2
        end
    end
    return low
end

function sliding_window.measure(item)
    local size = read('LLEN', item.key)
    if not size then
        call('DEL', item.key)
        size = 0
    end
    local newest = size > 0 and logged(item.key, -1) or 0
    if newest > now then
        set_back(item, newest - now)
    end
    item.expired = size
    for window = 1, item.windows do
        local at = item.at + 3 * (window - 1)
        local first = first_since(item.key, size, now - ARGV[at])
        item.fits[window] = ARGV[at + 2] - (size - first)
        item.expired = min(item.expired, first)
    end
end

function sliding_window.wait(item, window, requests)
    local at = item.at + 3 * (window - 1)
    local back = ARGV[at + 2] - requests + 1
    return ARGV[at] - (back > 0 and now - logged(item.key, -back) or 0)
end

function sliding_window.charge(item)
    if item.granted == 1 then
        call('RPUSH', item.key, now)
    else
        local times = {}
        for i = 1, item.granted do
            times[i] = now
        end
        append(item.key, times)
    end
    if item.expired > 0 then
        call('LTRIM', item.key, item.expired, -1)
    end
    keep_log(item)
end

-- The verdict about one key. `part` is content with one request; `forced` is charged even when it
-- is refused, as far as its debt goes.
local function judge(item)
    local least, wanted = item.fits[1], item.kind == 'part' and 1 or item.requests
    for window = 2, item.windows do
        least = min(least, item.fits[window])
    end
    item.allowed = wanted <= least
    item.granted = item.kind == 'part' and min(item.requests, least) or item.requests
    if item.kind == 'forced' then
        item.granted = max(0, min(item.requests, least + item.debt))
    end
    item.remaining = max(0, item.allowed and least - item.granted or least)
    item.excess = item.allowed and item.algorithm.excess(item) or 0
    -- Allowed: until one more would have passed in the tightest window. Refused: until the last of
    -- the windows that refuse lets this pass, which one whose burst is less than the cost never does.
    local next = item.allowed and least + 1 or wanted
    item.window, item.reset = 1, 0
    for window = 1, item.windows do
        if item.fits[window] < next then
            local burst = tonumber(ARGV[item.at + 3 * (window - 1) + 2])
            local never = not item.allowed and wanted > burst
            local reset = never and item.algorithm.memory(item)
                or item.algorithm.wait(item, window, next)
            if reset > item.reset then
                item.window, item.reset = window, reset
            end
        end
    end
end

local items, at, all, charged = {}, 1, 1, true
for i = 1, #KEYS do
    local item
    item, at = parse(i, at)
    item.fits, item.algorithm = {}, item.log and sliding_window or gcra
    item.algorithm.measure(item)
    judge(item)
    if not item.allowed then
        all, charged = 0, charged and item.kind == 'forced'
    end
    items[i] = item
end

local reply = {all, now}
for i = 1, #KEYS do
    local item = items[i]
    if not charged then
        item.granted = 0
    elseif item.granted > 0 then
        item.algorithm.charge(item)
    end
    local last = #reply
    reply[last + 1] = item.allowed and 1 or 0
    reply[last + 2] = item.window - 1
    reply[last + 3] = item.remaining
    reply[last + 4] = item.reset
    reply[last + 5] = item.excess
    reply[last + 6] = item.granted
end
return reply
)lua";

constexpr auto& kChargeScript = kJoined<kClock, kShort, kCommon, kChargeBody>;

}  // namespace

std::string_view charge_script() noexcept { return {kChargeScript.data(), kChargeScript.size()}; }

}  // namespace gatehouse::rate_limit
