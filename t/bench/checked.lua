-- wrk script: the same request again and again; at the end one line: requests, microseconds, and how
-- many went wrong, of which there should be none.
function done(summary)
    local errors = summary.errors
    io.write(string.format("%d %d %d\n", summary.requests, summary.duration,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
