# A Redis that takes its time: only those wait who need it, and no longer than they are told to.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Redis::Resp 'command_octets';
use IO::Socket::INET ();
use Test::More;

my $redis = Gatehouse::Redis->new->start;
my $gate  = Gatehouse::Faults->new('unix:' . $redis->socket,
    backend => 'timeout 5s; connect_timeout 5s; max_pending 5;')->start;

sub begin_all ($key) { return map { $gate->begin("/$_", $key) } qw(local open closed) }

sub finish (@clients) {
    my @seen = map { Gatehouse::Faults::seen($_->response) } @clients;
    $_->leave for @clients;
    return \@seen;
}

# What makes it slow, and what ends that.
my $sleeper = $redis->connect;
my %slow = (
    'frozen'       => [sub { $redis->freeze }, sub { $redis->thaw }],
    'CLIENT PAUSE' => [sub { $redis->command('CLIENT', 'PAUSE', 60_000, 'WRITE') },
                       sub { $redis->command('CLIENT', 'UNPAUSE') }],
);

for my $what (sort keys %slow) {
    subtest $what => sub {
        my ($begin, $end) = $slow{$what}->@*;
        $begin->();
        my @waiting = begin_all($what);
        ok $gate->serves_others, 'others are served';
        is scalar(grep { $gate->is_waiting($_) } @waiting), 3, 'before those that wait';
        $end->();
        is_deeply finish(@waiting), [('200 redis') x 3], 'which are answered in the end';
    };
}

subtest 'DEBUG SLEEP' => sub {
    $sleeper->{peer}->send(command_octets('DEBUG', 'SLEEP', 0.3));
    my @waiting = begin_all('sleep');
    ok $gate->serves_others(20), 'others are served';
    is_deeply finish(@waiting), [('200 redis') x 3], 'a short sleep is waited for';
    is $sleeper->reply, 'OK', 'it has slept';
};

subtest 'optimistic: as many as may pass unconfirmed' => sub {
    $redis->freeze;
    my @clients = map { $gate->begin('/optimistic', 'hopeful') } 1 .. 5;
    ok $gate->serves_others, 'others are served';
    is scalar(grep { $gate->is_waiting($_) } @clients), 3, 'two have passed, three wait';
    $redis->thaw;
    is_deeply finish(@clients), [('200 redis') x 5], 'and are answered in the end';
    is $gate->ask('/open', 'behind it'), '200 redis', 'nothing is under way any more';
    my $left = $gate->nginx->get('/optimistic', 'X-Key: hopeful')->{headers}{'x-remaining'}[0];
    is $left, 4, 'each has been charged once';
};

subtest 'max_pending' => sub {
    is $gate->ask('/open', 'settled'), '200 redis', 'no charge is under way';
    $redis->freeze;
    my @waiting = map { $gate->begin('/open', "pending $_") } 1 .. 5;
    ok $gate->serves_others(20), 'as many as may wait';
    is_deeply $gate->ask_all('one too many'), $gate->without_redis, 'the next fall to on_error, at once';
    is scalar(grep { $gate->is_waiting($_) } @waiting), 5, 'before those that wait';
    $redis->thaw;
    is_deeply finish(@waiting), [('200 redis') x 5], 'which Redis decides about';
    is_deeply $gate->ask_all('after it'), $gate->with_redis, 'as about the next';
};

# One connection per worker: whoever asks behind a request that times out fares as it does.
subtest 'timeout' => sub {
    $gate->configure(backend => 'timeout 100ms; connect_timeout 2s;');
    $gate->nginx->reload;
    $gate->wait_recovered;
    for my $on_error (qw(local open closed)) {
        $redis->freeze;
        my $client = $gate->begin("/$on_error", 'timeout');
        is finish($client)->[0], $gate->without_redis->{$on_error}, "on_error=$on_error";
        is_deeply $gate->ask_all("$on_error later"), $gate->without_redis, 'and from then on at once';
        $redis->thaw;
        $gate->wait_recovered;
    }
    is_deeply $gate->ask_all('after it'), $gate->with_redis, 'and back';
    # Whatever had no answer was charged once at most.
    is $gate->nginx->get('/local', 'X-Key: timeout')->{headers}{'x-remaining'}[0], 8, 'a lost charge is not sent again';
};

# A listener whose queue is full: the kernel does not even answer to the attempt to connect.
subtest 'a server that cannot be reached' => sub {
    my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) // die "listen: $@";
    my @queue;
    while (my $next = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Timeout => 0.2)) {
        push @queue, $next;
    }
    my $lost = Gatehouse::Faults->new('127.0.0.1:' . $full->sockport,
        backend => 'timeout 9s; connect_timeout 500ms;')->start(without_redis => 1);
    my @waiting = map { $lost->begin("/$_", 'unreachable') } qw(local open closed);
    ok $lost->serves_others(20), 'others are served';
    is_deeply finish(@waiting), ['200 local', '200 error', '503 error'], 'on_error';
    is_deeply $lost->ask_all('later'), $lost->without_redis, 'and from then on at once';
    like $lost->nginx->log, qr/is down: connecting took too long$/m, 'the log says why';
    $lost->check_survived;
};

$gate->check_survived($redis, workers => 1);

done_testing;
