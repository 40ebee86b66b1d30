# rate_limit_headers: what responses say, with the values that these sequences of requests must have.
# Windows are long, so that the seconds which a test takes hardly change them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END');
rate_limit_zone $arg_k zone=ten_HERE:1m rate=3r/1h REDIS;
rate_limit_zone $arg_k zone=burst_HERE:1m rate=10r/1h burst=5 REDIS;
rate_limit_zone $arg_k zone=log_HERE:1m rate=2r/1h algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=windows_HERE:1m rate=4r/1h rate=5r/1d REDIS;
rate_limit_zone $arg_b zone=large_HERE:1m rate=6r/2h REDIS;
rate_limit_zone $arg_k 'zone=a "b" \c HERE:1m' rate=3r/1h REDIS;
rate_limit_zone $arg_k zone=second_HERE:1m rate=1r/1s burst=7 REDIS;
---
location = /HERE/default { rate_limit zone=ten_HERE; try_files /index.html =404; }
location = /HERE/draft { rate_limit zone=ten_HERE; rate_limit_headers draft; try_files /index.html =404; }
location = /HERE/legacy { rate_limit zone=ten_HERE; rate_limit_headers legacy; try_files /index.html =404; }
location = /HERE/off { rate_limit zone=ten_HERE; rate_limit_headers off; try_files /index.html =404; }
location = /HERE/off_later { rate_limit zone=ten_HERE; rate_limit_headers off; rate_limit_retry_after on; try_files /index.html =404; }
location = /HERE/draft_only { rate_limit zone=ten_HERE; rate_limit_retry_after off; try_files /index.html =404; }
location = /HERE/legacy_only { rate_limit zone=ten_HERE; rate_limit_headers legacy; rate_limit_retry_after off; try_files /index.html =404; }
location = /HERE/burst { rate_limit zone=burst_HERE cost=$arg_c; try_files /index.html =404; }
location = /HERE/burst_legacy { rate_limit zone=burst_HERE; rate_limit_headers legacy; try_files /index.html =404; }
location = /HERE/log { rate_limit zone=log_HERE; try_files /index.html =404; }
location = /HERE/windows { rate_limit zone=windows_HERE; try_files /index.html =404; }
location = /HERE/several { rate_limit zone=large_HERE; rate_limit zone=ten_HERE; try_files /index.html =404; }
location = /HERE/large { rate_limit zone=large_HERE; try_files /index.html =404; }
location = /HERE/quoted { rate_limit 'zone=a "b" \c HERE'; try_files /index.html =404; }
location = /HERE/second { rate_limit zone=second_HERE; try_files /index.html =404; }
location = /HERE/bypass { rate_limit zone=ten_HERE; rate_limit_bypass $arg_k; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

my @fields = qw(ratelimit-policy ratelimit x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset retry-after);

# All that a response says of limits, each "Name: value". Times that are $seconds, or were when the
# test began, become "SECONDS".
sub said ($response, $seconds) {
    my $time = sub ($t) { $t <= $seconds && $t > $seconds - 60 ? 'SECONDS' : $t };
    my @said;
    for my $name (@fields) {
        my $numeric = $name eq 'retry-after' || $name eq 'x-ratelimit-reset';
        push @said, map { "$name: " . ($numeric ? $time->($_) : s/(?<=;t=)(\d+)\z/$time->($1)/er) }
            ($response->{headers}{$name} // [])->@*;
    }
    return \@said;
}
sub draft ($policy, $left, @more) {
    my ($name) = split /;/, $policy;
    return ["ratelimit-policy: $policy", "ratelimit: $name;r=$left;t=SECONDS", @more];
}
sub legacy ($limit, $left, @more) {
    return ["x-ratelimit-limit: $limit", "x-ratelimit-remaining: $left", 'x-ratelimit-reset: SECONDS', @more];
}
my $later = 'retry-after: SECONDS';

# gcra: three an hour, so one more every 1200 seconds.
for my $place (qw(default draft)) {
    $limits->both($place, sub ($here) {
        my $policy = "\"ten_$here\";q=3;w=3600";
        is_deeply said($nginx->get("/$here/$place?k=$place"), 1200), draft($policy, $_), "$_ left" for 2, 1, 0;
        for my $nth (1 .. 3) {    # in Redis by the second at the latest from the deny cache
            my $response = $nginx->get("/$here/$place?k=$place");
            is $response->{status}, 429, 'refused';
            is_deeply said($response, 1200), draft($policy, 0, $later), 'and told when to come back';
            cmp_ok $response->{headers}{'retry-after'}[0], '>=', ($response->{headers}{ratelimit}[0] =~ /t=(\d+)/)[0],
                'not before that';
        }
    });
}

$limits->both('legacy', sub ($here) {
    is_deeply said($nginx->get("/$here/legacy?k=a"), 1200), legacy(3, $_), "$_ left" for 2, 1, 0;
    is_deeply said($nginx->get("/$here/legacy?k=a"), 1200), legacy(3, 0, $later), 'refused' for 1 .. 2;
    is_deeply said($nginx->get("/$here/burst_legacy?k=a"), 360), legacy(5, 4), 'the limit is the burst';
});

$limits->both('off', sub ($here) {
    is_deeply said($nginx->get("/$here/off?k=b"), 0), [], 'nothing' for 1 .. 4;
    is $nginx->status("/$here/off?k=b"), 429, 'not even in a refusal';
});

$limits->both('Retry-After apart', sub ($here) {
    is_deeply said($nginx->get("/$here/off_later?k=r"), 1200), [], 'nothing while requests pass' for 1 .. 3;
    is_deeply said($nginx->get("/$here/off_later?k=r"), 1200), [$later], 'nothing else when one does not';
    is_deeply said($nginx->get("/$here/draft_only?k=r"), 1200), draft("\"ten_$here\";q=3;w=3600", 0), 'draft without it';
    is_deeply said($nginx->get("/$here/legacy_only?k=r"), 1200), legacy(3, 0), 'legacy without it';
});

$limits->both('where nothing is counted', sub ($here) {
    is_deeply said($nginx->get("/$here/default"), 0), [], 'an empty key';
    is_deeply said($nginx->get("/$here/bypass?k=c"), 0), [], 'a bypass';
    is_deeply said($nginx->get("/$here/burst?k=c&c=0"), 0), [], 'no cost';
    is_deeply said($nginx->get('/index.html'), 0), [], 'no limit';
});

# The policy of a burst: so many, and the time that they take to come back.
$limits->both('burst and cost', sub ($here) {
    my $policy = "\"burst_$here\";q=5;w=1800";
    is_deeply said($nginx->get("/$here/burst?k=d&c=3"), 360), draft($policy, 2), 'three are gone';
    is_deeply said($nginx->get("/$here/burst?k=d&c=3"), 360), draft($policy, 2, $later), 'three do not fit, two would';
    is_deeply said($nginx->get("/$here/burst?k=d&c=2"), 360), draft($policy, 0), 'two fit';
    is_deeply said($nginx->get("/$here/burst?k=D&c=4"), 360), draft($policy, 1), 'four are gone';
    is_deeply said($nginx->get("/$here/burst?k=D&c=4"), 1080), draft($policy, 1, $later), 'four need three more';
    is $nginx->get("/$here/second?k=d")->{headers}{'ratelimit-policy'}[0], "\"second_$here\";q=7;w=7", 'seconds';
});

$limits->both('sliding_window', sub ($here) {
    my $policy = "\"log_$here\";q=2;w=3600";
    is_deeply said($nginx->get("/$here/log?k=e"), 3600), draft($policy, $_), "$_ left" for 1, 0;
    is_deeply said($nginx->get("/$here/log?k=e"), 3600), draft($policy, 0, $later), 'refused' for 1 .. 2;
});

$limits->both('several windows: the nearest to exhaustion', sub ($here) {
    my ($hour, $day) = map { "\"windows_$here\";$_" } 'q=4;w=3600', 'q=5;w=86400';
    is_deeply said($nginx->get("/$here/windows?k=f"), 900), draft($hour, $_), "$_ left" for 3, 2, 1, 0;
    is_deeply said($nginx->get("/$here/windows?k=f"), 900), draft($hour, 0, $later), 'refused';
});

$limits->both('several limits: the nearest to exhaustion', sub ($here) {
    my ($ten, $large) = ("\"ten_$here\";q=3;w=3600", "\"large_$here\";q=6;w=7200");
    is_deeply said($nginx->get("/$here/several?k=g&b=g"), 1200), draft($ten, 2), '2 and 5 are left';
    is_deeply said($nginx->get("/$here/large?b=g"), 1200), draft($large, $_), "$_ left" for 4, 3, 2, 1;
    is_deeply said($nginx->get("/$here/several?k=g&b=g"), 1200), draft($large, 0), '1 and 0 are left';
    is_deeply said($nginx->get("/$here/several?k=g&b=g"), 1200), draft($large, 0, $later), 'the one that refuses';
    is_deeply said($nginx->get("/$here/several?k=g"), 1200), draft($ten, 0), 'the one that counts';
});

$limits->both('names', sub ($here) {
    is_deeply said($nginx->get("/$here/quoted?k=h"), 1200), draft("\"a \\\"b\\\" \\\\c $here\";q=3;w=3600", 2), 'RFC 9651';
});

done_testing;
