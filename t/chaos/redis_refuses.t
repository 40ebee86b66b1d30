# A Redis that is there and refuses: rules, passwords, memory, roles, snapshots, connections, scripts.
# on_error says what follows, and all is well again without a reload when the reason has gone.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Redis::Client;
use Gatehouse::Redis::Resp 'command_octets';
use Test::More;

my $password = 'a-password-that-no-log-may-show';
my $redis    = Gatehouse::Redis->new(port => 1, user => 'gateway', password => $password)->start;
my $other    = Gatehouse::Redis->new(port => 1)->start;
my $gate     = Gatehouse::Faults->new('127.0.0.1:' . $redis->port,
    backend => 'timeout 2s; connect_timeout 2s; username gateway; password_env GATE_PASSWORD;');
$ENV{GATE_PASSWORD} = $password;
$gate->start;

sub config (%settings) {
    $redis->command('CONFIG', 'SET', $_, $settings{$_}) for sort keys %settings;
    return;
}

sub user (@rules) { return $redis->command('ACL', 'SETUSER', 'gateway', @rules) }

# Makes the worker connect anew.
sub kill_connection () { return $redis->command('CLIENT', 'KILL', 'USER', 'gateway') }

my @guests;
my $busy;

# What makes Redis refuse, and what makes it willing again.
my @faults = (
    ['NOPERM', sub { user('-evalsha') }, sub { user('+@all') }],
    ['NOPERM of what the script calls', sub { user('-get') }, sub { user('+@all') }],
    ['NOPERM of keys', sub { user('resetkeys', '~mine:*') }, sub { user('~*') }],
    ['the user is off', sub { user('off'); kill_connection() }, sub { user('on') }],
    ['another password', sub { user('resetpass', '>another'); kill_connection() },
        sub { user('resetpass', ">$password") }],
    ['the user is deleted', sub { $redis->command('ACL', 'DELUSER', 'gateway') },
        sub { user('on', ">$password", '~*', '+@all') }],
    ['OOM', sub { config('maxmemory-policy' => 'noeviction', maxmemory => 1) }, sub { config(maxmemory => 0) }],
    ['READONLY', sub { replica_of('127.0.0.1', $other->port) }, sub { replica_of('NO', 'ONE') }],
    ['MASTERDOWN', sub { config('replica-serve-stale-data' => 'no'); replica_of('127.0.0.1', 1) },
        sub { replica_of('NO', 'ONE') }],
    ['MISCONF', \&fail_snapshot, \&mend_snapshot],
    ['maxclients', \&fill_up, sub { @guests = (); config(maxclients => 1000) }],
    ['BUSY', \&run_for_ever, sub { $redis->command('SCRIPT', 'KILL'); undef $busy }],
);

# Whoever has been connected stays so; the two know nothing of each other's users.
sub replica_of (@master) {
    config(masterauth => 'harness', masteruser => 'harness');
    $redis->command('REPLICAOF', @master);
    return if $master[0] eq 'NO' || $master[1] == 1;
    $redis->until(sub { $redis->stat('master_link_status') eq 'up' }, 'replica');
    return;
}

# A directory cannot be replaced by a file.
sub fail_snapshot () {
    unlink $redis->file('dump.rdb');    # of a replica's first sync
    mkdir $redis->file('dump.rdb') or die "mkdir: $!";
    config(save => '3600 1');
    $redis->command('BGSAVE');
    $redis->until(sub { $redis->stat('rdb_last_bgsave_status') eq 'err' }, 'failure');
    return;
}

sub mend_snapshot () {
    rmdir $redis->file('dump.rdb') or die "rmdir: $!";
    $redis->until(sub { eval { $redis->command('BGSAVE') } }, 'end of the snapshot before it');
    $redis->until(sub { $redis->stat('rdb_last_bgsave_status') eq 'ok' }, 'snapshot');
    config(save => '');
    return;
}

# While the worker stands still its connection is closed, and its place is taken.
sub fill_up () {
    my ($worker) = $gate->nginx->workers;
    kill 'STOP', $worker;
    config(maxclients => $redis->stat('connected_clients'));
    kill_connection();
    $redis->until(sub {
        my $guest = Gatehouse::Redis::Client->new($redis->socket);
        my $said  = eval { $guest->attempt('PING') } // 'closed';
        push @guests, $guest;
        $said =~ /max number|closed/;
    }, 'crowd');
    kill 'CONT', $worker;
    return;
}

# Redis says BUSY only after a while.
sub run_for_ever () {
    config('lua-time-limit' => 20);
    $busy = $redis->connect;
    $busy->{peer}->send(command_octets('EVAL', 'while true do end', 0));
    $redis->until(sub { ($redis->ping // '') =~ /^BUSY / }, 'BUSY');
    return;
}

for my $fault (@faults) {
    my ($what, $begin, $end) = @$fault;
    subtest $what => sub {
        is_deeply $gate->ask_all($what), $gate->with_redis, 'all is well';
        $begin->();
        $gate->wait_down;
        my @seen = map { $gate->ask_all("$what $_") } 1 .. 20;
        is_deeply \@seen, [($gate->without_redis) x 20], 'on_error';
        ok $gate->serves_others, 'others are served';
        $end->();
        $gate->wait_recovered;
        is_deeply $gate->ask_all("$what: after it"), $gate->with_redis, 'and back';
    };
}

like $gate->nginx->log, qr/redis "main": server \S+ refuses calls: NOPERM$/m, 'the log says why';
unlike $gate->nginx->log, qr/\Q$password\E/, 'the password is not in the log';
# At most one line about refusals and one about being down or up in ten seconds.
$gate->check_survived($redis, lines => 20);

done_testing;
