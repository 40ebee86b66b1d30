# Several limits in one place: a request passes if all let it, and is charged to all or to none.
# What is left in a zone is counted out in a place that has this zone alone.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

# One worker: what it gives back to Redis arrives before what it asks next.
my $limits = Gatehouse::Limits->new(<<'END', workers => 1);
rate_limit_zone $arg_a zone=small_HERE:1m rate=5r/1h REDIS;
rate_limit_zone $arg_b zone=large_HERE:1m rate=10r/1h REDIS;
rate_limit_zone $arg_a zone=window_HERE:1m rate=5r/1h algorithm=sliding_window REDIS;
rate_limit_zone $arg_b zone=log_HERE:1m rate=10r/1h algorithm=sliding_window REDIS;
rate_limit_zone $arg_b zone=large_second:1m rate=10r/1h redis=second;
rate_limit_zone $arg_b zone=log_second:1m rate=10r/1h algorithm=sliding_window redis=second;
---
location = /small/HERE { rate_limit zone=small_HERE; try_files /index.html =404; }
location = /window/HERE { rate_limit zone=window_HERE; try_files /index.html =404; }
location = /large/HERE { rate_limit zone=large_HERE; try_files /index.html =404; }
location = /large/second { rate_limit zone=large_second; try_files /index.html =404; }
location = /log/HERE { rate_limit zone=log_HERE; try_files /index.html =404; }
location = /log/second { rate_limit zone=log_second; try_files /index.html =404; }
location = /small_HERE/large_memory { rate_limit zone=small_HERE; rate_limit zone=large_memory; try_files /index.html =404; }
location = /small_HERE/large_redis { rate_limit zone=small_HERE; rate_limit zone=large_redis; try_files /index.html =404; }
location = /small_HERE/large_second { rate_limit zone=small_HERE; rate_limit zone=large_second; try_files /index.html =404; }
location = /large_memory/small_HERE { rate_limit zone=large_memory; rate_limit zone=small_HERE; try_files /index.html =404; }
location = /large_redis/small_HERE { rate_limit zone=large_redis; rate_limit zone=small_HERE; try_files /index.html =404; }
location = /large_second/small_HERE { rate_limit zone=large_second; rate_limit zone=small_HERE; try_files /index.html =404; }
location = /window_HERE/log_memory { rate_limit zone=window_HERE; rate_limit zone=log_memory; try_files /index.html =404; }
location = /window_HERE/log_redis { rate_limit zone=window_HERE; rate_limit zone=log_redis; try_files /index.html =404; }
location = /log_memory/window_HERE { rate_limit zone=log_memory; rate_limit zone=window_HERE; try_files /index.html =404; }
location = /log_second/window_HERE { rate_limit zone=log_second; rate_limit zone=window_HERE; try_files /index.html =404; }
location = /log_second/small_HERE { rate_limit zone=log_second; rate_limit zone=small_HERE; try_files /index.html =404; }
END

# Of 12 requests 5 pass, because the zone of 5 is exhausted. The other must have 5 left. That order
# does not matter is what most defects would not survive.
for my $pair (
    map { my $here = $_; map { ["small_$here", $_], [$_, "small_$here"] } qw(large_memory large_redis large_second) }
        qw(memory redis)) {
    exhaust(@$pair);
}
exhaust(@$_) for map { my $here = $_; map { [split m{/}] }
    "window_$here/log_memory", "window_$here/log_redis", "log_memory/window_$here", "log_second/window_$here",
    "log_second/small_$here" } qw(memory redis);

sub exhaust ($first, $second) {
    state $n = 0;
    my $key = 'k' . ++$n;
    subtest "$first, $second" => sub {
        is $limits->passed("/$first/$second?a=$key&b=$key", 12), 5, 'the smaller one decides';
        for my $zone ($first, $second) {
            my ($name, $store) = split /_/, $zone;
            my $param = $name eq 'small' || $name eq 'window' ? 'a' : 'b';
            is $limits->passed("/$name/$store?$param=$key", 8), $param eq 'a' ? 0 : 5, "what is left in $zone";
        }
    };
    return;
}

subtest 'an empty key leaves the other limits' => sub {
    is $limits->passed('/small_redis/large_memory?b=e', 12), 10, 'only the second counts';
    is $limits->passed('/small_redis/large_memory?a=e', 12), 5, 'only the first counts';
    is $limits->passed('/small_redis/large_memory', 12), 12, 'none counts';
};

subtest 'one question for all keys of one Redis' => sub {
    my $before = $limits->redis->stat('cmdstat_evalsha', 'calls');
    is $limits->passed('/small_redis/large_redis?a=q&b=q', 5), 5, 'five requests';
    is $limits->redis->stat('cmdstat_evalsha', 'calls') - $before, 5, 'five questions';
};

is_deeply [$limits->redis->keys_without_ttl], [], 'every key in Redis has a time to live';

done_testing;
