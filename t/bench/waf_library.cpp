// What a transaction costs when nobody but libmodsecurity is at work, for t/bench:
//
//   waf_library RULES URI REQUEST RESPONSE BODY SECONDS
//
// where RULES is a rule file, REQUEST and RESPONSE are files of header fields, NAME: VALUE, one a
// line, and BODY is what was answered. Prints transactions per second and microseconds of processor
// time per transaction.
//
// A transaction takes the steps that a server cannot do without, and after each the question
// whether the rules want anything. No rule must match the request, or else the work would depend on
// what is made of matches; and with the field X-Probe: 1 a rule must refuse it, or else nothing
// would be inspected.

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr int kPort = 80;
constexpr int kClientPort = 40000;
constexpr Seconds kWarmUp{1};

[[noreturn]] void die(std::string_view what, std::string_view why = "") {
    std::fprintf(stderr, "waf_library: %.*s%.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(why.size()), why.data());
    std::exit(1);
}

std::string read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        die("cannot read ", path);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

Fields read_fields(const char* path) {
    std::ifstream file(path);
    Fields fields;
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (colon == std::string::npos) {
            die("no header field: ", line);
        }
        fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    if (fields.empty()) {
        die("no header fields in ", path);
    }
    return fields;
}

const unsigned char* octets(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

struct Exchange {
    std::string uri;
    Fields request;
    Fields response;
    std::string body;
};

std::uint64_t matches = 0;

void matched(void*, const void*) { ++matches; }

class Loop {
  public:
    Loop(const char* rules, Exchange exchange) : exchange_(std::move(exchange)) {
        library_.setConnectorInformation("waf_library");
        library_.setServerLogCb(matched, modsecurity::RuleMessageLogProperty);
        if (rules_.loadFromUri(rules) < 0) {
            die("the rules are wrong: ", rules_.getParserError());
        }
        reads_response_ =
            rules_.m_secResponseBodyAccess == modsecurity::RulesSetProperties::TrueConfigBoolean;
    }

    // Whether the exchange passes.
    bool run() {
        id_ = std::to_string(++count_);
        modsecurity::Transaction transaction(&library_, &rules_, id_.data(), nullptr);
        const bool passes = request(transaction) && response(transaction);
        transaction.processLogging();
        return passes;
    }

    std::uint64_t count() const { return count_; }
    Exchange& exchange() { return exchange_; }

  private:
    static bool passes(modsecurity::Transaction& transaction) {
        modsecurity::ModSecurityIntervention wanted;
        modsecurity::intervention::clean(&wanted);
        const bool intervenes = transaction.intervention(&wanted);
        modsecurity::intervention::free(&wanted);
        return !intervenes;
    }

    bool request(modsecurity::Transaction& transaction) const {
        transaction.processConnection("127.0.0.1", kClientPort, "127.0.0.1", kPort);
        transaction.processURI(exchange_.uri.c_str(), "GET", "1.1");
        for (const auto& [name, value] : exchange_.request) {
            transaction.addRequestHeader(octets(name), name.size(), octets(value), value.size());
        }
        transaction.processRequestHeaders();
        if (!passes(transaction)) {
            return false;
        }
        transaction.processRequestBody();
        return passes(transaction);
    }

    bool response(modsecurity::Transaction& transaction) const {
        for (const auto& [name, value] : exchange_.response) {
            transaction.addResponseHeader(octets(name), name.size(), octets(value), value.size());
        }
        transaction.processResponseHeaders(200, "HTTP/1.1");
        if (!passes(transaction)) {
            return false;
        }
        if (reads_response_) {
            transaction.appendResponseBody(octets(exchange_.body), exchange_.body.size());
        }
        transaction.processResponseBody();
        return passes(transaction);
    }

    modsecurity::ModSecurity library_;
    modsecurity::RulesSet rules_;
    bool reads_response_ = false;
    Exchange exchange_;
    std::string id_;
    std::uint64_t count_ = 0;
};

double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void run_for(Loop& loop, Seconds time) {
    for (const auto start = Clock::now(); Clock::now() - start < time;) {
        if (!loop.run()) {
            die("the request is refused");
        }
    }
}

void check(Loop& loop) {
    loop.exchange().request.emplace_back("X-Probe", "1");
    if (loop.run()) {
        die("the rules do not see the request");
    }
    loop.exchange().request.pop_back();
    matches = 0;
    if (!loop.run() || matches > 0) {
        die("a rule matches the request");
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        die("usage: waf_library RULES URI REQUEST RESPONSE BODY SECONDS");
    }
    Loop loop(argv[1], {argv[2], read_fields(argv[3]), read_fields(argv[4]), read(argv[5])});
    check(loop);
    run_for(loop, kWarmUp);

    const std::uint64_t warm = loop.count();
    const double before = processor_seconds();
    const auto start = Clock::now();
    run_for(loop, Seconds(std::atof(argv[6])));
    const double count = static_cast<double>(loop.count() - warm);
    const Seconds wall = Clock::now() - start;
    std::printf("%.0f %.3f\n", count / wall.count(), (processor_seconds() - before) * 1e6 / count);
}
