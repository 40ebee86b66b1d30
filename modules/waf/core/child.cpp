#include "waf/core/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatehouse::waf {
namespace {

using Clock = std::chrono::steady_clock;

// Behind the text: it is complete.
constexpr char kEnd = '\n';

class Pipe {
  public:
    Pipe() noexcept { good_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
    ~Pipe() {
        if (good_) {
            ::close(ends_[0]);
            close_writer();
        }
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    bool good() const noexcept { return good_; }
    int reader() const noexcept { return ends_[0]; }
    int writer() const noexcept { return ends_[1]; }
    void close_writer() noexcept {
        if (ends_[1] != -1) {
            ::close(ends_[1]);
            ends_[1] = -1;
        }
    }

  private:
    std::array<int, 2> ends_{-1, -1};
    bool good_ = false;
};

std::string system_problem(std::string_view call) {
    const int error = errno;
    return std::string(call) + " failed (" + std::to_string(error) + ": " +
           std::generic_category().message(error) + ")";
}

// The child ends with its parent, and without one that would end it: killed, or stopped.
void bound_life(pid_t parent, std::chrono::seconds most) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(1);
    }
    sigset_t alarms;
    ::sigemptyset(&alarms);
    ::sigaddset(&alarms, SIGALRM);
    ::signal(SIGALRM, SIG_DFL);
    ::sigprocmask(SIG_UNBLOCK, &alarms, nullptr);
    // Behind the parent's own deadline, which has words for it.
    ::alarm(static_cast<unsigned>(most.count()) + 1);
}

// Handlers of exit() and buffers of streams belong to the parent.
[[noreturn]] void run(const std::function<std::string()>& task, int writer) noexcept {
    int status = 1;
    try {
        const std::string said = task() + kEnd;
        std::string_view left = said;
        while (!left.empty()) {
            const ssize_t written = ::write(writer, left.data(), left.size());
            if (written < 0 && errno != EINTR) {
                break;
            }
            left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
        }
        status = left.empty() ? 0 : 1;
    } catch (...) {
        // The text has no end.
    }
    ::_exit(status);
}

// All that comes until the other end is closed; nothing if that takes too long.
std::optional<std::string> read_until(int reader, Clock::time_point deadline) {
    std::string said;
    std::array<char, 4096> piece;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd wanted{reader, POLLIN, 0};
        const int ready = left <= 0 ? 0 : ::poll(&wanted, 1, static_cast<int>(left));
        if (ready == 0) {
            return std::nullopt;
        }
        const ssize_t read = ready < 0 ? -1 : ::read(reader, piece.data(), piece.size());
        if (read == 0 || (read < 0 && errno != EINTR)) {
            return said;
        }
        said.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
    }
}

// Ends the child, whatever it is doing, when its text was read or nobody waits for it any more.
class Child {
  public:
    explicit Child(pid_t pid) noexcept : pid_(pid) {}
    ~Child() {
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

  private:
    pid_t pid_;
};

}  // namespace

Tried try_in_child(const std::function<std::string()>& task, std::chrono::seconds most) {
    Pipe pipe;
    if (!pipe.good()) {
        return {false, system_problem("pipe2()")};
    }
    const Clock::time_point deadline = Clock::now() + most;
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return {false, system_problem("fork()")};
    }
    if (pid == 0) {
        bound_life(parent, most);
        run(task, pipe.writer());
    }
    const Child child(pid);
    pipe.close_writer();
    std::optional<std::string> said = read_until(pipe.reader(), deadline);
    if (!said) {
        return {false, "it takes more than " + std::to_string(most.count()) + " s"};
    }
    if (said->empty() || said->back() != kEnd) {
        return {false, "the process that has tried it came to harm"};
    }
    said->pop_back();
    return {true, *std::move(said)};
}

}  // namespace gatehouse::waf
