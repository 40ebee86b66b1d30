# A Redis that is stopped, killed, restarted or frozen: on_error says what follows, at once where it
# is known, and all is well again without a reload.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Test::More;

# Many keys make loading take a while.
my $slow_to_load = "key-load-delay 2000\nloading-process-events-interval-bytes 1024\n";

my $redis = Gatehouse::Redis->new(port => 1, conf => $slow_to_load)->start;
my $gate  = Gatehouse::Faults->new('127.0.0.1:' . $redis->port)->start;

# Enough requests for each on_error that a wait in each of them would be noticed by its sum.
sub on_error_at_once ($what) {
    my @seen = map { $gate->ask_all("$what $_") } 1 .. 20;
    is_deeply \@seen, [($gate->without_redis) x 20], "$what: on_error";
    ok $gate->serves_others, "$what: others are served";
}

sub recovers ($what) {
    $gate->wait_recovered;
    is_deeply $gate->ask_all("$what: after it"), $gate->with_redis, "$what: and back";
}

my %fault = (
    'stopped'          => sub { $redis->stop },
    'killed'           => sub { $redis->kill9 },
    'frozen, then killed' => sub {
        $redis->freeze;
        my @waiting = map { $gate->begin("/$_", 'suspended') } qw(local open closed);
        ok $gate->serves_others, 'others are served meanwhile';
        is scalar(grep { $gate->is_waiting($_) } @waiting), 3, 'while those wait';
        $redis->kill9;    # a reset: something is unread on its side
        is_deeply [map { Gatehouse::Faults::seen($_->response) } @waiting],
            ['200 local', '200 error', '503 error'], 'until the connection is lost';
        $_->leave for @waiting;
    },
);

for my $what (sort keys %fault) {
    subtest $what => sub {
        is_deeply $gate->ask_all($what), $gate->with_redis, 'all is well';
        $fault{$what}->();
        $gate->wait_down;
        on_error_at_once($what);
        $redis->start;
        recovers($what);
    };
}

subtest 'a server that is loading' => sub {
    $redis->command('MSET', map { ("filler:$_" => 'x' x 100) } 1 .. 500);
    $redis->command('SAVE');
    $redis->stop->launch;
    like $redis->attempt('GET', 'x'), qr/^LOADING /, 'it is';
    is_deeply $gate->ask_all('loading'), $gate->without_redis, 'on_error';
    like $redis->attempt('GET', 'x'), qr/^LOADING /, 'it still is';
    $redis->until(sub { $redis->ping eq 'PONG' }, 'PONG');
    recovers('loading');
    unlink $redis->file('dump.rdb') or die "unlink: $!";
    $redis->command('FLUSHALL');
};

subtest 'what is left of a key is not forgotten while Redis is away' => sub {
    is $gate->ask('/local', 'spender'), '200 redis', 'spent with Redis' for 1 .. 4;
    $redis->freeze->kill9;
    $gate->wait_down;
    my @seen = map { $gate->ask('/local', 'spender') } 1 .. 10;
    is_deeply \@seen, [('200 local') x 6, ('429 local') x 4], 'the rest is what this node lets pass';
    $redis->start;
    $gate->wait_recovered;
    @seen = map { $gate->ask('/local', 'spender') } 1 .. 14;
    is scalar(grep { /^200/ } @seen), 10, 'a server that has lost its data begins anew';
};

# Who waits for each change gets what Redis and this node have, each of them once.
subtest 'going away and coming back again and again' => sub {
    my %passed = (redis => 0, local => 0);
    for (1 .. 3) {
        for my $source (qw(redis local)) {
            $redis->command('CONFIG', 'SET', 'maxmemory', $source eq 'redis' ? 0 : 1);
            $source eq 'redis' ? $gate->wait_recovered : $gate->wait_down;
            my @seen = grep { /^200/ } map { $gate->ask('/local', 'patient') } 1 .. 4;
            is scalar(grep { $_ ne "200 $source" } @seen), 0, "$source decides";
            $passed{$source} += @seen;
        }
    }
    $redis->command('CONFIG', 'SET', 'maxmemory', 0);
    $gate->wait_recovered;
    cmp_ok $passed{$_}, '<=', 10, "$_: no more than the limit" for sort keys %passed;
};

subtest 'several servers: the next one that is there' => sub {
    my @servers = map { Gatehouse::Redis->new->start } 1 .. 2;
    my @sockets = map { $_->socket } @servers;
    my $both    = Gatehouse::Faults->new("unix:$sockets[0]",
        backend => "server unix:$sockets[1]; timeout 2s; connect_timeout 2s;")->start;
    for my $server (@servers) {
        $server->stop;
        is $both->wait_recovered->ask('/open', 'another'), '200 redis', 'another takes over';
        $server->start;
    }
    $both->check_survived($servers[0]);
};

$gate->check_survived($redis, lines => 12);

done_testing;
