#include "connection_limit/core/owner.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "expect.hpp"

namespace {

using namespace gatehouse::connection_limit;
using namespace gatehouse::test;

std::string stat_text(const std::string& name, const std::string& tail) {
    return "123 (" + name + ") " + tail;
}
const std::string kTail = "S 1 2 3 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 987654321 16 17\n";

void reads_what_the_kernel_writes(void**) {
    for (const char* name : {"nginx", "a b", "a) R 1", "((", "))", "", ") Z 1 2 3 (", "x\ny"}) {
        const auto stat = parse_process_stat(stat_text(name, kTail));
        expect(stat && stat->state == 'S' && stat->started == 987654321, name, "read");
    }
    for (const char* text : {"", "123", "123 (nginx", "123 (nginx)", "123 (nginx) ", "1 (x) S 1 2",
                             "1 (x) S  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"}) {
        expect(!parse_process_stat(text), text, "no such text");
    }
    const std::string bad = "S 1 2 3 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 98x 16\n";
    assert_false(parse_process_stat(stat_text("nginx", bad)).has_value());
}

void this_process_is_alive(void**) {
    assert_int_equal(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
    const Owner mine = self();
    assert_int_equal(mine.pid, getpid());
    assert_true(mine.started > 0);
    assert_true(is_alive(mine));
    assert_true(is_alive({mine.pid, 0}));
    assert_false(is_alive({mine.pid, mine.started + 1}));  // its ID, but another process
    for (const std::int32_t nobody : {0, -1, 1 << 30}) {
        expect(!is_alive({nobody, 0}), std::to_string(nobody), "no process");
    }
}

void a_child_is_alive_until_it_is_killed(void**) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_true(is_alive({child, 0}));
    kill(child, SIGKILL);
    siginfo_t info{};
    assert_int_equal(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    assert_false(is_alive({child, 0}));  // a zombie
    assert_int_equal(waitpid(child, nullptr, 0), child);
    assert_false(is_alive({child, 0}));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_kernel_writes),
        cmocka_unit_test(this_process_is_alive),
        cmocka_unit_test(a_child_is_alive_until_it_is_killed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
