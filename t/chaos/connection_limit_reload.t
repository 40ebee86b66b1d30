# connection_limit and nginx's reload: counts are those of old and new workers together, whatever
# happens meanwhile, and bans are kept. The exchange of the binary: connection_limit_upgrade.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use Gatehouse::Jose::Keys 'slurp';
use Test::More;

my $most    = 8;
my $brimful = join ' ', (200) x $most, 503;
my $crowd   = Gatehouse::Crowd->new(site());
$crowd->nginx->file('html/large', 'x' x 1_000_000);
$crowd->start;

# The zones of connections and requests may be others, and `max` of requests. One refusal of /banned brings a ban.
sub site (%other) {
    my $max  = delete $other{max} // $most;
    my %zone = (connections => '$binary_remote_addr zone=connections:1m',
        requests => '$binary_remote_addr zone=requests:1m', %other);
    return <<"END";
connection_limit_zone \$binary_remote_addr zone=accepted:1m;
connection_limit_zone $zone{connections};
connection_limit_zone $zone{requests};
connection_limit_zone \$binary_remote_addr zone=banned:1m;
connection_limit_log_level info;
server {
    listen 127.0.0.1:\$PORT;
    root \$PREFIX/html;
    connection_limit_accept zone=accepted max=1000 handshake=1000;
    location = /connection { connection_limit zone=connections max=$most; try_files /index.html =404; }
    location = /slow {
        connection_limit zone=connections max=1000;
        connection_limit zone=requests max=$max by=request;
        limit_rate 1k;
        try_files /large =404;
    }
    location = /banned {
        connection_limit zone=banned max=1 by=request;
        connection_limit_ban zone=banned after=1/1h for=1h;
        limit_rate 1k;
        try_files /large =404;
    }
    location = /free { try_files /index.html =404; }
}
END
}

# A client whose download goes on, and the status.
sub download ($address = '127.0.0.2') {
    my $client = $crowd->connect($address)->send($crowd->get('/slow'));
    my $status = $client->status;
    $client->{headed} = 1;
    $status eq '200' ? @$client{qw(counted requests)} = (1, 1) : $client->leave;
    return $status;
}

# A client that keeps its connection, and the status.
sub stay ($address = '127.0.0.2') {
    my $client = $crowd->connect($address)->send($crowd->head('/connection'));
    my $status = $client->status;
    $client->{headed} = 1;
    $status eq '200' ? $client->{counted} = 1 : $client->leave;
    return $status;
}

sub repeated ($count, $do) { return join ' ', map { $do->() } 1 .. $count }
sub all_leave ()        { $_->leave for $crowd->open; return }
sub holds ($name)       { return $crowd->check_held($name, sub { $crowd->truth }) }

# No client is left, and no old worker.
sub clear () {
    all_leave();
    holds('all has been given back');
    return $crowd->nginx->until(sub { $crowd->nginx->workers == 2 }, 'end of the old workers');
}

# What the master has mapped for all its children, and what it has open.
sub mappings () { return scalar(() = slurp("/proc/$crowd->{nginx}{pid}/maps") =~ / rw-s /g) }
sub files ()    { return scalar(() = glob "/proc/$crowd->{nginx}{pid}/fd/*") }

sub emergencies () { return scalar(() = $crowd->nginx->log =~ /\[emerg\]/g) }

subtest 'old and new count together' => sub {
    is repeated(3, \&download), '200 200 200', 'three downloads';
    is repeated(2, \&stay), '200 200', 'two idle connections';
    $crowd->connect('127.0.0.2')->send("HEAD /connection HTTP/1.1\r\n");
    holds('before');
    $crowd->reload;
    holds('old workers drain');
    is repeated(6, \&download), '200 200 200 200 200 503', 'room for five more';
    holds('old and new');
    $crowd->reload;
    is $crowd->status('/slow', '127.0.0.2'), 503, 'three generations';
    holds('three generations hold what two have held');
    my ($first) = $crowd->open;
    $first->reset;
    holds('one of the first has gone');
    is repeated(2, \&download), '200 503', 'and made room for one';
    clear();
    is repeated(9, \&stay), $brimful, 'room for all';
    clear();
};

# Signals may come faster than nginx takes them, so that some reloads are one.
subtest 'a storm of reloads' => sub {
    my @statuses;
    for (1 .. 20) {
        push @statuses, download('127.0.0.3') if @statuses < $most;
        stay('127.0.0.4');
        $crowd->nginx->signal('HUP');
        download("127.0.0.$_") for 10 .. 11;
    }
    $crowd->reload;
    is "@statuses", join(' ', (200) x $most), 'as many as may';
    is download('127.0.0.3'), 503, 'and no more, wherever they are';
    holds('all generations');
    $crowd->check_sockets('all generations');
    clear();
    is_deeply $crowd->held(qw(accepted connections requests banned)),
        { map { ($_ => 0) } qw(accepted connections requests banned) }, 'nothing is held';
};

subtest 'a draining worker is killed' => sub {
    is repeated(4, \&download), '200 200 200 200', 'four downloads';
    my @draining = $crowd->nginx->workers;
    $crowd->reload;
    is repeated(4, sub { download('127.0.0.3') }), '200 200 200 200', 'four of the new workers';
    kill KILL => @draining;
    $crowd->nginx->until(sub { !grep { !Gatehouse::Crowd::is_gone($_) } @draining }, 'end of them');
    # They have no successors: other workers notice that they are gone.
    my $seconds = holds('the old ones have lost what they held, the new ones not');
    note sprintf 'after %.0f ms', 1000 * $seconds;
    is repeated(9, \&download), $brimful, 'all can be held again';
    clear();
};

subtest 'bans are kept' => sub {
    my ($banned, $other) = ('127.0.0.5', '127.0.0.6');
    my $client = $crowd->connect($banned)->send($crowd->get('/banned'));
    is $client->status, 200, 'one request';
    is $crowd->status('/banned', $banned), 503, 'a second one is refused';
    $client->leave;
    $crowd->nginx->until(sub { $crowd->held('banned')->{banned} == 0 }, 'end of the request');
    is $crowd->status('/banned', $banned), 503, 'and now all are';
    for (1 .. 3) {
        $crowd->reload;
        is $crowd->status('/banned', $banned), 503, 'as after a reload';
        is $crowd->status('/banned', $other), 200, 'where others are served';
        is_deeply [map { $_->{key} } $crowd->report->{banned}{bans}->@*], [$banned], 'and the ban is listed';
    }
    clear();
};

subtest 'another max applies to what is held' => sub {
    is repeated(5, \&download), '200 200 200 200 200', 'five downloads';
    $crowd->configure(site(max => 3));
    $crowd->reload;
    is download(), 503, 'three may be now';
    $_->leave for ($crowd->open)[0 .. 2];
    holds('three have gone');
    is repeated(2, \&download), '200 503', 'one may come';
    $crowd->configure(site());
    $crowd->reload;
    is repeated(6, \&download), '200 200 200 200 200 503', 'eight again';
    clear();
};

# Old workers go on with the memory that they had.
subtest 'another key or size: afresh' => sub {
    my %other = (
        'another size'   => [requests => '$binary_remote_addr zone=requests:2m'],
        'another key'    => [requests => '$binary_remote_addr$uri zone=requests:1m'],
        'another prefix' => [requests => '$binary_remote_addr zone=requests:1m ipv6_prefix=56'],
    );
    for my $what (sort keys %other) {
        is repeated(9, \&download), $brimful, "$what: full before";
        my @old = $crowd->open;
        $crowd->configure(site($other{$what}->@*));
        $crowd->reload;
        is $crowd->held('requests')->{requests}, 0, "$what: the new zone holds nothing";
        is $crowd->held('connections')->{connections}, $most, "$what: while others go on";
        is repeated(9, \&download), $brimful, "$what: as many again";
        $_->leave for @old;
        $crowd->nginx->until(sub { $crowd->nginx->workers == 2 }, 'end of the old workers');
        holds("$what: without the old ones the truth again");
        is download(), 503, "$what: they have taken nothing along that was not theirs";

        $_->{requests} = 0 for $crowd->open;    # not in the zone that follows
        $crowd->configure(site());
        $crowd->reload;
        holds("$what: and back, afresh again");
        is download(), 200, "$what: there is room";
        clear();
    }
    is emergencies(), 0, 'no reload has failed';
};

subtest 'memory is given back' => sub {
    my ($mappings, $files) = (mappings(), files());
    for my $size (qw(2m 1m 4m 1m)) {
        $crowd->configure(site(requests => "\$binary_remote_addr zone=requests:$size"));
        $crowd->reload for 1 .. 3;
    }
    clear();
    is mappings(), $mappings, 'there are as many zones as before';
    is files(), $files, 'and as many open files';
};

subtest 'a reload with a mistake changes nothing' => sub {
    is repeated(3, \&download), '200 200 200', 'three downloads';
    my @workers = $crowd->nginx->workers;
    $crowd->configure(site(requests => '$binary_remote_addr zone=requests:2m',
        connections => '$binary_remote_addr zone=connections:1m nonsense'));
    $crowd->nginx->signal('HUP');
    $crowd->nginx->until(sub { emergencies() > 0 }, 'message');
    is_deeply [$crowd->nginx->workers], \@workers, 'the workers are the same';
    is repeated(6, \&download), '200 200 200 200 200 503', 'and the counts';
    $crowd->configure(site());
    $crowd->reload;
    is download(), 503, 'and the next reload keeps them';
    holds('the truth');
    clear();
};

is $crowd->stop, 0, 'nginx ends by itself';
is_deeply [grep { !/nonsense/ } $crowd->alarms], [], 'and has raised no alarm';

done_testing;
