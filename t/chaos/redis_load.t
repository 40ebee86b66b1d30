# What is done to a Redis while many requests are under way: no client is told of it, and no key lets
# more pass than it may.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Test::More;

my $redis = Gatehouse::Redis->new->start;
my $gate  = Gatehouse::Faults->new('unix:' . $redis->socket, rate => '100r/h')->start;

# 1,000 requests, every fifth of a key that all connections share.
my $round = 0;
sub flood ($uri, $during) {
    $round++;
    return $gate->flood(uri => $uri, connections => 20, requests => 50, during => $during,
        key => sub ($connection, $request) { $request % 5 ? "$round/$connection" : "$round/shared" });
}

sub passed_of ($key, @seen) { return scalar grep { $_->{asked} eq $key && $_->{status} == 200 } @seen }

subtest 'SCRIPT FLUSH' => sub {
    my @seen = flood('/closed', sub ($at) { $redis->command('SCRIPT', 'FLUSH') });
    is scalar(grep { $_->{status} == 503 } @seen), 0, 'no error';
    is scalar(grep { $_->{status} == 200 && $_->{source} eq 'redis' } @seen), 20 * 40 + 100, 'Redis has decided';
    is passed_of("$round/shared", @seen), 100, 'exactly as many as may pass';
    cmp_ok $redis->stat('cmdstat_eval', 'calls'), '>', 0, 'scripts were sent along';
    my $eval = $redis->stat('cmdstat_eval', 'calls');
    $gate->ask('/closed', "calls $_") for 1 .. 20;
    is $redis->stat('cmdstat_eval', 'calls'), $eval, 'and are there then';
};

subtest 'FLUSHALL' => sub {
    my $flushed = 0;
    my @seen = flood('/closed', sub ($at) { $redis->command('FLUSHALL'); $flushed++ });
    is scalar(grep { $_->{status} == 503 } @seen), 0, 'no error';
    cmp_ok passed_of("$round/shared", @seen), '<=', 100 * (1 + $flushed), 'keys start afresh';
};

for my $uri (qw(/local /lease /optimistic)) {
    subtest "CLIENT KILL, $uri" => sub {
        my @seen = flood($uri, sub ($at) { $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes') });
        is_deeply [grep { $_->{status} != 200 && $_->{status} != 429 } @seen], [], 'no error';
        # Redis and this node: MODES.md.
        my $bound = 2 * 100 + ($uri eq '/optimistic' ? 2 : 0);
        cmp_ok passed_of("$round/shared", @seen), '<=', $bound, 'within the bound';
        is scalar(grep { passed_of("$round/$_", @seen) != 40 } 1 .. 20), 0, 'nobody is refused who has something left';
        $gate->wait_recovered;
    };
}

subtest 'CLIENT KILL, /closed' => sub {
    my @seen = flood('/closed', sub ($at) { $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes') });
    is_deeply [grep { "$_->{status} $_->{source}" !~ /^(?:200 redis|429 (?:redis|deny_cache)|503 error)$/ } @seen], [],
        'what Redis cannot say is refused';
    cmp_ok passed_of("$round/shared", @seen), '<=', 100, 'never more than may pass';
    $gate->wait_recovered;
};

subtest 'two faults at once' => sub {
    my @seen = flood('/open', sub ($at) {
        $redis->command('SCRIPT', 'FLUSH');
        $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        $at % 2 ? $redis->freeze->thaw : $redis->restart;
    });
    is_deeply [grep { $_->{status} != 200 && $_->{status} != 429 } @seen], [], 'no error';
    $gate->wait_recovered;
};

$gate->check_survived($redis, lines => 8);

done_testing;
