# Sentinels that name the wrong server: nothing is charged there, and on_error is all that clients see
# until the right one is named.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Redis::Fake;
use Test::More;

my ($first, $second) = map { Gatehouse::Redis->new(port => 1)->start } 1 .. 2;

# It names the port that it is told to, or says what it is told to, "|" being the end of a line.
my $sentinel = Gatehouse::Redis::Fake->new(port => 1, answers => {
    SENTINEL => sub ($peer, @) {
        my $port = $peer->mode;
        $peer->send($port =~ /\D/ ? $port =~ s/\|/\r\n/gr : sprintf "*2\r\n\$9\r\n127.0.0.1\r\n\$%d\r\n%s\r\n", length $port, $port);
    },
});
$sentinel->mode($first->port);
my $gate = Gatehouse::Faults->new('127.0.0.1:' . $sentinel->port,
    backend => 'topology sentinel master=main; timeout 2s; connect_timeout 2s;')->start;
my $log = $gate->nginx;

sub charges ($server) { return $server->stat('cmdstat_evalsha', 'calls') + $server->stat('cmdstat_eval', 'calls') }

# Masters and replicas without anybody's being disconnected.
sub replicate ($from, $to) {
    my ($user, $password) = $to->credentials;
    $from->command('CONFIG', 'SET', 'masteruser', $user, 'masterauth', $password);
    $from->command('REPLICAOF', '127.0.0.1', $to->port);
    return;
}

subtest 'a master that is demoted' => sub {
    is_deeply $gate->ask_all('first'), $gate->with_redis, 'all is well';
    replicate($first, $second);
    is $gate->ask('/open', 'demoted'), '200 error', 'on_error';
    cmp_ok $first->stat('errorstat_READONLY', 'count'), '>', 0, 'READONLY';
    $gate->wait_down;
    like $log->log, qr/refuses calls: READONLY$/m, 'the log says so';
    ok $gate->serves_others, 'others are served';
};

subtest 'a replica that is named' => sub {
    my $before = charges($first);
    my $asked  = $sentinel->commands('SENTINEL');
    $sentinel->wait_for('SENTINEL', $asked + 4);
    is_deeply $gate->ask_all('replica'), $gate->without_redis, 'on_error';
    is charges($first), $before, 'it is not asked to charge';
    cmp_ok $first->stat('cmdstat_role', 'calls'), '>', 1, 'but for its role';
    $sentinel->mode($second->port);
    $gate->wait_recovered;
    is_deeply $gate->ask_all('second'), $gate->with_redis, 'until a master is named';
    cmp_ok charges($second), '>', 3, 'which counts';
    is charges($first), $before, 'and the other one does not';
};

subtest 'another master, while the old one is one still' => sub {
    $first->command('REPLICAOF', 'NO', 'ONE');
    my $before = charges($second);
    $sentinel->mode($first->port);
    my $at_first = charges($first);
    my $number   = 0;
    $log->until(sub { $gate->ask('/open', 'moved ' . ++$number); charges($first) > $at_first }, 'switch');
    cmp_ok charges($second) - $before, '<=', $number, 'the old one counts until then';
    my $settled = charges($second);
    is_deeply $gate->ask_all('third'), $gate->with_redis, 'then the new one does';
    is charges($second), $settled, 'alone';
};

# The master that is known stays in use, whatever is said about it.
for my $nonsense ('*-1|', '-NOAUTH Authentication required.|', '*2|$9|127.0.0.1|$5|99999|',
    'HTTP/1.1 400 Bad Request||') {
    subtest "a sentinel that says $nonsense" => sub {
        my $asked = $sentinel->commands('SENTINEL');
        $sentinel->mode($nonsense);
        $sentinel->wait_for('SENTINEL', $asked + 1);
        is_deeply $gate->ask_all($nonsense), $gate->with_redis, 'the known master counts';
    };
}

# One line about each of them, the first time.
$gate->check_survived($first, lines => 14);

done_testing;
