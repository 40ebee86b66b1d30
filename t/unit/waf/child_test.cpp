// waf/core/child.hpp: what a child says, and what becomes of one that does not.

#include <csignal>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.hpp"
#include "waf/core/child.hpp"

namespace {

using namespace gatehouse::test;
using namespace std::chrono_literals;

constexpr auto kLong = 60s;

void the_text_arrives(void**) {
    for (const std::string& text :
         {std::string(), std::string("one\n"), std::string("\0x", 2), std::string(1 << 20, 'x')}) {
        const Tried tried = try_in_child([&] { return text; }, kLong);
        assert_true(tried.done);
        assert_true(tried.text == text);
    }
}

void nothing_else_does(void**) {
    int number = 1;
    const Tried tried = try_in_child(
        [&] {
            number = 2;
            return std::to_string(number);
        },
        kLong);
    assert_string_equal(tried.text.c_str(), "2");
    assert_int_equal(number, 1);
}

void what_does_not_end_is_ended(void**) {
    const Tried tried = try_in_child(
        [] {
            for (;;) {
                ::pause();
            }
            return std::string();
        },
        1s);
    assert_false(tried.done);
    assert_string_equal(tried.text.c_str(), "it takes more than 1 s");
}

void harm_is_told(void**) {
    const auto harmed = [](const Tried& tried) {
        assert_false(tried.done);
        assert_string_equal(tried.text.c_str(), "the process that has tried it came to harm");
    };
    harmed(try_in_child([]() -> std::string { throw std::runtime_error("thrown"); }, kLong));
    harmed(try_in_child(
        []() -> std::string {
            ::raise(SIGKILL);
            return "text";
        },
        kLong));
    harmed(try_in_child([]() -> std::string { ::_exit(0); }, kLong));
}

// A process that waits for a child of its own, which does not end by itself.
class Waiting {
  public:
    explicit Waiting(std::chrono::seconds most) {
        // Nobody but the child writes to the pipe, so that its end is that of the child.
        const std::string path = directory_.path("pipe");
        assert_int_equal(::mkfifo(path.c_str(), 0600), 0);
        reader_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
        pid_ = ::fork();
        assert_true(reader_ != -1 && pid_ != -1);
        if (pid_ == 0) {
            wait(path, most);
        }
        assert_int_equal(read(), 1);
    }
    ~Waiting() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(reader_);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    void signal(int number) const { assert_int_equal(::kill(pid_, number), 0); }
    bool child_ends() const { return read() == 0; }

  private:
    // As a master that reloads: with signals blocked, and handlers of its own.
    [[noreturn]] static void wait(const std::string& path, std::chrono::seconds most) {
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        ::signal(SIGALRM, SIG_IGN);
        try_in_child(
            [&] {
                const int writer = ::open(path.c_str(), O_WRONLY);
                while (::write(writer, "x", 1) == 1) {
                    ::pause();
                }
                return std::string();
            },
            most);
        ::_exit(0);
    }

    ssize_t read() const {
        pollfd wanted{reader_, POLLIN, 0};
        char octet = 0;
        return ::poll(&wanted, 1, 60'000) == 1 ? ::read(reader_, &octet, 1) : -1;
    }

    const Directory directory_;
    int reader_ = -1;
    pid_t pid_ = -1;
};

// As `nginx -t` that somebody is tired of.
void the_child_of_a_killed_process_ends(void**) {
    const Waiting waiting(kLong);
    waiting.signal(SIGKILL);
    assert_true(waiting.child_ends());
}

void the_child_of_a_stopped_process_ends(void**) {
    const Waiting waiting(1s);
    waiting.signal(SIGSTOP);
    assert_true(waiting.child_ends());
}

// Run last: no child is left behind.
void they_are_all_gone(void**) { assert_int_equal(::waitpid(-1, nullptr, WNOHANG), -1); }

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_text_arrives),
        cmocka_unit_test(nothing_else_does),
        cmocka_unit_test(what_does_not_end_is_ended),
        cmocka_unit_test(harm_is_told),
        cmocka_unit_test(the_child_of_a_killed_process_ends),
        cmocka_unit_test(the_child_of_a_stopped_process_ends),
        cmocka_unit_test(they_are_all_gone),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
