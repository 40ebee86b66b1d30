# The servers that tests of Redis start: Gatehouse::Redis and what is below it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'openssl';
use Gatehouse::Redis;
use Gatehouse::Redis::Cluster;
use Gatehouse::Redis::Fake;
use Gatehouse::Redis::Sentinel;
use Gatehouse::Redis::Tls qw(certificate ca_file);
use Gatehouse::Redis::Resp qw(command_octets reply_octets decode);
use IO::Select ();
use POSIX ();
use Test::More;

subtest 'RESP2' => sub {
    my $value  = [1, 'text', undef, [], ['', "a\r\nb\0", [-2]]];
    my $octets = reply_octets($value);
    is $octets, "*5\r\n:1\r\n\$4\r\ntext\r\n\$-1\r\n*0\r\n*3\r\n\$0\r\n\r\n\$5\r\na\r\nb\0\r\n*1\r\n:-2\r\n",
        'a reply';
    is_deeply [decode(\$octets)], [$value, length $octets], 'and back';
    is scalar(grep { my @got = decode(\substr $octets, 0, $_); @got } 0 .. length($octets) - 1), 0,
        'no part of it is a reply';
    is command_octets('GET', "k\n"), "*2\r\n\$3\r\nGET\r\n\$2\r\nk\n\r\n", 'a command';
    my $both = "+OK\r\n-ERR no\r\n";
    is_deeply [decode(\$both)], ['OK', 5], 'a status';
    my ($error) = decode(\$both, 5);
    is ref $error, 'Gatehouse::Redis::Error', 'an error';
    is $error, 'ERR no', 'and its text';
    is eval { decode(\"HTTP/1.1 400\r\n") }, undef, 'something else';
};

my $redis = Gatehouse::Redis->new(port => 1)->start;

subtest 'commands' => sub {
    is $redis->command('SET', 'mortal', 1, 'PX', 100_000), 'OK', 'a status';
    is $redis->command('GET', 'absent'), undef, 'a nil';
    is_deeply $redis->command('EVAL', 'return {1, {KEYS[1], {false}}}', 1, "\0k"),
        [1, ["\0k", [undef]]], 'a nested reply';
    ok !eval { $redis->command('INCR') }, 'an error kills the test';
    like $@, qr/^INCR: ERR wrong number of arguments .* at \Q$0\E/, 'and is told of there';
    is ref $redis->attempt('INCR'), 'Gatehouse::Redis::Error', 'unless it is asked for';
    is $redis->command('DEBUG', 'SLEEP', 0), 'OK', 'DEBUG';
};

subtest 'what it knows of keys and calls' => sub {
    my $other = $redis->connect;
    $other->command('SELECT', 5);
    $other->command('MSET', map { ("k$_" => 1) } 1 .. 3000);
    is scalar($redis->all_keys), 3001, 'the keys of all databases';
    is scalar($redis->keys_without_ttl), 3000, 'those that stay forever';
    $other->command('FLUSHDB');
    is_deeply [$redis->keys_without_ttl], [], 'none';
    is_deeply [$redis->all_keys], ['mortal'], 'and one that does not';
    is $redis->stat('cmdstat_evalsha', 'calls'), 0, 'not called';
    $redis->attempt('EVALSHA', '0' x 40, 0);
    $redis->command('PING') for 1 .. 2;
    cmp_ok $redis->stat('cmdstat_ping', 'calls'), '>=', 2, 'called';
    is $redis->stat('process_id'), $redis->pid, 'a line without members';
};

subtest 'a black hole' => sub {
    my $client = Gatehouse::Redis::Client->new($redis->port);
    $redis->freeze;
    $client->{peer}->send(command_octets('PING'));
    ok !IO::Select->new($client->{peer}{socket})->can_read(0.05), 'no answer';
    $redis->thaw;
    is $client->reply, 'PONG', 'until it thaws';
};

subtest 'ends and beginnings' => sub {
    my ($port, $pid) = ($redis->port, $redis->pid);
    my $client = Gatehouse::Redis::Client->new($port);
    is $redis->restart->port, $port, 'the port stays';
    isnt $redis->pid, $pid, 'the process does not';
    ok $client->{peer}->is_left, 'clients are left';
    is_deeply [$redis->all_keys], [], 'nothing is stored';

    $client = Gatehouse::Redis::Client->new($redis->socket);
    $redis->freeze;
    $client->{peer}->send(command_octets('PING'));
    $redis->kill9;
    is sysread($client->{peer}{socket}, my $rest, 1), undef, 'a reset';
    ok $!{ECONNRESET}, 'for a client that waits';
    ok !kill(0, $redis->pid // -99999), 'the process is gone';
    is $redis->start->ping, 'PONG', 'and it can start again';
};

subtest 'a server that is loading' => sub {
    my $conf   = "key-load-delay 1000\nloading-process-events-interval-bytes 1024\n";
    my $server = Gatehouse::Redis->new(conf => $conf)->start;
    $server->command('MSET', map { ("k$_" => 'x' x 100) } 1 .. 500);
    $server->command('SAVE');
    $server->stop->launch;
    like $server->attempt('GET', 'k1'), qr/^LOADING /, 'launched';
    $server->until(sub { $server->ping eq 'PONG' }, 'PONG');
    is scalar(my @keys = $server->all_keys), 500, 'what was saved on request is there';
};

subtest 'a clock of its own' => sub {
    my $server = Gatehouse::Redis->new(clock => 1)->start;
    my $ahead  = sub { $server->command('TIME')->[0] - time };
    cmp_ok abs $ahead->(), '<', 600, 'right at first';
    $server->command('SET', 'k', 1, 'PX', 7_000_000);
    for my $hours (1, -1) {
        $server->step_clock(3600 * $hours);
        cmp_ok abs($ahead->() - 3600 * $hours), '<', 600, "off by $hours hours";
        my $seen = $server->command('EVAL', 'return redis.call("TIME")[1]', 0);
        cmp_ok abs($seen - time - 3600 * $hours), '<', 600, 'for scripts, too';
        cmp_ok abs($server->command('PTTL', 'k') / 1000 + 3600 * $hours - 7000), '<', 600, 'and for keys';
    }
};

subtest 'the only user' => sub {
    my $guarded = Gatehouse::Redis->new(user => 'gateway', password => 'sesame', acl => '~gw:* +get')->start;
    my $client  = Gatehouse::Redis::Client->new($guarded->socket);
    like $client->attempt('PING'), qr/^NOAUTH /, 'nobody else';
    like $client->attempt('AUTH', 'gateway', 'wrong'), qr/^WRONGPASS /, 'not with another password';
    is $client->command('AUTH', 'gateway', 'sesame'), 'OK', 'with its own';
    is $client->command('GET', 'gw:k'), undef, 'what it may do';
    like $client->attempt('GET', 'k'), qr/^NOPERM /, 'and what not';
    is $guarded->command('PING'), 'PONG', 'tests are always let in';
};

subtest 'a fake peer' => sub {
    my $reply   = reply_octets([1, [2, 'text']]);
    my %evalsha = (
        pieces => sub ($peer, $last) { $peer->pieces($reply, 1) },
        hold   => sub ($peer, $last) { $last ? $peer->send($reply) : $peer->hold($reply) },
        close  => sub ($peer, $last) { $peer->close },
        reset  => sub ($peer, $last) { $peer->reset },
        mute   => sub ($peer, $last) { },
    );
    for my $on_port (0, 1) {
        my $fake = Gatehouse::Redis::Fake->new(port => $on_port, answers => {
            ROLE    => "+mine\r\n",
            EVALSHA => sub ($peer, @command) { $evalsha{ $peer->mode }->($peer, $command[1] eq 'last') },
        });
        my $where  = $on_port ? $fake->port : $fake->socket;
        my $client = Gatehouse::Redis::Client->new($where);
        is_deeply $client->command('HELLO', 2)->[5], 2, 'the handshake';
        is $client->command($_->[0], @$_[1 .. $#$_]), 'OK', $_->[0] for
            ['AUTH', 'u', 'p'], ['SELECT', 1], ['CLIENT', 'SETNAME', 'n'];
        is $client->command('SCRIPT', 'LOAD', 'return 1'),
            $redis->command('SCRIPT', 'LOAD', 'return 1'), 'a script as Redis names it';
        is $client->command('ROLE'), 'mine', 'an answer of the test';
        like $client->attempt('FLUSHALL'), qr/^ERR unknown command/, 'no answer to others';

        $fake->mode('pieces');
        $client->{peer}->send(command_octets('EVALSHA', 'last'));
        my $reads = 0;
        $reads += $client->{peer}->more ? 1 : 0 until length $client->{peer}{buffer} == length $reply;
        cmp_ok $reads, $on_port ? '>' : '==', $on_port ? 1 : length $reply, 'pieces come one by one';
        is_deeply $client->reply, [1, [2, 'text']], 'and are whole in the end';

        $fake->mode('hold');
        is_deeply [$client->pipeline(['EVALSHA', 'first'], ['EVALSHA', 'last'])],
            [([1, [2, 'text']]) x 2], 'held and sent';
        $fake->mode('mute');
        $client->{peer}->send(command_octets('EVALSHA', 'secret'));
        $fake->wait_for('EVALSHA', 4);
        is_deeply [map { $_->[1] } $fake->commands('EVALSHA')], [qw(last first last secret)], 'commands';
        like $fake->received, qr/\r\nsecret\r\n\z/, 'and their octets';
        for my $end (qw(close reset)) {
            my $other = Gatehouse::Redis::Client->new($where);
            $fake->mode($end);
            $other->{peer}->send(command_octets('EVALSHA', 'last'));
            is sysread($other->{peer}{socket}, my $rest, 1), $end eq 'reset' && $on_port ? undef : 0, $end;
        }
    }
};

# What a client that verifies "redis.test" reads, or nothing.
sub over_tls ($server, $ca, @options) {
    return eval {
        openssl("PING\r\nQUIT\r\n", qw(s_client -quiet -verify_return_error -verify_hostname redis.test),
            '-CAfile', ca_file($ca), '-connect', '127.0.0.1:' . $server->port, @options);
    };
}

subtest 'TLS' => sub {
    my %reader_of = (server => 'ca', unknown => 'unknown_ca');
    for my $name (qw(server unknown wrong_name expired)) {
        my $server = Gatehouse::Redis->new(port => 1, tls => certificate($name))->start;
        for my $ca (qw(ca unknown_ca)) {
            is over_tls($server, $ca), ($reader_of{$name} // '') eq $ca ? "+PONG\r\n+OK\r\n" : undef,
                "$name, verified with $ca";
        }
        is $server->command('PING'), 'PONG', 'the test needs none';
    }
    my $strict = Gatehouse::Redis->new(port => 1, tls => { certificate('server')->%*, clients => 'yes' })->start;
    for my $name (qw(client unknown_client)) {
        my $pair = certificate($name);
        is over_tls($strict, 'ca', '-cert', $pair->{certificate}, '-key', $pair->{key}) // '',
            $name eq 'client' ? "+PONG\r\n+OK\r\n" : '', $name;
    }
    is over_tls($strict, 'ca') // '', '', 'no certificate';
};

subtest 'a cluster' => sub {
    my $cluster = Gatehouse::Redis::Cluster->new->start;
    my $from    = $cluster->node_of_key('{user}1');
    my ($to, $third) = grep { $_ != $from } $cluster->nodes;
    my $slot = $cluster->slot_of_key('{user}2');
    is $from->command('SET', '{user}1', 1, 'PX', 100_000), 'OK', 'the owner of a slot';
    my $moved = sub ($where) { return "MOVED $slot 127.0.0.1:" . $where->port };
    is $to->attempt('GET', '{user}1'), $moved->($from), 'another node';

    $cluster->begin_move($slot, $to);
    is $from->command('GET', '{user}1'), 1, 'on the move: a key that is still there';
    is $from->attempt('GET', '{user}2'), $moved->($to) =~ s/MOVED/ASK/r, 'one that is not';
    is_deeply [$to->connect->pipeline(['ASKING'], ['GET', '{user}2'])], ['OK', undef], 'asked for';
    $cluster->move_keys($slot);
    is_deeply [$from->all_keys], [], 'no key is left';
    is_deeply [$to->all_keys], ['{user}1'], 'all are there';
    is_deeply [$to->keys_without_ttl], [], 'and as mortal as they were';
    $to->connect->pipeline(['ASKING'], ['PERSIST', '{user}1']);
    is_deeply [$to->keys_without_ttl], ['{user}1'], 'or not';
    is $cluster->node_of_key('{user}1'), $from, 'the owner is the old one';
    $cluster->end_move($slot);
    is $cluster->node_of_key('{user}1'), $to, 'until the end';
    is $_->attempt('GET', '{user}1'), $moved->($to), 'which all know' for $from, $third;
    $cluster->move_slot($slot, $third);
    is $third->command('GET', '{user}1'), 1, 'a move in one go';
};

subtest 'sentinels' => sub {
    for my $sentinels (1, 3) {
        my $watched = Gatehouse::Redis::Sentinel->new(sentinels => $sentinels)->start;
        my ($old, $new) = ($watched->master, $watched->replica);
        is $old->command('SET', 'k', 1, 'PX', 100_000), 'OK', "$sentinels: a master";
        like $new->attempt('SET', 'k', 2), qr/^READONLY /, 'a replica';
        $watched->failover;
        is $watched->master, $new, 'they have changed places';
        is $new->command('SET', 'k', 3, 'PX', 100_000), 'OK', 'the new master';
        $watched->wait_follows($old);
        is $old->command('GET', 'k'), 3, 'the new replica';
        next if $sentinels == 1;
        $new->kill9;
        $watched->wait_switched($old);
        is $watched->master, $old, 'what they find out by themselves';
    }
};

# What a process of its own starts ends with it, however that ends.
subtest 'nothing is left behind' => sub {
    for my $end (['falls out of scope', sub { }], ['dies', sub { die "on purpose\n" }],
        ['is killed', sub { kill 'KILL', $$ }]) {
        my ($what, $code) = @$end;
        pipe my $read, my $write or die "pipe: $!";
        my $test = fork // die "fork: $!";
        if (!$test) {
            my $own = Gatehouse::Redis->new->start;
            syswrite $write, $own->pid . ' ' . $redis->pid;
            eval { $code->() };
            undef $own;
            undef $redis;
            POSIX::_exit(0);
        }
        close $write;
        my ($own, $mine) = split ' ', <$read>;
        waitpid $test, 0;
        $redis->until(sub { !running($own) }, 'end');
        ok running($mine), "$what: the server of another process stays";
    }
};

# Its parent may never wait for it: then it is a zombie.
sub running ($pid) {
    open my $status, '<', "/proc/$pid/status" or return 0;
    return !grep { /^State:\s+Z/ } <$status>;
}

done_testing;
