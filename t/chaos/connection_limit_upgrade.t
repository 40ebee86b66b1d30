# connection_limit and the exchange of the nginx binary: both binaries count in the same memory, and
# what the one holds that goes is given back, whichever that is.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Load;
use Test::More;

my $most    = 8;
my $brimful = join ' ', (200) x $most, 503;
my $banned  = '127.0.0.5';

sub site ($size = '1m') { return <<"END" }
connection_limit_zone \$binary_remote_addr zone=accepted:1m;
connection_limit_zone \$binary_remote_addr zone=connections:1m;
connection_limit_zone \$binary_remote_addr zone=requests:$size;
connection_limit_zone \$binary_remote_addr zone=banned:1m;
connection_limit_log_level info;
server {
    listen 127.0.0.1:\$PORT;
    root \$PREFIX/html;
    connection_limit_accept zone=accepted max=1000 handshake=1000;
    location = /free { try_files /index.html =404; }
    location = /counted {
        connection_limit zone=connections max=1000;
        connection_limit zone=requests max=1000 by=request;
        try_files /index.html =404;
    }
    location = /slow {
        connection_limit zone=connections max=1000;
        connection_limit zone=requests max=$most by=request;
        limit_rate 1k;
        try_files /large =404;
    }
    location = /banned {
        connection_limit zone=banned max=1 by=request;
        connection_limit_ban zone=banned after=1/1h for=1h;
        limit_rate 1k;
        try_files /large =404;
    }
}
END

# With a banned address, and no leases.
sub crowd () {
    my $crowd = Gatehouse::Crowd->new(site(), daemon => 1);
    $crowd->nginx->file('html/large', 'x' x 1_000_000);
    $crowd->start;
    my $client = $crowd->connect($banned)->send($crowd->get('/banned'));
    is $client->status, 200, 'one request';
    is $crowd->status('/banned', $banned), 503, 'a second one brings a ban';
    $client->leave;
    $crowd->check_held('nothing is held', sub { return { $crowd->truth->%*, banned => 0 } });
    return $crowd;
}

sub downloads ($crowd, $count) {
    my @statuses;
    for (1 .. $count) {
        my $client = $crowd->connect('127.0.0.2')->send($crowd->get('/slow'));
        push @statuses, $client->status;
        $client->{headed} = 1;
        $statuses[-1] eq '200' ? @$client{qw(counted requests)} = (1, 1) : $client->leave;
    }
    return "@statuses";
}

sub holds ($crowd, $name) {
    $crowd->check_held($name, sub { $crowd->truth });
    return $crowd->check_sockets($name);
}

sub still_banned ($crowd, $when) {
    is $crowd->status('/banned', $banned), 503, "$when: the ban holds";
    return is_deeply [map { $_->{key} } $crowd->report->{banned}{bans}->@*], [$banned], "$when: and is listed";
}

# A second master beside the first, with workers of its own. Its process id.
sub exchange ($crowd) {
    my $nginx = $crowd->nginx;
    $nginx->signal('USR2');
    $nginx->until(sub { -s $nginx->file('nginx.pid.oldbin') && -s $nginx->file('nginx.pid') }, 'new master');
    my $new = slurp($nginx->file('nginx.pid')) + 0;
    $nginx->until(sub { Gatehouse::Crowd::serving($new) == 2 }, 'new workers');
    return $new;
}

sub is_over ($crowd, $master) {
    return $crowd->nginx->until(sub { Gatehouse::Crowd::is_gone($master) }, "end of $master");
}

# Connections are for new workers only as long as the others accept none.
sub rest ($crowd) {
    my $old = $crowd->nginx->{pid};
    $crowd->nginx->signal('WINCH');
    return $crowd->nginx->until(sub { !Gatehouse::Crowd::serving($old) }, 'workers that drain');
}

# With no alarm but those.
sub ends ($crowd, $alarms = qr/^$/) {
    $_->leave for $crowd->open;
    holds($crowd, 'all has been given back');
    is downloads($crowd, $most + 1), $brimful, 'and can be held again';
    $crowd->stop;
    is_deeply [grep { !/$alarms/ } $crowd->alarms], [], 'no alarm';
    return;
}

subtest 'an upgrade' => sub {
    my $crowd = crowd();
    my $load  = Gatehouse::Load->start($crowd->port, ['/free']);
    is downloads($crowd, 3), '200 200 200', 'three downloads of the old binary';
    my $old = $crowd->nginx->{pid};
    my $new = exchange($crowd);
    rest($crowd);
    my $counts = $load->stop->{counts};
    is_deeply [keys %$counts], ['/free 200'], 'no request fails' or diag explain $counts;

    holds($crowd, 'both binaries are there');
    still_banned($crowd, 'both');
    is downloads($crowd, 6), '200 200 200 200 200 503', 'room for five in the new one';
    holds($crowd, 'old and new');
    ($crowd->open)[0]->reset;
    holds($crowd, 'one of the old ones has gone');
    is downloads($crowd, 2), '200 503', 'and made room for one';

    $_->leave for ($crowd->open)[0, 1];
    $crowd->nginx->signal('QUIT');
    is_over($crowd, $old);
    $crowd->nginx->{pid} = $new;
    holds($crowd, 'the old binary is gone');
    is downloads($crowd, 3), '200 200 503', 'and all that it held';
    still_banned($crowd, 'new');
    $crowd->reload;
    holds($crowd, 'the new binary reloads');
    still_banned($crowd, 'after that');
    ends($crowd);
};

# The workers of both binaries have the same places in the tables of their masters.
subtest 'workers of either binary are killed' => sub {
    my $crowd = crowd();
    is downloads($crowd, 3), '200 200 200', 'three downloads of the old binary';
    my $old = $crowd->nginx->{pid};
    my $new = exchange($crowd);
    holds($crowd, 'the new workers have taken nothing away');
    $crowd->kill_workers(Gatehouse::Crowd::serving($old));
    holds($crowd, 'the old workers were killed');
    is downloads($crowd, 4), '200 200 200 200', 'four downloads, of any of both';
    holds($crowd, 'before');
    $crowd->nginx->{pid} = $new;
    $crowd->kill_workers(Gatehouse::Crowd::serving($new));
    holds($crowd, 'the new workers were killed');
    $crowd->nginx->{pid} = $old;
    rest($crowd);
    $crowd->nginx->{pid} = $new;
    is downloads($crowd, 1), '200', 'one of the new binary';
    holds($crowd, 'those that drain and the new ones');
    $_->leave for $crowd->open;
    kill QUIT => $old;
    is_over($crowd, $old);
    ends($crowd);
};

# Any of them may die with the lock of a zone that both masters' workers share.
subtest 'kills under load' => sub {
    my $crowd = crowd();
    my $old   = $crowd->nginx->{pid};
    my $new   = exchange($crowd);
    my $load  = Gatehouse::Load->start($crowd->port, ['/counted']);
    for my $round (1 .. 30) {
        $crowd->nginx->{pid} = ($old, $new)[$round % 2];
        $crowd->kill_workers((Gatehouse::Crowd::serving($crowd->nginx->{pid}))[$round % 3 == 0]);
    }
    my $counts = $load->stop->{counts};
    is_deeply [grep { !/ (?:200|none)$/ } keys %$counts], [], 'nobody is refused' or diag explain $counts;
    cmp_ok $counts->{'/counted 200'}, '>', 30, 'and they are served';
    holds($crowd, 'nothing is held');
    kill QUIT => $old;
    is_over($crowd, $old);
    $crowd->nginx->{pid} = $new;
    ends($crowd);
};

subtest 'the way back' => sub {
    my $crowd = crowd();
    is downloads($crowd, 3), '200 200 200', 'three downloads of the old binary';
    my $old = $crowd->nginx->{pid};
    my $new = exchange($crowd);
    rest($crowd);
    is downloads($crowd, 2), '200 200', 'two of the new one';
    holds($crowd, 'old and new');

    # The old master's workers come back, and the new one is sent away: its downloads come to an end.
    $crowd->nginx->signal('HUP');
    $crowd->nginx->until(sub { Gatehouse::Crowd::serving($old) == 2 }, 'workers of the old binary');
    holds($crowd, 'old, new and old again');
    $_->leave for ($crowd->open)[3, 4];
    kill QUIT => $new;
    is_over($crowd, $new);
    holds($crowd, 'the new binary is gone');
    is downloads($crowd, 6), '200 200 200 200 200 503', 'room for all but three';
    still_banned($crowd, 'old');
    $crowd->nginx->until(sub { -s $crowd->nginx->file('nginx.pid') }, 'name of the pid file');
    exchange($crowd);
    rest($crowd);
    holds($crowd, 'another try');
    is downloads($crowd, 1), 503, 'counts on what it finds';
    ends($crowd);
};

# As with a reload: the new binary begins with memory of its own, and the old one has kept its own.
subtest 'another size' => sub {
    my $crowd = crowd();
    is downloads($crowd, 3), '200 200 200', 'three downloads of the old binary';
    my $old = $crowd->nginx->{pid};
    $crowd->configure(site('2m'));
    my $new = exchange($crowd);
    rest($crowd);
    is $crowd->held('requests')->{requests}, 0, 'nothing is held in the new zone';
    is $crowd->held('connections')->{connections}, 3, 'the others are shared';
    is downloads($crowd, 9), $brimful, 'as many downloads as may, of the new one';
    still_banned($crowd, 'new');
    $crowd->nginx->signal('HUP');
    $crowd->nginx->until(sub { Gatehouse::Crowd::serving($old) == 2 }, 'workers of the old binary');
    kill QUIT => $new;
    $crowd->nginx->until(sub { !Gatehouse::Crowd::serving($new) }, 'workers that drain');
    is $crowd->held('requests')->{requests}, 3, 'the old binary goes on with what it had';
    is downloads($crowd, 6), '200 200 200 200 200 503', 'and counts on';
    $_->leave for ($crowd->open)[3 .. 10];
    is_over($crowd, $new);
    holds($crowd, 'the new binary is gone');
    ends($crowd);
};

subtest 'a new binary that does not start' => sub {
    my $crowd = crowd();
    is downloads($crowd, 3), '200 200 200', 'three downloads';
    my $old = $crowd->nginx->{pid};
    $crowd->configure(site() . 'nonsense;');
    $crowd->nginx->signal('USR2');
    $crowd->nginx->until(sub { $crowd->nginx->log =~ /\[emerg\].*nonsense/ && !-e $crowd->nginx->file('nginx.pid.oldbin') },
        'end of the new binary');
    holds($crowd, 'the old one goes on');
    is downloads($crowd, 6), '200 200 200 200 200 503', 'and counts';
    still_banned($crowd, 'old');
    $crowd->configure(site());
    my $new = exchange($crowd);
    rest($crowd);
    holds($crowd, 'the next one finds everything');
    is downloads($crowd, 1), 503, 'as it was';
    $_->leave for $crowd->open;
    kill QUIT => $old;
    is_over($crowd, $old);
    $crowd->nginx->{pid} = $new;
    ends($crowd, qr/nonsense/);
};

# What dies with its master and workers at once is given back by the other binary.
subtest 'the new binary is killed' => sub {
    my $crowd = crowd();
    is downloads($crowd, 3), '200 200 200', 'three downloads of the old binary';
    my $old = $crowd->nginx->{pid};
    my $new = exchange($crowd);
    rest($crowd);
    is downloads($crowd, 5), '200 200 200 200 200', 'five of the new one';
    $crowd->nginx->signal('HUP');
    $crowd->nginx->until(sub { Gatehouse::Crowd::serving($old) == 2 }, 'workers of the old binary');
    my @killed = ($new, Gatehouse::Crowd::serving($new));
    kill KILL => @killed;
    is_over($crowd, $_) for @killed;
    holds($crowd, 'only the old binary holds something');
    is downloads($crowd, 6), '200 200 200 200 200 503', 'room for five';
    still_banned($crowd, 'old');
    ends($crowd);
};

done_testing;
