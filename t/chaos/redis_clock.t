# A Redis whose clock is set forward and back by an hour: keys start afresh or go on, and nobody is
# locked out for longer than the limit takes to let somebody pass.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Test::More;

my $redis = Gatehouse::Redis->new(clock => 1)->start;
my $http  = <<'END';
rate_limit_zone $http_x_key zone=gcra:1m   rate=10r/s redis=main on_error=closed;
rate_limit_zone $http_x_key zone=window:1m rate=10r/s algorithm=sliding_window redis=main on_error=closed;
rate_limit_zone $http_x_key zone=leased:1m rate=10r/s mode=lease=500ms redis=main on_error=closed;
rate_limit_zone $http_x_key zone=hour:1m   rate=10r/h redis=main on_error=closed;
rate_limit_zone $http_x_key zone=hours:1m  rate=10r/h algorithm=sliding_window redis=main on_error=closed;
END
my $server = join '', map { "location = /$_ { rate_limit zone=$_; try_files /index.html =404; }\n" }
    qw(gcra window leased hour hours);
my $gate = Gatehouse::Faults->new('unix:' . $redis->socket, http => $http, server => $server)->start;

# Asks until the limit is reached. How many have passed.
sub spend ($uri, $key) {
    my $passed = 0;
    $passed++ until $gate->ask($uri, $key) =~ /^429 /;
    return $passed;
}

sub remaining ($uri, $key) { return $gate->nginx->get($uri, "X-Key: $key")->{headers}{'x-remaining'}[0] }
sub reset_of ($uri, $key) { return $gate->nginx->get($uri, "X-Key: $key")->{headers}{'x-reset'}[0] }

for my $uri (qw(/hour /hours)) {
    subtest "an hour, $uri" => sub {
        is remaining($uri, 'ahead'), $_, 'some are spent' for 9, 8, 7;
        $redis->step_clock(3601);
        is remaining($uri, 'ahead'), 9, 'set forward: as if the time had passed';
        $redis->step_clock(0);
        cmp_ok remaining($uri, 'ahead'), '<=', 8, 'set back: nothing is given back';
        cmp_ok reset_of($uri, 'ahead'), '<=', 3600, 'and nobody waits longer than without';
        is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
    };
}

my @uris = qw(/gcra /window /leased);
for my $step (3600, 0, -3600) {
    subtest "the clock is set to $step seconds" => sub {
        cmp_ok spend($_, "spent before $step"), '>=', 10, "$_: a key is spent" for @uris;
        $redis->step_clock($step);
        cmp_ok spend($_, "new at $step"), '>=', 10, "$_: a new key has what it should have" for @uris;
        for my $uri (@uris) {
            $gate->nginx->until(sub { $gate->ask($uri, "spent before $step") =~ /^200 / }, 'passing again');
            pass "$uri: the key that was spent passes again";
        }
        is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
    };
}

$gate->check_survived($redis, workers => 1);

done_testing;
