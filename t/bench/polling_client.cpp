// A load generator that never sleeps, for t/bench:
//
//   polling_client PORT CONNECTIONS SECONDS < REQUEST
//
// where REQUEST is sent as it is, again and again. A client that sleeps has to be woken by the
// server's writes, the more often the slower the server is: it would cost the server more where its
// requests cost more. Prints, as checked.lua does, requests, microseconds and how many went wrong:
// every answer is to be a 200, and as long as the first one.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kGood = "HTTP/1.1 200 ";
constexpr std::string_view kLengthField = "\r\nContent-Length: ";

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "polling_client: %s\n", what);
    std::exit(1);
}

class Connection {
  public:
    Connection(std::uint16_t port, std::string_view request)
        : request_(request), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        if (socket_ < 0 ||
            connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
            die("cannot connect");
        }
    }

    void ask() {
        if (send(socket_, request_.data(), request_.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request_.size())) {
            die("cannot send");
        }
        answer_.clear();
    }

    // Whether the answer is complete, which the first one tells by its header.
    bool answered() {
        std::array<char, 16384> buffer;
        const ssize_t size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) {
            return false;
        }
        if (size <= 0) {
            die("the server has closed a connection");
        }
        answer_.append(buffer.data(), static_cast<std::size_t>(size));
        return answer_.size() >= length();
    }

    bool good() const {
        return answer_.compare(0, kGood.size(), kGood) == 0 && answer_.size() == length_;
    }

  private:
    std::size_t length() {
        if (length_ == 0) {
            const std::size_t end = answer_.find("\r\n\r\n"), field = answer_.find(kLengthField);
            if (end == std::string::npos) {
                return answer_.size() + 1;
            }
            if (field > end) {
                die("the answer has no Content-Length");
            }
            length_ = end + 4 + std::stoul(answer_.substr(field + kLengthField.size()));
        }
        return length_;
    }

    std::string_view request_;
    int socket_;
    std::string answer_;
    std::size_t length_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        die("usage: polling_client PORT CONNECTIONS SECONDS < REQUEST");
    }
    const std::string request(std::istreambuf_iterator<char>(std::cin), {});
    std::vector<Connection> connections;
    for (int i = 0; i < std::atoi(argv[2]); ++i) {
        connections.emplace_back(static_cast<std::uint16_t>(std::atoi(argv[1])), request);
    }
    std::uint64_t requests = 0, errors = 0;
    const auto start = Clock::now();
    const Seconds time(std::atof(argv[3]));
    for (Connection& connection : connections) {
        connection.ask();
    }
    auto now = start;
    for (; now - start < time; now = Clock::now()) {
        for (Connection& connection : connections) {
            if (connection.answered()) {
                ++requests;
                errors += connection.good() ? 0 : 1;
                connection.ask();
            }
        }
    }
    const Seconds wall = now - start;
    std::printf("%llu %.0f %llu\n", static_cast<unsigned long long>(requests), wall.count() * 1e6,
                static_cast<unsigned long long>(errors));
}
