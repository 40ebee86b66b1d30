-- wrk script: the same request again and again, with a pause of so many milliseconds after each
-- answer, and one line of figures at the end.
local pause

function init(args)
    pause = tonumber(args[1])
    if pause > 0 then
        delay = function() return pause end
    end
end

function done(summary, latency)
    io.write(string.format("%d %d %d\n", summary.requests, summary.duration,
        latency:percentile(99)))
end
