# rate_limit_log_level: one line for each request that is refused or delayed, at that level or the
# one below it, and none for those that pass.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my %below = (error => 'warn', warn => 'notice', notice => 'info', info => 'info');
my $places = join '', map { <<"END" } sort keys %below;
location = /HERE/$_ { rate_limit zone=two_HERE; rate_limit_log_level $_; try_files /index.html =404; }
location = /HERE/delay/$_ { rate_limit zone=slow_HERE delay; rate_limit_log_level $_; rate_limit_dry_run on; try_files /index.html =404; }
END
my $limits = Gatehouse::Limits->new(<<"END");
rate_limit_zone \$arg_k zone=two_HERE:1m rate=2r/1h REDIS;
rate_limit_zone \$arg_k zone=one_HERE:1m rate=1r/1h REDIS;
rate_limit_zone \$arg_k zone=slow_HERE:1m rate=1r/1h burst=2 REDIS;
---
$places
location = /HERE/default { rate_limit zone=two_HERE; try_files /index.html =404; }
location = /HERE/several { rate_limit zone=two_HERE; rate_limit zone=one_HERE; try_files /index.html =404; }
END

$limits->both('refusals', sub ($here) {
    for my $level (sort keys %below) {
        my $uri = "/$here/$level?k=secret-$level";
        is $limits->passed($uri, 5), 2, $level;
        my @logged = $limits->logged($uri);
        like $_, qr/\A\[$level\] limiting requests by zone "two_$here", retry after 1[78]\d\ds\z/, 'the line' for @logged;
        is scalar @logged, 3, 'one per request, none for those that pass';
    }
    is $limits->passed("/$here/default?k=a", 3), 2, 'default';
    like +($limits->logged("/$here/default?k=a"))[0], qr/\A\[error\]/, 'is error';
});

$limits->both('delays', sub ($here) {
    for my $level (sort keys %below) {
        my $uri = "/$here/delay/$level?k=$level";
        is $limits->passed($uri, 2), 2, $level;
        like join("\n", $limits->logged($uri)),
            qr/\A\[$below{$level}\] delaying request, dry run by zone "slow_$here" for \d+ms\z/, "at $below{$level}, once";
    }
});

$limits->both('several limits', sub ($here) {
    is $limits->passed("/$here/several?k=b", 3), 1, 'the second one refuses';
    like $_, qr/\A\[error\] limiting requests by zone "one_$here", retry after \d+s\z/, 'and is named'
        for $limits->logged("/$here/several?k=b");
});

# nginx adds the request line; the module itself names no key.
is_deeply [grep { /(?:limiting|delaying).*secret-.*, client: / } split /\n/, $limits->nginx->log], [],
    'no key is logged';

done_testing;
