#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "waf/core/libmodsecurity.hpp"

// The engine under test, and what tests of it share. A program has one engine, in engine(): made by
// make_engine(), a group's setup, it stays until release_engine(), the teardown.

namespace gatehouse::test {

using namespace waf;
using Step = waf::Transaction::Step;

inline std::unique_ptr<Engine>& engine() {
    static std::unique_ptr<Engine> instance;
    return instance;
}

inline int make_engine(void**) {
    engine() = make_libmodsecurity("tests");
    return engine() ? 0 : -1;
}

inline int release_engine(void**) {
    engine().reset();
    return 0;
}

inline RuleSource text(std::string value, std::string place = "nginx.conf:7") {
    return {RuleSource::Kind::text, std::move(value), "", std::move(place)};
}

inline RuleSource file(std::string path, std::string place = "nginx.conf:7") {
    return {RuleSource::Kind::file, std::move(path), "", std::move(place)};
}

inline Loaded load(std::initializer_list<RuleSource> sources) {
    return engine()->load({sources.begin(), sources.size()});
}

// Rules that are right.
inline RuleSetPtr rules(std::string value) {
    Loaded loaded = load({text(std::move(value))});
    expect_text(loaded.problem, "", "rules");
    return loaded.rules;
}

// A match with text of its own.
struct Heard {
    std::int64_t id;
    int phase;
    int severity;
    bool disruptive;
    std::string text;
    std::string message;
    std::string data;
    std::string variable;
    std::string file;
    int line;
};

class Listener final : public waf::Transaction::Observer {
  public:
    void matched(const Match& m) noexcept override {
        heard.push_back({m.id, m.phase, m.severity, m.disruptive, std::string(m.text),
                         std::string(m.message), std::string(m.data), std::string(m.variable),
                         std::string(m.file), m.line});
    }

    std::string ids() const {
        std::string all;
        for (const Heard& match : heard) {
            all += (all.empty() ? "" : " ") + std::to_string(match.id);
        }
        return all;
    }

    std::vector<Heard> heard;
};

// A request and its response, as far as the rules let them come.
struct Exchange {
    std::string uri = "/";
    std::string method = "GET";
    std::vector<std::pair<std::string, std::string>> headers = {{"Host", "site.test"}};
    std::string body;
    int status = 200;
    std::vector<std::pair<std::string, std::string>> response_headers = {
        {"Content-Type", "text/html"}};
    std::string response_body;
    std::string id = "an-id";
};

struct Outcome {
    Step step = Step::pass;
    int phase = 0;  // that the step belongs to, if it is not pass
    Intervention intervention;
    Listener listener;
    int score = 0;
    Step logging = Step::pass;
};

// Runs the steps of the five phases until one does not pass, then the logging phase.
inline Outcome run(const RuleSetPtr& rules, const Exchange& exchange, bool detect_only = false) {
    Outcome outcome;
    const auto transaction = engine()->begin(rules, exchange.id, outcome.listener);
    assert_non_null(transaction.get());
    if (detect_only) {
        transaction->detect_only();
    }
    const auto passes = [&](int phase, Step step) {
        outcome.step = step;
        outcome.phase = step == Step::pass ? 0 : phase;
        return step == Step::pass;
    };
    const auto request = [&] {
        if (!passes(1, transaction->connection("192.0.2.1", 1234, "192.0.2.2", 80)) ||
            !passes(1, transaction->uri(Target(exchange.uri), exchange.method, "1.1"))) {
            return false;
        }
        for (const auto& [name, value] : exchange.headers) {
            if (!passes(1, transaction->request_header(name, value))) {
                return false;
            }
        }
        return passes(1, transaction->request_headers()) &&
               passes(2, transaction->append_request_body(exchange.body)) &&
               passes(2, transaction->request_body());
    };
    const auto response = [&] {
        for (const auto& [name, value] : exchange.response_headers) {
            if (!passes(3, transaction->response_header(name, value))) {
                return false;
            }
        }
        return passes(3, transaction->response_headers(exchange.status, "HTTP/1.1")) &&
               passes(4, transaction->append_response_body(exchange.response_body)) &&
               passes(4, transaction->response_body());
    };
    const bool served = request() && response();
    if (!served && outcome.step == Step::intervene) {
        outcome.intervention = transaction->intervention();
    }
    outcome.logging = transaction->logging(served ? exchange.status : outcome.intervention.status);
    outcome.score = transaction->score();
    return outcome;
}

// A directory of the test's own.
class Directory {
  public:
    Directory() {
        std::string name =
            (std::filesystem::temp_directory_path() / "gatehouse-waf-XXXXXX").string();
        if (mkdtemp(name.data()) != nullptr) {
            path_ = name;
        }
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    std::string path(std::string_view name) const { return path_ + '/' + std::string(name); }

    std::string write(std::string_view name, std::string_view content) const {
        std::ofstream(path(name), std::ios::binary) << content;
        return path(name);
    }

    std::string read(std::string_view name) const {
        std::ifstream stream(path(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    }

  private:
    std::string path_;
};

}  // namespace gatehouse::test
