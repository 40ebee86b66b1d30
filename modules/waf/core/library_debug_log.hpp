#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "waf/core/libmodsecurity_api.hpp"

namespace gatehouse::waf {

// The debug log of a rule set. That an audit log cannot be written the library says there and
// nowhere else, at level 1: this hears of it, whatever level the rules ask for.
class LibraryDebugLog final : public modsecurity::debug_log::DebugLog {
  public:
    LibraryDebugLog() { m_debugLevel = kHeard; }

    // In place of the library's own; the rules own it. Throws std::bad_alloc.
    static LibraryDebugLog& put_into(modsecurity::RulesSet& rules) {
        auto log = std::make_unique<LibraryDebugLog>();
        delete std::exchange(rules.m_debugLog, log.get());
        return *log.release();
    }

    // What was said of the audit log since this was asked last.
    std::string take_problem() noexcept { return std::exchange(problem_, {}); }

    void write(int level, const std::string& message) override {
        if (level <= asked_) {
            DebugLog::write(level, message);
        }
    }
    void write(int level, const std::string& id, const std::string& uri,
               const std::string& message) override {
        constexpr std::string_view kFailure = "Cannot save the audit log: ";
        if (message.starts_with(kFailure)) {
            problem_ = message.substr(kFailure.size());
        }
        if (level <= asked_) {
            DebugLog::write(level, id, uri, message);
        }
    }
    bool isLogLevelSet() override { return asked_ >= 0; }
    void setDebugLogLevel(int level) override {
        asked_ = level;
        m_debugLevel = std::max(level, kHeard);
    }
    int getDebugLogLevel() override { return std::max(asked_, 0); }

  private:
    static constexpr int kHeard = 1;
    int asked_ = -1;  // by SecDebugLogLevel
    std::string problem_;
};

}  // namespace gatehouse::waf
