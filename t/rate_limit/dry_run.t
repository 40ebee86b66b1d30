# rate_limit_dry_run: everything but the refusal and the delay.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END');
rate_limit_zone $arg_k zone=two_HERE:1m rate=2r/1h REDIS;
rate_limit_zone $arg_k zone=other_HERE:1m rate=9r/1h REDIS;
rate_limit_zone $arg_k zone=slow_HERE:1m rate=1r/1h burst=3 REDIS;
---
location = /HERE/dry { rate_limit zone=two_HERE; rate_limit_dry_run on; try_files /index.html =404; }
location = /HERE/status { rate_limit zone=two_HERE; rate_limit_dry_run on; rate_limit_status 503; try_files /index.html =404; }
location = /HERE/wet { rate_limit zone=two_HERE; rate_limit_dry_run off; try_files /index.html =404; }
location = /HERE/both { rate_limit zone=other_HERE; rate_limit zone=two_HERE; rate_limit_dry_run on; try_files /index.html =404; }
location = /HERE/other { rate_limit zone=other_HERE; try_files /index.html =404; }
location = /HERE/slow { rate_limit zone=slow_HERE delay; rate_limit_dry_run on; try_files /index.html =404; }
location = /HERE/bypass { rate_limit zone=two_HERE; rate_limit_dry_run on; rate_limit_bypass $arg_b; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

$limits->both('refusals', sub ($here) {
    my $uri       = "/$here/dry?k=a";
    my @responses = map { $nginx->get($uri) } 1 .. 4;
    is_deeply [map { $_->{status} } @responses], [(200) x 4], 'all pass';
    is_deeply [map { $_->{headers}{'x-decided'}[0] =~ s/ \S+$//r } @responses],
        [("PASSED two_$here") x 2, ("REJECTED_DRY_RUN two_$here") x 2], 'and it is said what would have been';
    is_deeply [map { $_->{headers}{ratelimit}[0] =~ s/t=\d+/t/r } @responses],
        [map { "\"two_$here\";r=$_;t" } 1, 0, 0, 0], 'header fields';
    is_deeply [grep { $_->{headers}{'retry-after'} } @responses], [], 'nobody is told to come back';
    is_deeply [map { s/\d+s\z/s/r } $limits->logged($uri)],
        [("[error] limiting requests, dry run by zone \"two_$here\", retry after s") x 2], 'two lines';
    # Of several workers, which need not write in turn.
    is_deeply [sort map { join ' ', (split)[1, 2] } $limits->accesses($uri, 4)],
        [('200 PASSED') x 2, ('200 REJECTED_DRY_RUN') x 2], 'the access log';

    is $limits->passed("/$here/wet?k=a", 2), 0, 'it has been counted';
    is $limits->passed("/$here/wet?k=b", 3), 2, 'off';
    is $limits->passed("/$here/status?k=c", 4), 4, 'the status does not matter';
    is_deeply [$limits->decisions("/$here/bypass?k=d&b=1", 1)], ['BYPASSED  '], 'a bypass is one';
});

# What would have been refused is not charged, to no limit.
$limits->both('several limits', sub ($here) {
    is $limits->passed("/$here/both?k=e", 6), 6, 'six, four of them beyond the second limit';
    is $limits->passed("/$here/other?k=e", 9), 7, 'two of nine were charged to the first';
});

# One an hour: if anything waited, the test would not end.
$limits->both('delays', sub ($here) {
    my $uri = "/$here/slow?k=f";
    is_deeply [map { s/ .*//r } $limits->decisions($uri, 4)],
        ['PASSED', ('DELAYED_DRY_RUN') x 2, 'REJECTED_DRY_RUN'], 'what would have been';
    my @logged = $limits->logged($uri);
    like $logged[$_], qr/\A\[warn\] delaying request, dry run by zone "slow_$here" for \d{7}ms\z/, 'a delay' for 0, 1;
    like $logged[2], qr/\A\[error\] limiting requests, dry run by zone "slow_$here", retry after \d{4}s\z/, 'a refusal';
    is scalar @logged, 3, 'and nothing else';
});

done_testing;
