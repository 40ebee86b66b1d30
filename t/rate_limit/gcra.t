# algorithm=gcra: how many requests pass in a row, and that it is the rate from then on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END', workers => 4);
rate_limit_zone $arg_k zone=ten_HERE:1m rate=10r/1h REDIS;
rate_limit_zone $arg_k zone=five_HERE:1m rate=1r/1d burst=5 REDIS;
rate_limit_zone $arg_k zone=one_HERE:1m rate=1000r/1d burst=1 algorithm=gcra REDIS;
rate_limit_zone $arg_k zone=rising_HERE:1m rate=4r/1h rate=9r/1d REDIS;
rate_limit_zone $arg_k zone=falling_HERE:1m rate=9r/1h rate=4r/1d REDIS;
rate_limit_zone $arg_k zone=four_HERE:1m rate=100r/1s rate=10r/1h rate=6r/1d rate=8r/2d REDIS;
rate_limit_zone $arg_k zone=bounded_HERE:1m rate=10r/1h rate=20r/1d burst=3 REDIS;
rate_limit_zone $arg_k zone=brisk_HERE:1m rate=2r/s burst=1 REDIS;
---
location = /HERE/ten { rate_limit zone=ten_HERE; try_files /index.html =404; }
location = /HERE/five { rate_limit zone=five_HERE; try_files /index.html =404; }
location = /HERE/one { rate_limit zone=one_HERE; try_files /index.html =404; }
location = /HERE/rising { rate_limit zone=rising_HERE; try_files /index.html =404; }
location = /HERE/falling { rate_limit zone=falling_HERE; try_files /index.html =404; }
location = /HERE/four { rate_limit zone=four_HERE; try_files /index.html =404; }
location = /HERE/costly { rate_limit zone=falling_HERE cost=$arg_cost; try_files /index.html =404; }
location = /HERE/bounded { rate_limit zone=bounded_HERE; try_files /index.html =404; }
location = /HERE/brisk { rate_limit zone=brisk_HERE; try_files /index.html =404; }
END

$limits->both('in a row', sub ($here) {
    is $limits->passed("/$here/ten?k=a", 13), 10, 'as many as the rate says';
    is $limits->passed("/$here/ten?k=b", 13), 10, 'for each key';
    is $limits->passed("/$here/ten?k=a", 3), 0, 'once';
    is $limits->passed("/$here/five?k=a", 8), 5, 'the burst';
    is $limits->passed("/$here/one?k=a", 3), 1, 'a burst of one';
    is $limits->passed("/$here/ten", 15), 15, 'requests with an empty key are not limited';
});

$limits->both('several windows', sub ($here) {
    is $limits->passed("/$here/rising?k=a", 7), 4, 'the first is full';
    is $limits->passed("/$here/falling?k=a", 7), 4, 'the second is full';
    is $limits->passed("/$here/four?k=a", 9), 6, 'one in the middle of four is full';
    is $limits->passed("/$here/bounded?k=a", 9), 3, 'the burst is that of each';
});

# falling: 9 and 4. What the second window refuses must not be charged to the first.
$limits->both('all windows are charged or none', sub ($here) {
    is $limits->passed("/$here/costly?k=c&cost=3", 1), 1, '3 of 9 and of 4';
    is $limits->passed("/$here/costly?k=c&cost=3", 5), 0, 'refused by the second window, five times';
    is $limits->passed("/$here/costly?k=c&cost=1", 2), 1, 'which leaves the first one as it was';
});

# Three requests at 2r/s take a second, whatever the machine: later is right, sooner is not.
$limits->both('afterwards', sub ($here) {
    my $nginx   = $limits->nginx;
    my $seconds = $limits->seconds(sub {
        $nginx->until(sub { $nginx->status("/$here/brisk?k=a") == 200 }, "request $_ that passes") for 1 .. 3;
    });
    cmp_ok $seconds, '>=', 1, 'requests pass at the rate';
});

is_deeply [$limits->redis->keys_without_ttl], [], 'every key in Redis has a time to live';

done_testing;
