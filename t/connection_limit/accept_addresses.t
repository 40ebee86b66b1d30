# Whose connections connection_limit_accept counts: per listening address, of all servers on it; not
# those of trusted proxies, of unix sockets, or where the PROXY protocol is spoken.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Socket ();
use Test::More;

my $site   = Gatehouse::Connections->new(ports => 7);
my $places = 'location = /t { try_files /index.html =404; }';
$site->configure(<<"END", workers => 1)->start;
connection_limit_zone \$binary_remote_addr zone=shared:1m;
connection_limit_zone \$binary_remote_addr zone=union:1m;
connection_limit_zone \$binary_remote_addr zone=other:1m;
connection_limit_zone \$binary_remote_addr zone=single:1m;
connection_limit_zone \$binary_remote_addr zone=proxied:1m;
connection_limit_zone \$binary_remote_addr zone=requests:1m;
connection_limit_zone \$binary_remote_addr zone=trusting:1m;
connection_limit_zone \$binary_remote_addr zone=unix:1m;
connection_limit_zone \$binary_remote_addr zone=wildcard:1m;
keepalive_requests 10000;
large_client_header_buffers 4 16k;

# One server on several sockets.
server {
    listen 127.0.0.1:PORT0;
    listen 127.0.0.2:PORT0;
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=shared max=3;
    $places
}

# Several servers on one socket.
server { listen 127.0.0.1:PORT2; server_name a; connection_limit_accept zone=union max=3 handshake=3; $places }
server { listen 127.0.0.1:PORT2; server_name b; connection_limit_accept zone=union max=5 handshake=2; $places }
server { listen 127.0.0.1:PORT2; server_name c; connection_limit_accept zone=other max=4; $places }
server { listen 127.0.0.1:PORT2; server_name d; $places }

# Several addresses of one port.
server { listen 127.0.0.1:PORT3; connection_limit_accept zone=single max=1; $places }
server { listen 127.0.0.2:PORT3; connection_limit_accept zone=single max=2; $places }
server { listen 127.0.0.3:PORT3; $places }

# One socket for all addresses, of which one has servers of its own.
server { listen PORT6; connection_limit_accept zone=wildcard max=2; $places }
server { listen 127.0.0.1:PORT6; connection_limit_accept zone=wildcard max=1; $places }
server { listen 127.0.0.3:PORT6; $places }

# Proxies.
server {
    listen 127.0.0.1:PORT4 proxy_protocol;
    listen 127.0.0.2:PORT4;
    connection_limit_accept zone=proxied max=1;
    connection_limit zone=requests max=2;
    real_ip_header proxy_protocol;
    set_real_ip_from 127.10.4.0/24;
    $places
}
server {
    listen 127.0.0.1:PORT5;
    connection_limit_accept zone=trusting max=1;
    connection_limit zone=requests max=2;
    $places
}
server {
    listen 127.0.0.1:PORT5;
    server_name trusts;
    set_real_ip_from 127.10.5.1;
    $places
}
server {
    listen 127.0.0.1:PORT5;
    server_name trusts.too;
    set_real_ip_from 127.10.5.2/31;
    real_ip_header X-Forwarded-For;
    connection_limit zone=requests max=2;
    $places
}

server {
    listen unix:\$PREFIX/nginx.sock;
    connection_limit_accept zone=unix max=1 handshake=1 rate=1r/s;
    connection_limit zone=unix max=1;
    location = /t { try_files /index.html =404; }
    location = /r { connection_limit zone=unix max=1 by=request; try_files /index.html =404; }
}
END

sub at ($host, $number) { return "127.0.0.$host:" . $site->port($number) }

# A connection with a request behind it, and whatever comes before that.
sub idle ($to, $from, $host = 'localhost', $first = '', @lines) {
    my $client = $site->connect($from, $first . Gatehouse::Wire::get('/t', undef, @lines) =~ s/localhost/$host/r, $to);
    is $client->response->{status}, 200, "$from is served";
    return $client;
}
sub refused ($to, $from) { return ok $site->connect($from, '', $to)->is_refused, "$from is refused" }
sub leave (@clients) {
    $_->leave for @clients;
    return;
}

subtest 'several sockets of a server, one zone' => sub {
    my @places  = (at(1, 0), at(2, 0), at(1, 1));
    my @clients = map { idle($_, '127.10.1.1') } @places;
    refused($_, '127.10.1.1') for @places;
    push @clients, map { idle($_, '127.10.1.2') } @places;
    leave(@clients);
};

subtest 'several servers of a socket' => sub {
    my @silent = map { $site->connect('127.10.2.1', '', at(1, 2)) } 1, 2;
    refused(at(1, 2), '127.10.2.1');
    leave(@silent);
    my @clients = map { idle(at(1, 2), '127.10.2.2', $_) } qw(a b d);
    refused(at(1, 2), '127.10.2.2');
    leave(@clients);
};

subtest 'several addresses of a port' => sub {
    my @clients = idle(at(1, 3), '127.10.3.1');
    refused(at(1, 3), '127.10.3.1');
    push @clients, idle(at(2, 3), '127.10.3.1');
    refused(at(2, 3), '127.10.3.1');
    push @clients, map { idle(at(3, 3), '127.10.3.1') } 1 .. 4;
    leave(@clients);
};

subtest 'a socket for all addresses' => sub {
    my @clients = idle(at(1, 6), '127.10.8.1');
    refused(at(1, 6), '127.10.8.1');
    push @clients, idle(at(2, 6), '127.10.8.1');
    refused(at($_, 6), '127.10.8.1') for 2, 4;
    push @clients, map { idle(at(3, 6), '127.10.8.1') } 1 .. 4;
    leave(@clients);
};

# The PROXY protocol, versions 1 and 2 (without TLVs): TCP over IPv4 or IPv6.
sub proxy_v1 ($client) {
    my $family = $client =~ /:/ ? 'TCP6' : 'TCP4';
    my $server = $client =~ /:/ ? '::1'  : '127.0.0.1';
    return "PROXY $family $client $server 40000 80\r\n";
}
sub proxy_v2 ($client) {
    my $family = $client =~ /:/ ? Socket::AF_INET6 : Socket::AF_INET;
    my $addresses = join '', map { Socket::inet_pton($family, $_) } $client, $client;
    return "\r\n\r\n\0\r\nQUIT\n" . pack('C C n', 0x21, $client =~ /:/ ? 0x21 : 0x11, 4 + length $addresses)
        . $addresses . pack('n n', 40000, 80);
}

subtest 'the PROXY protocol' => sub {
    my @clients;
    for my $client ('192.0.2.1', '2001:db8::1') {
        push @clients, idle(at(1, 4), '127.10.4.1', 'localhost', proxy_v1($client)),
            idle(at(1, 4), '127.10.4.1', 'localhost', proxy_v2($client));
        is $site->held(requests => $client), 2, "connections of $client";
        for my $first (proxy_v1($client), proxy_v2($client)) {
            my $refused = $site->connect('127.10.4.2', $first . Gatehouse::Wire::get('/t'), at(1, 4));
            is $refused->response->{status}, 503, "no more of $client";
            $refused->leave;
        }
    }
    is $site->held(requests => '127.10.4.1'), 0, 'none of the proxy';
    push @clients, idle(at(1, 4), '127.10.6.1', 'localhost', proxy_v1('192.0.2.1'));
    is $site->held(requests => '127.10.6.1'), 1, 'whoever is not trusted cannot say so';
    push @clients, map { $site->connect('127.10.6.2', '', at(1, 4)) } 1 .. 3;
    push @clients, idle(at(1, 4), '127.10.6.2', 'localhost', proxy_v1('192.0.2.2'));
    ok $_->is_open, 'nobody is refused at accept' for @clients;
    leave(@clients);
};

subtest 'another address of that port, without it' => sub {
    my @clients = idle(at(2, 4), '127.10.6.3');
    refused(at(2, 4), '127.10.6.3');
    push @clients, idle(at(2, 4), '127.10.6.4');
    # set_real_ip_from of the server holds here, too.
    push @clients, map { $site->connect('127.10.4.3', '', at(2, 4)) } 1 .. 3;
    push @clients, idle(at(2, 4), '127.10.4.3');
    ok $_->is_open, 'a proxy is not refused' for @clients;
    leave(@clients);
};

subtest 'trusted proxies' => sub {
    my @clients = idle(at(1, 5), '127.10.5.9');
    refused(at(1, 5), '127.10.5.9');
    push @clients, map { idle(at(1, 5), '127.10.5.1', $_) } qw(trusts trusts x);
    push @clients, map { idle(at(1, 5), '127.10.5.3', 'trusts.too', '', 'X-Forwarded-For: 198.51.100.1') } 1, 2;
    is $site->held(requests => '198.51.100.1'), 2, 'their clients are counted';
    is $site->status_from('127.10.5.2', '/t', at(1, 5), 'X-Forwarded-For: 198.51.100.1'), 200,
        'where the server trusts them';
    my $refused = $site->connect('127.10.5.2',
        Gatehouse::Wire::get('/t', undef, 'X-Forwarded-For: 198.51.100.1') =~ s/localhost/trusts.too/r, at(1, 5));
    is $refused->response->{status}, 503, 'and limited';
    leave(@clients, $refused);
};

subtest 'unix sockets' => sub {
    my @clients = map { $site->client('/t') } 1 .. 3;
    is $_->response->{status}, 200, 'are not limited, at accept or later' for @clients;
    push @clients, $site->client('/r');
    is $clients[-1]->response->{status}, 200, 'nor by=request';
    leave(@clients);
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

# Each worker has a socket of its own, and all count together.
my $workers = Gatehouse::Connections->new(ports => 2);
$workers->configure(<<"END", workers => 3)->start;
connection_limit_zone \$binary_remote_addr zone=reuse:1m;
server { listen 127.0.0.1:PORT0 reuseport; connection_limit_accept zone=reuse max=12; add_header X-Pid \$pid; $places }
server { listen 127.0.0.1:PORT1; connection_limit_accept zone=reuse max=12; add_header X-Pid \$pid; $places }
END
for my $number (0, 1) {
    subtest $number == 0 ? 'reuseport' : 'workers that share a socket' => sub {
        my $from = "127.10.7.$number";
        my (@clients, %pids);
        for (1 .. 12) {
            my $client = $workers->connect($from, Gatehouse::Wire::get('/t'), $workers->port($number));
            $pids{ $client->response->{headers}{'x-pid'}[0] } = 1;
            push @clients, $client;
        }
        cmp_ok scalar(keys %pids), '>=', 2, 'several workers serve' if $number == 0;
        ok $workers->connect($from, '', $workers->port($_))->is_refused, 'the next is refused' for 0, 1;
        ok !defined $workers->status_from($from, '/t', $workers->port($number)), 'whichever worker has it' for 1 .. 9;
        leave(@clients);
        $workers->until(sub { defined $workers->status_from($from, '/t', $workers->port($number)) }, 'room');
    };
}
is $workers->stop, 0, 'nginx ends';
unlike $workers->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
