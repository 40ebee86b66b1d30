#pragma once

#include <string>
#include <vector>

#include "ngx/line_log.hpp"
#include "waf/core/engine.hpp"

namespace gatehouse::waf {

class Inspection;

// A match as it is kept until the request is over.
struct KeptMatch {
    std::int64_t id = 0;
    int phase = 0;
    int severity = kNoSeverity;
    bool disruptive = false;
    std::string message, data, variable, file;
    int line = 0;
    std::vector<std::string> tags;
};

// modsecurity_event_log
struct EventLog {
    ngx::LineLog target;
    std::vector<std::string> redacted;  // names, in lower case, whose values are not written
};

// With texts of bounded length.
KeptMatch keep(const Match& match);

// Writes one JSON object on a line, in the fields of the Elastic Common Schema, for a request that
// was blocked or of which rules have matched. Throws std::bad_alloc.
void write_event(const EventLog& log, const Inspection& inspection);

}  // namespace gatehouse::waf
