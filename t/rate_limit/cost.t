# rate_limit cost=: how many requests one counts for.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END');
rate_limit_zone $arg_k zone=gcra_HERE:1m rate=10r/1h REDIS;
rate_limit_zone $arg_k zone=log_HERE:1m rate=10r/1h algorithm=sliding_window REDIS;
---
location = /HERE/gcra { rate_limit zone=gcra_HERE cost=$arg_c; try_files /index.html =404; }
location = /HERE/sliding_window { rate_limit zone=log_HERE cost=$arg_c; try_files /index.html =404; }
location = /HERE/three { rate_limit zone=gcra_HERE cost=3; try_files /index.html =404; }
location = /HERE/joined { rate_limit zone=gcra_HERE cost=1$arg_c; try_files /index.html =404; }
location = /HERE/free { rate_limit zone=gcra_HERE cost=0; try_files /index.html =404; }
location = /HERE/both { rate_limit zone=gcra_HERE cost=$arg_c; rate_limit zone=log_HERE cost=$arg_d; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

# Lines of the error log that complain about a cost.
sub complaints ($uri) {
    return scalar grep { /the "cost" of zone "\w+" is invalid, client: .* "GET \Q$uri\E / } split /\n/, $nginx->log;
}

for my $algorithm (qw(gcra sliding_window)) {
    $limits->both($algorithm, sub ($here) {
        my $uri = "/$here/$algorithm";
        is $limits->passed("$uri?k=a&c=3", 4), 3, '3 of 10 go three times';
        is $limits->passed("$uri?k=a&c=1", 2), 1, 'and leave one';
        is $limits->passed("$uri?k=b&c=10", 2), 1, 'all at once';
        is $limits->passed("$uri?k=c&c=", 11), 10, 'empty is 1';
        is $limits->passed("$uri?k=d&c=007", 2), 1, 'leading zeroes';

        is $limits->passed("$uri?k=e&c=0", 15), 15, 'what costs nothing is not counted';
        is $nginx->get("$uri?k=e&c=0")->{headers}{ratelimit}, undef, 'and nothing is said about it';
        is $limits->passed("$uri?k=e&c=10", 2), 1, 'nothing was charged';
        is $limits->passed("$uri?k=e&c=0", 2), 2, 'nor is it refused';

        for my $cost (11, 1_000_000_000, 1_000_000_001, 4_294_967_297, 9_223_372_036_854_775_807) {
            is $limits->passed("$uri?k=f&c=$cost", 2), 0, "$cost never passes";
        }
        is $limits->passed("$uri?k=f&c=5", 3), 2, 'and is charged nothing';

        for my $cost ('x', '-1', '1.5', '%31', '1%20', '9' x 30) {
            my $uri = "$uri?k=$cost&c=$cost";
            is $limits->passed($uri, 11), 10, "\"$cost\" counts as 1";
            is complaints($uri), 11, 'and is logged, once per request';
        }
    });
}

$limits->both('constants', sub ($here) {
    is $limits->passed("/$here/three?k=g", 4), 3, 'a number';
    is $limits->passed("/$here/joined?k=h&c=0", 2), 1, 'text and variables';
    is $limits->passed("/$here/free?k=g", 12), 12, 'zero';
});

$limits->both('each limit has its own', sub ($here) {
    is $limits->passed("/$here/both?k=i&c=1&d=4", 4), 2, '4 of the second';
    is $limits->passed("/$here/gcra?k=i", 10), 8, 'was 1 of the first';
    is $limits->passed("/$here/both?k=j&c=0&d=5", 4), 2, 'the second alone';
    is $limits->passed("/$here/gcra?k=j", 11), 10, 'leaves the first untouched';
});

done_testing;
