# A master that sentinels name: limits follow it when another server takes its place, without a
# reload and without an error for anybody.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Askers;
use Gatehouse::Faults;
use Gatehouse::Redis::Sentinel;
use Test::More;

my $watched   = Gatehouse::Redis::Sentinel->new(sentinels => 3)->start;
my @sentinels = $watched->sentinels;
my $where     = join '; server ', map { '127.0.0.1:' . $_->port } @sentinels;
my $backend   = 'topology sentinel master=main; timeout 2s; connect_timeout 2s;';
my $gate      = Gatehouse::Faults->new($where, backend => $backend)->start;

sub charges ($server) { return $server->stat('cmdstat_evalsha', 'calls') + $server->stat('cmdstat_eval', 'calls') }

sub passed ($key, $count) { return scalar grep { $_ eq '200 redis' } map { $gate->ask('/closed', $key) } 1 .. $count }

# What clients are told while $do runs, besides what limits say and on_error is.
sub unless_served ($do) {
    my $askers = Gatehouse::Askers->new($gate, 1, sub ($, $turn) { ($turn % 2 ? '/local' : '/open', 'for-ever') });
    $do->();
    return [grep { !/^(?:200 (?:redis|local|error)|429 (?:redis|deny_cache|local))$/ } map { $_->{seen} } $askers->stop];
}

# What the master has been told is at the replica, too.
sub replicated () {
    my ($client) = map { $_->connect } $watched->master;
    $client->command('SET', 'marker', 1, 'PX', 60_000);
    is $client->command('WAIT', 1, 5000), 1, 'the replica has it all';
    return;
}

subtest 'the master counts' => sub {
    is passed('alice', 13), 10, 'as many as the limit';
    cmp_ok charges($watched->master), '>=', 11, 'at the master';
    is charges($watched->replica), 0, 'and not at the replica';
};

my $old = $watched->master;

subtest 'an orderly failover' => sub {
    is passed('bob', 4), 4, 'some of the limit';
    replicated();
    is_deeply unless_served(sub { $watched->failover; $gate->wait_recovered }), [], 'nobody is told of it';
    $watched->wait_follows($old);
    $gate->wait_recovered;
    isnt $watched->master, $old, 'the other one is master';
    is passed('bob', 8), 6, 'and counts on';
    cmp_ok charges($watched->master), '>=', 7, 'at its place';
};

subtest 'the master is killed' => sub {
    my ($lost, $next) = ($watched->master, $watched->replica);
    is passed('carol', 4), 4, 'some of the limit';
    replicated();
    is_deeply unless_served(sub {
        $lost->kill9;
        $gate->wait_down;
        is_deeply $gate->ask_all('meanwhile'), $gate->without_redis, 'on_error';
        $watched->wait_switched($next);
        $gate->wait_recovered;
    }), [], 'nobody is told of it';
    is passed('carol', 8), 6, 'the other one counts on';
    $lost->start;
    $watched->wait_follows($lost);
    is passed('dave', 12), 10, 'also when the lost one is back';
    is charges($lost), 0, 'as a replica';
};

subtest 'sentinels come and go' => sub {
    $sentinels[0]->stop;
    is passed('erin', 12), 10, 'without the one that is asked';
    $sentinels[0]->start;
    $_->freeze for @sentinels[1, 2];
    is passed('frank', 12), 10, 'with one that has come back';
    $_->thaw for @sentinels[1, 2];
    $_->kill9 for @sentinels;
    is passed('grace', 12), 10, 'without any';
    $_->start for @sentinels;
    $watched->wait_switched($watched->master);
    my $next = $watched->replica;
    is_deeply unless_served(sub { $watched->failover; $gate->wait_recovered }), [], 'a failover after that';
    is $watched->master, $next, 'which the gateway has followed';
    # Sentinels that have just come back may find reason for one more.
    my $names = 0;
    $gate->nginx->until(sub { passed('heidi ' . $names++, 12) == 10 }, 'order');
    pass 'and all is well';
};

subtest 'the first sentinel is away at the start' => sub {
    $sentinels[0]->stop;
    my $second = Gatehouse::Faults->new($where, backend => $backend)->start;
    is $second->ask('/open', 'ivan'), '200 redis', 'the next one is asked';
    $second->check_survived;
    $sentinels[0]->start;
};

subtest 'a master that nobody knows' => sub {
    my $asked  = sub { $sentinels[0]->stat('total_connections_received') };
    my $before = $asked->();
    my $start  = time;
    my $wrong  = Gatehouse::Faults->new($where, backend => $backend =~ s/=main/=other/r)->start(without_redis => 1);
    my $log    = $wrong->nginx;
    $log->until(sub { $log->log =~ /does not know/ }, 'message');
    is_deeply $wrong->ask_all('nobody'), $wrong->without_redis, 'on_error';
    ok $wrong->serves_others, 'others are served';
    $sentinels[0]->until(sub { $asked->() >= $before + 3 }, 'further attempts');
    cmp_ok $asked->() - $before, '<=', 6 + time - $start, 'that grow rare';
    my @lines = $wrong->redis_lines;
    is scalar(@lines), 1, 'one message' or diag join "\n", @lines;
    like $lines[0], qr/server \S+ is of no use: it does not know the master$/, 'that says why';
    $wrong->check_survived;
};

is_deeply [$watched->master->keys_without_ttl], [], 'every key has a time to live';
$gate->check_survived(undef, lines => 20);

done_testing;
