# connection_limit_accept under floods from one address: ten thousand headers that never end, two
# thousand handshakes that go no further. Ten of each stay, the others end before anything is done
# for them, and clients from elsewhere are served all the while. Beside it a stock nginx with
# limit_conn, which sees nothing of all that.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use Gatehouse::Crowd::Flood;
use Test::More;

my $handshakes = 10;
my ($headers, $hellos) = (10_000, 2_000);
my ($attacker, $other) = ('127.0.0.9', '127.0.0.2');

my $server = <<'END';
server {
    listen 127.0.0.1:$PORT backlog=4096;
    listen 127.0.0.1:$PORT1 ssl backlog=4096;
    ssl_certificate     CERTIFICATE;
    ssl_certificate_key KEY;
    client_header_timeout 10m;
    keepalive_timeout 10m;
    LIMIT
    location / { try_files /index.html =404; }
}
END

# Workers with room for all of them.
sub crowd ($modules, $http, $limit) {
    my $crowd = Gatehouse::Crowd->new('', modules => $modules, connections => 16_384,
        main => 'worker_rlimit_nofile 16500;', events => 'multi_accept on;');
    my ($certificate, $key) = $crowd->certificate;
    $crowd->configure($http . $server =~ s/CERTIFICATE/$certificate/r =~ s/KEY/$key/r =~ s/LIMIT/$limit/r);
    return $crowd->start;
}

# So many connections of the attacker that send $text and wait. After every five hundredth another
# client asks. What they were sent, once nginx has done with all: how many have which of "nothing",
# "closed" and "handshake".
sub flood ($crowd, $number, $count, $text, $done) {
    my $flood = Gatehouse::Crowd::Flood->start($attacker, $crowd->port($number), $text);
    my @statuses;
    for (1 .. $count / 500) {
        $flood->more(500);
        push @statuses, map { $crowd->status('/', $_) } $other, '127.0.0.3';
    }
    is_deeply [grep { $_ ne '200' } @statuses], [], 'others are served all the while';
    my $seen;
    $crowd->nginx->until(sub { $seen = $flood->seen; $done->($seen) }, 'end of a flood');
    return ($seen, $flood);
}

sub over ($crowd, $flood) {
    $flood->stop;
    return $crowd->nginx->until(sub { $crowd->sockets($attacker) == 0 }, 'end of all connections');
}

# All of a header but its end.
my $half_header = "GET / HTTP/1.1\r\nHost: localhost\r\n";
my $hello       = Gatehouse::Crowd::Client::hello();

subtest 'connection_limit_accept' => sub {
    my $crowd = crowd(['connection_limit'], 'connection_limit_zone $binary_remote_addr zone=address:1m;',
        "connection_limit_accept zone=address max=1000 handshake=$handshakes;");
    my $refused = 0;
    for (['headers', 0, $headers, $half_header, 'nothing'], ['handshakes', 1, $hellos, $hello, 'handshake']) {
        my ($what, $number, $count, $text, $answer) = @$_;
        my ($seen, $flood) = flood($crowd, $number, $count, $text,
            sub ($seen) { ($seen->{closed} // 0) == $count - $handshakes && ($seen->{$answer} // 0) == $handshakes });
        is_deeply $seen, { closed => $count - $handshakes, $answer => $handshakes },
            "$what: ten stay, and nobody else was sent a byte";
        $crowd->check_sockets($what, $handshakes, $attacker);
        $crowd->check_held("$what: and so does the zone", sub { return { address => 2 * $handshakes } });
        $refused += $count - $handshakes;
        is $crowd->total('address', 'handshake_refused'), $refused, "$what: all others are counted";
        is $crowd->status('/', $other), 200, "$what: others are still served";
        over($crowd, $flood);
        $crowd->check_held("$what: all is given back", sub { return { address => 0 } });
        is $crowd->status('/', $attacker), 200, "$what: the address may come again";
    }
    my @lines = grep { /limiting handshakes/ } split /\n/, $crowd->nginx->log;
    cmp_ok scalar @lines, '>', 0, 'the log says so';
    cmp_ok scalar @lines, '<', 100, 'and is not full of it';
    is $crowd->stop, 0, 'nginx ends by itself';
    is_deeply [$crowd->alarms], [], 'and has raised no alarm';
};

subtest 'limit_conn' => sub {
    my $files = `sh -c 'ulimit -Hn'`;
    plan skip_all => 'needs more open files than this user may have' if $> && $files =~ /^\d/ && $files < 16_500;
    my $crowd = crowd([], 'limit_conn_zone $binary_remote_addr zone=address:1m;', "limit_conn address $handshakes;");
    for (['headers', 0, $headers, $half_header, 'nothing'], ['handshakes', 1, $hellos, $hello, 'handshake']) {
        my ($what, $number, $count, $text, $answer) = @$_;
        my ($seen, $flood) = flood($crowd, $number, $count, $text,
            sub ($seen) { ($seen->{$answer} // 0) == $count && $crowd->sockets($attacker) == $count });
        is_deeply $seen, { $answer => $count }, "$what: all stay";
        $crowd->check_sockets($what, $count, $attacker);
        is $crowd->status('/', $attacker), 200, "$what: and the address is not over the limit";
        over($crowd, $flood);
    }
    is $crowd->stop, 0, 'nginx ends by itself';
    is_deeply [$crowd->alarms], [], 'and has raised no alarm';
};

done_testing;
