# However a connection or a request ends, what it held is returned. Redirects and subrequests:
# endings_redirects.t; upgrades, HTTP/2 and TLS: endings_protocols.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Wire ();
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->file('html/large', 'x' x 8_000_000);
$site->file('places', <<'END' =~ s{HOLD}{'http://unix:' . $site->file('hold.sock')}ger);
location = /t       { try_files /index.html =404; }
location = /hold    { proxy_pass HOLD; }
location = /ignore  { proxy_ignore_client_abort on; proxy_pass HOLD; }
location = /post    { proxy_pass HOLD; }
location = /piped   { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass HOLD; }
location = /slow    { proxy_read_timeout 200ms; proxy_pass HOLD; }
location = /page    { proxy_intercept_errors on; error_page 500 /index.html; proxy_pass HOLD; }
location = /idle    { keepalive_timeout 200ms; try_files /index.html =404; }
location = /crawl   { limit_rate 1k; try_files /large =404; }
location = /small   { client_max_body_size 1; proxy_pass HOLD; }
location = /closed  { error_page 404 =444 /none; try_files /none =404; }
location = /none    { internal; return 444; }
END
$site->configure(<<'END', workers => 1)->start;
connection_limit_zone $binary_remote_addr zone=connections:1m;
connection_limit_zone $binary_remote_addr zone=requests:1m;
connection_limit zone=connections max=5;
connection_limit zone=requests max=5 by=request;
server {
    listen 127.0.0.1:PORT0;
    root html;
    include places;
}
server {
    listen 127.0.0.1:PORT1 sndbuf=32k;
    root html;
    client_header_timeout 200ms;
    client_body_timeout 200ms;
    send_timeout 200ms;
    lingering_timeout 200ms;
    include places;
}
END

# Five of an address are as many as may be; another address is served.
sub is_full ($from, $other, $connections, $requests) {
    is $site->held(connections => $from), $connections, 'connections';
    is $site->held(requests => $from), $requests, 'requests';
    is $site->status_from($from, '/t'), 503, 'the sixth is refused';
    is $site->status_from($other, '/t'), 200, 'another address is served';
    is $site->held(connections => $from), $connections, 'and the sixth holds nothing';
    is $site->held(requests => $from), $requests, 'nor as a request';
    return;
}

sub is_empty ($from) {
    $site->until_held($_ => $from, 0) for qw(connections requests);
    is_deeply [map { $site->status_from($from, '/t') } 1 .. 6], [(200) x 6], 'there is room again';
    return;
}

# Five clients of an address of its own that begin, are five, and end.
sub ends ($name, $begin, $end, $requests = 5) {
    state $number = 0;
    my ($from, $other) = map { "127.1.$_." . ++$number } 1, 2;
    subtest $name => sub {
        my @clients = map { $begin->($from) } 1 .. 5;
        is_full($from, $other, 5, $requests);
        $end->($_) for @clients;
        is_empty($from);
        $_->leave for @clients;
    };
    return;
}

sub hold ($uri, @lines) { return sub ($from) { $site->hold($from, $uri, @lines) } }
sub idle ($uri, $port = 0) {
    return sub ($from) {
        my $client = $site->connect($from, Gatehouse::Wire::get($uri), $site->port($port));
        is $client->response->{status}, 200, 'first request';
        return $client;
    };
}
sub status ($client, $expected) {
    is $client->response->{status}, $expected, "answered with $expected";
    ok $client->is_left, 'and the connection ends';
    return;
}
sub answer ($client) {
    $client->asked->answer(200, 'done');
    return status($client, 200);
}
my $close = 'Connection: close';

ends('an answer', hold('/hold', $close), \&answer);
ends('the client leaves', hold('/hold'), sub ($client) { $client->leave });
ends('the client resets', hold('/hold'), sub ($client) { $client->reset });
ends('the client sends no more', hold('/hold'), sub ($client) { $client->shut });
ends('the upstream ends too early', hold('/hold', $close), sub ($client) {
    $client->asked->leave;
    status($client, 502);
});
ends('the upstream stops in the middle', hold('/hold', $close), sub ($client) {
    $client->asked->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")->leave;
    ok $client->is_left, 'the connection ends';
});
ends('an error of the upstream with a page', hold('/page', $close), sub ($client) {
    $client->asked->answer(500, 'failed');
    status($client, 500);
});
ends('leaving is ignored', hold('/ignore'), sub ($client) {
    $client->leave;
    $client->asked->answer(200, 'done');
});

subtest 'the client has left, the upstream is still asked' => sub {
    my @clients = map { $site->hold('127.1.3.1', '/ignore') } 1 .. 5;
    $_->leave for @clients;
    is $site->status_from('127.1.3.1', '/t'), 503, 'that counts';
    is $site->held($_ => '127.1.3.1'), 5, $_ for qw(connections requests);
    $_->asked->answer(200, 'done') for @clients;
    is_empty('127.1.3.1');
};

# These end by themselves, so there is no moment when they are five for sure.
sub times_out ($name, $begin, $end) {
    state $number = 0;
    my $from = '127.1.4.' . ++$number;
    subtest $name => sub {
        my @clients = map { $begin->($from) } 1 .. 5;
        $end->($_) for @clients;
        is_empty($from);
        $_->leave for @clients;
    };
    return;
}

sub closed ($client) { return ok $client->is_left, 'the connection ends' }
sub post ($uri, $port) {
    my $text = Gatehouse::Wire::get($uri, undef, 'Content-Length: 1000') =~ s/^GET/POST/r . 'half';
    return sub ($from) { $site->connect($from, $text, $site->port($port)) };
}
sub piped ($port) {
    return sub ($from) {
        my $client = post('/piped', $port)->($from);
        $client->{asked} = $site->upstream->next_request;
        return $client;
    };
}

times_out('the upstream takes too long', hold('/slow', $close), sub ($client) { status($client, 504) });
times_out('a body that does not come', post('/post', 1), \&closed);
times_out('nor does one that is passed on at once', piped(1), \&closed);
times_out('a client that does not read', sub ($from) {
    return $site->connect($from, Gatehouse::Wire::get('/large'), $site->port(1));
}, sub ($client) { });
times_out('a connection left idle', idle('/idle'), \&closed);
times_out('a second header that does not come', sub ($from) {
    return idle('/t', 1)->($from)->send("GET /t HTTP/1.1\r\nHost: local");
}, \&closed);
times_out('too large a body', post('/small', 1), sub ($client) {
    is $client->response->{status}, 413, 'refused';
    $client->leave;
});
times_out('no answer', sub ($from) { $site->ask($from, '/closed') }, \&closed);
times_out('a request that is none', sub ($from) {
    return idle('/t', 1)->($from)->send("GET\r\n\r\n");
}, sub ($client) { status($client, 400) });

ends('idle: the client leaves', idle('/t'), sub ($client) { $client->leave }, 0);
ends('idle: the client resets', idle('/t'), sub ($client) { $client->reset }, 0);
ends('idle: the client says that it is the last', idle('/t'), sub ($client) {
    $client->send(Gatehouse::Wire::get('/t', undef, $close));
    status($client, 200);
}, 0);
ends('idle: half a header, and a reset', sub ($from) {
    return idle('/t')->($from)->send("GET /hold HTTP/1.1\r\n");
}, sub ($client) { $client->reset }, 0);

ends('a download: the client leaves', sub ($from) {
    my $client = $site->ask($from, '/crawl');
    like $client->take(8), qr{\AHTTP/1\.1}, 'begun';
    return $client;
}, sub ($client) { $client->leave });
ends('a download: the client resets', sub ($from) {
    my $client = $site->ask($from, '/crawl');
    like $client->take(8), qr{\AHTTP/1\.1}, 'begun';
    return $client;
}, sub ($client) { $client->reset });
ends('half a body, and leaving', piped(0), sub ($client) { $client->leave });
ends('half a body, and a reset', piped(0), sub ($client) { $client->reset });

my $report = $site->report;
is $report->{$_}{leases}{held}, 0, "$_: nothing is held" for qw(connections requests);
ok $site->upstream->nobody_waits, 'all requests that came to the upstream were expected';
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
