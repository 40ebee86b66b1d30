# rate_limit rate=: another rate than that of the zone, such as that of a plan.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END');
map $arg_plan $plan_rate { default ''; free 2r/1h; pro 5r/1h; minutes 60r/60m; broken '5 per hour'; zero 0r/s; }
rate_limit_zone $arg_k zone=plan_HERE:1m rate=3r/1h REDIS;
rate_limit_zone $arg_k zone=burst_HERE:1m rate=1r/1d burst=4 REDIS;
rate_limit_zone $arg_k zone=windows_HERE:1m rate=3r/1h rate=4r/1d REDIS;
rate_limit_zone $arg_k zone=log_HERE:1m rate=3r/1h algorithm=sliding_window REDIS;
rate_limit_zone $arg_k zone=more_HERE:1m rate=7r/1h algorithm=sliding_window REDIS;
---
location = /HERE/plan { rate_limit zone=plan_HERE rate=$plan_rate; try_files /index.html =404; }
location = /HERE/given { rate_limit zone=plan_HERE rate=$arg_rate; try_files /index.html =404; }
location = /HERE/burst { rate_limit zone=burst_HERE rate=$plan_rate; try_files /index.html =404; }
location = /HERE/windows { rate_limit zone=windows_HERE rate=$plan_rate; try_files /index.html =404; }
location = /HERE/day { rate_limit zone=windows_HERE rate=$arg_rate; try_files /index.html =404; }
location = /HERE/log { rate_limit zone=log_HERE rate=$arg_rate; try_files /index.html =404; }
location = /HERE/more { rate_limit zone=more_HERE rate=$arg_rate; try_files /index.html =404; }
location = /HERE/constant { rate_limit zone=plan_HERE rate=1r/1h; try_files /index.html =404; }
location = /HERE/joined { rate_limit zone=plan_HERE rate=${arg_n}r/1h; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

$limits->both('plans', sub ($here) {
    is $limits->passed("/$here/plan?k=a&plan=free", 7), 2, 'free';
    is $limits->passed("/$here/plan?k=b&plan=pro", 7), 5, 'pro';
    is $limits->passed("/$here/plan?k=c", 7), 3, 'none: the rate of the zone';
    is $limits->passed("/$here/constant?k=d", 3), 1, 'without variables';
    is $limits->passed("/$here/joined?k=e&n=6", 9), 6, 'text and variables';
    is_deeply [map { $_->{headers}{'ratelimit-policy'}[0] } $nginx->get("/$here/plan?k=f&plan=pro"),
            $nginx->get("/$here/plan?k=f&plan=minutes"), $nginx->get("/$here/plan?k=f")],
        ["\"plan_$here\";q=5;w=3600", "\"plan_$here\";q=60;w=3600", "\"plan_$here\";q=3;w=3600"],
        'the policy is that of the request';
});

$limits->both('what it replaces', sub ($here) {
    is $limits->passed("/$here/burst?k=a&plan=pro", 7), 4, 'the burst of the zone holds';
    is $limits->passed("/$here/windows?k=a&plan=pro", 7), 5, 'all rates of the zone are replaced';
    is $limits->passed("/$here/windows?k=b", 7), 3, 'or none';
});

$limits->both('what is no rate', sub ($here) {
    for my $plan (qw(broken zero)) {
        my $uri = "/$here/plan?k=$plan&plan=$plan";
        is $limits->passed($uri, 5), 3, "$plan: the rate of the zone";
        is_deeply [grep { !/limiting/ } $limits->logged($uri)],
            [("[error] the \"rate\" of zone \"plan_$here\" is invalid") x 5], 'each request says so, once, and not the value';
    }
    for my $rate (qw(x 1r 1r/1h; 1000000001r/s 1r/999d 99999999999999999999r/s -1r/s), '%31r/1h', '1r/1h%00') {
        is $limits->passed("/$here/given?k=$rate&rate=$rate", 4), 3, "$rate";
    }
    is $limits->passed("/$here/given?k=empty&rate=", 4), 3, 'empty';
    is_deeply [grep { /invalid/ } $limits->logged("/$here/given?k=empty&rate=")], [], 'which is nothing to complain of';
    is $limits->passed("/$here/log?k=long&rate=10001r/1h", 4), 3, 'a log that would be too long';
    is scalar(grep { /the "rate" of zone "log_$here" is invalid\z/ } $limits->logged("/$here/log?k=long&rate=10001r/1h")),
        4, 'is complained of';
});

# The same key with another rate: no policy can tell what is left under another, and so none touches
# what another has counted.
for my $zone (qw(plan more windows)) {
    $limits->both("rates beside each other: $zone", sub ($here) {
        my $own = { plan => 3, more => 7, windows => 3 }->{$zone};
        my $uri = "/$here/" . { plan => 'given', more => 'more', windows => 'day' }->{$zone};
        is $limits->passed("$uri?k=own", $own + 2), $own, "$own of the zone's";
        is $limits->passed("$uri?k=own&rate=2r/1s", 3), 2, 'two of another';
        is $limits->passed("$uri?k=own&rate=5r/1h", 7), 5, 'five of a third';
        $nginx->until(sub { $nginx->status("$uri?k=own&rate=2r/1s") == 200 }, 'a second later');
        is $limits->passed("$uri?k=own", 2), 0, 'and still none of the first';
        is $limits->passed("$uri?k=own&rate=5r/1h", 2), 0, 'nor of the third';
        is $limits->passed("$uri?k=again&rate=" . ($zone eq 'plan' ? '3r/1h' : $zone eq 'more' ? '7r/1h' : ''), $own), $own,
            "the zone's own rate, said again";
        is $limits->passed("$uri?k=again", 2), 0, "is the zone's own";
    });
}

# In memory there is room for what the zone says.
$limits->both('sliding_window with a higher rate', sub ($here) {
    is $limits->passed("/$here/log?k=b&rate=10r/1h", 12), $here eq 'redis' ? 10 : 3, 'ten, where there is room';
});

done_testing;
