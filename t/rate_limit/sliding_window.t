# algorithm=sliding_window: never more than so many in any window, exactly.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END', workers => 4);
rate_limit_zone $arg_k zone=generate_HERE:1m rate=20r/10m algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=rising_HERE:1m rate=4r/1h rate=9r/1d algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=falling_HERE:1m rate=9r/1h rate=4r/1d algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=brisk_HERE:1m rate=2r/s algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=large_HERE:2m rate=10000r/1d algorithm=sliding_window REDIS;
---
location = /HERE/generate { rate_limit zone=generate_HERE; try_files /index.html =404; }
location = /HERE/rising { rate_limit zone=rising_HERE; try_files /index.html =404; }
location = /HERE/falling { rate_limit zone=falling_HERE; try_files /index.html =404; }
location = /HERE/costly { rate_limit zone=falling_HERE cost=$arg_cost; try_files /index.html =404; }
location = /HERE/brisk { rate_limit zone=brisk_HERE; try_files /index.html =404; }
location = /HERE/large { rate_limit zone=large_HERE cost=$arg_cost; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

$limits->both('20r/10m', sub ($here) {
    my @responses = map { $nginx->get("/$here/generate?k=a") } 1 .. 30;
    is_deeply [map { $_->{status} } @responses], [(200) x 20, (429) x 10], 'of 30 in a row exactly 20 pass';
    for my $response (@responses[20 .. 29]) {
        is_deeply $response->{headers}{'ratelimit-policy'}, ["\"generate_$here\";q=20;w=600"], 'policy';
        my ($t) = $response->{headers}{ratelimit}[0] =~ /\A"generate_$here";r=0;t=(\d+)\z/;
        ok $t > 500 && $t <= 600, 'the first of them leaves the window after ten minutes';
        is_deeply $response->{headers}{'retry-after'}, [$t], 'Retry-After';
    }
    is $limits->passed("/$here/generate?k=b", 21), 20, 'each key has its own';
    is $limits->passed("/$here/generate", 25), 25, 'requests with an empty key are not limited';
});

$limits->both('several windows', sub ($here) {
    is $limits->passed("/$here/rising?k=a", 7), 4, 'the first is full';
    is $limits->passed("/$here/falling?k=a", 7), 4, 'the second is full';
    is $limits->passed("/$here/costly?k=c&cost=3", 1), 1, '3 of 9 and of 4';
    is $limits->passed("/$here/costly?k=c&cost=3", 5), 0, 'refused by the second window, five times';
    is $limits->passed("/$here/costly?k=c&cost=1", 2), 1, 'which leaves the first one as it was';
});

$limits->both('the longest log', sub ($here) {
    is $limits->passed("/$here/large?k=a&cost=9999", 1), 1, '9999 at once';
    is $limits->passed("/$here/large?k=a&cost=2", 1), 0, 'not 10001';
    is $limits->passed("/$here/large?k=a&cost=1", 2), 1, 'but 10000';
});

# The sixth is the second one of the third window: two seconds after the first, whatever the
# machine. Later is right, sooner is not.
$limits->both('afterwards', sub ($here) {
    my $seconds = $limits->seconds(sub {
        $nginx->until(sub { $nginx->status("/$here/brisk?k=a") == 200 }, "request $_ that passes") for 1 .. 6;
    });
    cmp_ok $seconds, '>=', 2, 'requests pass when others leave the window';
});

is_deeply [$limits->redis->keys_without_ttl], [], 'every key in Redis has a time to live';

done_testing;
