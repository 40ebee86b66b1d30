-- wrk script: goes round a file of tokens, one a request. The requests are written out beforehand,
-- so that the load generator costs the same on both sides and little.
local requests, n = {}, 0

function init(args)
    for token in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary)
    local errors = summary.errors
    io.write(string.format("%d %d %d\n", summary.requests, summary.duration,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
