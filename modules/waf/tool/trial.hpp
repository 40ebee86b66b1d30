#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "waf/core/engine.hpp"
#include "waf/tool/message_file.hpp"

namespace gatehouse::waf::tool {

// One request run through rules.

struct Hit {
    std::int64_t id = 0;
    int phase = 0;
    int severity = 0;
    bool disruptive = false;
    std::string message, data, variable, file;
    int line = 0;
};

struct Outcome {
    Mode mode = Mode::unset;
    std::vector<Hit> hits;
    int score = 0;
    bool blocked = false;
    int status = 0;       // of the refusal
    std::string url;      // of a redirect
    std::string reason;   // of a refusal that no rule has brought about
    bool failed = false;  // the engine has; the rest is what was known then
};

// Without a response phases 3 and 4 do not run.
Outcome run_trial(Engine& engine, const RuleSetPtr& rules, const Exchange& exchange,
                  const std::string& client);

std::string to_text(const Outcome& outcome, bool colour);
std::string to_json(const Outcome& outcome);

}  // namespace gatehouse::waf::tool
