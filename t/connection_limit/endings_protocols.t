# What upgraded connections, streams of HTTP/2 and TLS held is returned, however they end.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Redis::Tls 'certificate';
use Gatehouse::Wire qw(h2_start h2_get h2_reset);
use Test::More;

my $site = Gatehouse::Connections->new(ports => 3);
my $server = certificate('server');
$site->file('places', <<'END' =~ s{HOLD}{'http://unix:' . $site->file('hold.sock')}ger);
connection_limit zone=connections max=5;
connection_limit zone=requests max=5 by=request;
location = /t    { try_files /index.html =404; }
location = /hold { proxy_pass HOLD; }
location = /socket {
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_pass HOLD;
}
END
$site->configure(<<"END", workers => 1)->start;
connection_limit_zone \$binary_remote_addr zone=connections:1m;
connection_limit_zone \$binary_remote_addr zone=requests:1m;
connection_limit_zone \$binary_remote_addr zone=accepted:1m;
server {
    listen 127.0.0.1:PORT0;
    include places;
}
server {
    listen 127.0.0.1:PORT1 http2;
    keepalive_requests 7;
    lingering_timeout 100ms;
    include places;
}
server {
    listen 127.0.0.1:PORT2 ssl;
    ssl_certificate $server->{certificate};
    ssl_certificate_key $server->{key};
    connection_limit_accept zone=accepted max=5 handshake=4;
    include places;
}
END

sub is_full ($from, $connections, $requests) {
    is $site->held(connections => $from), $connections, 'connections';
    is $site->held(requests => $from), $requests, 'requests';
    is $site->status_from($from, '/t'), 503, 'one more is refused';
    is $site->status_from($from =~ s/\A127\.3/127.4/r, '/t'), 200, 'another address is served';
    return;
}
sub is_empty ($from) {
    $site->until_held($_ => $from, 0) for qw(connections requests);
    return is $site->status_from($from, '/t'), 200, 'there is room again';
}

my @upgrade = ('Connection: upgrade', 'Upgrade: websocket');
sub upgraded ($from) {
    my $client = $site->hold($from, '/socket', @upgrade);
    $client->asked->send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello");
    like $client->take_head, qr{\AHTTP/1\.1 101 }, 'upgraded';
    is $client->take(5), 'hello', 'the upstream speaks';
    $client->send('hello');
    is $client->asked->take(5), 'hello', 'and the client';
    return $client;
}
my %close = (
    'the client leaves'   => sub ($client) { $client->leave },
    'the client resets'   => sub ($client) { $client->reset },
    'the upstream leaves' => sub ($client) { $client->asked->leave },
    'both leave'          => sub ($client) { $client->asked->leave; $client->leave },
);
my $number = 0;
for my $name (sort keys %close) {
    subtest "WebSocket: $name" => sub {
        my $from    = '127.3.1.' . ++$number;
        my @clients = map { upgraded($from) } 1 .. 5;
        is_full($from, 5, 5);
        $close{$name}->($_) for @clients;
        is_empty($from);
        $_->leave for @clients;
    };
}
subtest 'WebSocket: refused by the upstream' => sub {
    my @clients = map { $site->hold('127.3.1.9', '/socket', @upgrade) } 1 .. 5;
    is_full('127.3.1.9', 5, 5);
    $_->asked->answer(403, 'no') for @clients;
    is $_->response->{status}, 403, 'refused' for @clients;
    $site->until_held(requests => '127.3.1.9', 0);
    is $site->held(connections => '127.3.1.9'), 5, 'they are still connections';
    $_->leave for @clients;
    is_empty('127.3.1.9');
};

# One connection with five streams that wait for the upstream.
sub streams ($from) {
    my $client = $site->connect($from, h2_start(), $site->port(1));
    my @asked;
    for my $stream (1, 3, 5, 7, 9) {
        $client->send(h2_get($stream, '/hold'));
        push @asked, $site->upstream->next_request;
    }
    is $site->held(connections => $from), 1, 'a connection';
    is $site->held(requests => $from), 5, 'of five requests';
    return ($client, @asked);
}
sub goaway () { return Gatehouse::Wire::h2_frame(7, 0, 0, pack 'NN', 0, 0) }

# DATA on no stream: an error of the connection, RFC 9113, section 6.1.
sub nonsense () { return Gatehouse::Wire::h2_frame(0, 0, 0, 'data') }

# Until nginx closes: whether a GOAWAY came.
sub says_goaway ($client) {
    my $said = 0;
    while (1) {
        while (length $client->{buffer} < 9) { $client->more or return $said }
        my ($length, $type) = unpack 'N C', "\0" . $client->take(9);
        while (length $client->{buffer} < $length) { $client->more or return $said }
        $client->take($length);
        $said ||= $type == 7;
    }
}

my %end = (
    'RST_STREAM' => sub ($client, @asked) {
        my $from = $client->{socket}->sockhost;
        $client->send(h2_reset(1) . h2_reset(9));
        $site->until_held(requests => $from, 3);
        $client->send(h2_get(11, '/t'));
        is_deeply [$client->h2_response], [11, 1], 'there is room for another stream';
        $client->send(h2_reset($_)) for 3, 5, 7;
        $site->until_held(requests => $from, 0);
        is $site->held(connections => $from), 1, 'the connection is there';
        $client->leave;
    },
    'streams that end' => sub ($client, @asked) {
        $_->answer(200, 'done') for @asked;
        is_deeply { map { $client->h2_response } @asked }, { map { ($_ => 1) } 1, 3, 5, 7, 9 }, 'answered';
        $client->leave;
    },
    'GOAWAY of the client' => sub ($client, @asked) { $client->send(goaway())->leave },
    'GOAWAY of nginx: an error' => sub ($client, @asked) {
        ok says_goaway($client->send(nonsense())), 'GOAWAY';
    },
    'GOAWAY of nginx: enough requests' => sub ($client, @asked) {
        $client->send(h2_get(11, '/none') . h2_get(13, '/none'));
        $_->answer(200, 'done') for @asked;
        ok says_goaway($client), 'GOAWAY';
    },
    'the client leaves' => sub ($client, @asked) { $client->leave },
    'the client resets' => sub ($client, @asked) { $client->reset },
);
for my $name (sort keys %end) {
    subtest "HTTP/2: $name" => sub {
        my $from = '127.3.2.' . ++$number;
        my ($client, @asked) = streams($from);
        is $site->status_from($from, '/t'), 503, 'one more request is refused';
        $end{$name}->($client, @asked);
        is_empty($from);
        $client->leave;
        $_->leave for @asked;
    };
}

# TLS: connection_limit has nothing to count before there is a request, connection_limit_accept has.
my $hello  = Gatehouse::Connections::client_hello();
my %halves = (
    'nothing'               => '',
    'garbage'               => "\0" x 4,
    'half a ClientHello'    => substr($hello, 0, length($hello) / 2),
    'a ClientHello'         => $hello,
    'a ClientHello and some' => $hello . "\x16\x03\x03",
);
for my $name (sort keys %halves) {
    subtest "TLS cut in the handshake: $name" => sub {
        my $from = '127.3.3.' . ++$number;
        for my $end (qw(leave reset)) {
            my @clients = map { $site->connect($from, $halves{$name}, $site->port(2)) } 1 .. 4;
            ok $site->connect($from, $hello, $site->port(2))->is_refused, 'one more is refused';
            $_->$end for @clients;
            $site->until(sub {
                my $client = $site->connect_tls($from, Gatehouse::Wire::get('/t', undef, 'Connection: close'), $site->port(2));
                my $served = $client->more;
                $client->reset;
                return $served;
            }, 'room for a handshake');
        }
    };
}
subtest 'TLS' => sub {
    my $from    = '127.3.4.1';
    my @clients;
    for (1 .. 5) {
        push @clients, $site->connect_tls($from, Gatehouse::Wire::get('/t'), $site->port(2));
        is $clients[-1]->response->{status}, 200, 'served';
    }
    is $site->held(connections => $from), 5, 'connections';
    ok $site->connect($from, $hello, $site->port(2))->is_refused, 'the sixth is refused';
    $clients[0]->leave;
    $_->reset for @clients[1 .. 4];
    $site->until_held(connections => $from, 0);
    is $site->status_from($from, '/t'), 200, 'there is room again';
};

$site->until(sub { $site->report->{accepted}{leases}{held} == 0 }, 'end of all that were accepted');
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
