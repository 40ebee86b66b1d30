# connection_limit_accept: connections of an address are closed as soon as they are accepted, before
# anything is read or answered. Which addresses of nginx it holds for, and whose: accept_addresses.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Wire qw(h2_start h2_get);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $site = Gatehouse::Connections->new(ports => 9);
my $places = 'location = /t { try_files /index.html =404; }';
$site->configure(<<"END", workers => 1)->start;
connection_limit_zone \$binary_remote_addr zone=most:1m;
connection_limit_zone \$binary_remote_addr zone=shaking:1m;
connection_limit_zone \$binary_remote_addr zone=rate:1m;
connection_limit_zone \$binary_remote_addr zone=first:1m;
connection_limit_zone \$binary_remote_addr zone=second:1m;
connection_limit_zone \$binary_remote_addr zone=charged:1m;
connection_limit_zone \$binary_remote_addr zone=inherited:1m;
connection_limit_zone \$binary_remote_addr zone=tried:1m;
connection_limit_zone \$binary_remote_addr zone=streams:1m;
connection_limit_accept zone=inherited max=2;
keepalive_requests 10000;
server { listen 127.0.0.1:PORT0; connection_limit_accept zone=most max=5; $places }
server { listen 127.0.0.1:PORT1; connection_limit_accept zone=shaking max=6 handshake=3; $places }
server { listen 127.0.0.1:PORT8 http2; connection_limit_accept zone=streams max=3 handshake=1; $places }
server { listen 127.0.0.1:PORT2; connection_limit_accept zone=rate max=1000 rate=3r/s; $places }
server {
    listen 127.0.0.1:PORT3;
    connection_limit_accept zone=first max=3;
    connection_limit_accept zone=second max=2 handshake=1;
    connection_limit zone=first max=5;
    $places
}
server { listen 127.0.0.1:PORT4; connection_limit_accept zone=charged max=1 rate=3r/s; $places }
server { listen 127.0.0.1:PORT5; $places }
server { listen 127.0.0.1:PORT6; connection_limit_bypass 127.7.8.0/24 \$arg_b; $places }
server {
    listen 127.0.0.1:PORT7;
    connection_limit_accept zone=tried max=2;
    connection_limit_dry_run on;
    connection_limit_log_level warn;
    $places
}
END

sub to ($number) { return '127.0.0.1:' . $site->port($number) }
sub connect_to ($number, $from, $text = '') { return $site->connect($from, $text, to($number)) }
sub status ($client) { return $client->send(Gatehouse::Wire::get('/t'))->response->{status} }

# Connections with a request behind them.
sub idle ($number, $from, $count) {
    return map {
        my $client = connect_to($number, $from);
        is status($client), 200, 'served';
        $client;
    } 1 .. $count;
}
sub refused ($number, $from, $count = 1) {
    ok connect_to($number, $from)->is_refused, 'closed, without a word' for 1 .. $count;
    return;
}
sub until_served ($number, $from) {
    return $site->until(sub { ($site->status_from($from, '/t', to($number)) // 0) == 200 }, "room for $from");
}

subtest 'max' => sub {
    my @clients = map { connect_to(0, '127.7.1.1') } 1 .. 5;
    refused(0, '127.7.1.1', 3);
    ok !defined $site->status_from('127.7.1.1', '/t', to(0)), 'a request is not answered';
    is $site->status_from('127.7.1.2', '/t', to(0)), 200, 'another address is served';
    ok $_->is_open, 'those before are open' for @clients;
    is status($_), 200, 'and served' for @clients, @clients;
    refused(0, '127.7.1.1');
    $clients[0]->leave;
    until_served(0, '127.7.1.1');
    $clients[0] = (idle(0, '127.7.1.1', 1))[0];
    refused(0, '127.7.1.1');
    $clients[0]->leave;
    $_->reset for @clients[1 .. 4];
    $site->until(sub {
        my @again = map { connect_to(0, '127.7.1.1') } 1 .. 5;
        my $room = connect_to(0, '127.7.1.1')->is_refused && 5 == grep { $_->is_open } @again;
        $_->leave for @again;
        return $room;
    }, 'room for five');
    pass 'room for five again';
};

subtest 'handshake' => sub {
    my @clients = map { connect_to(1, '127.7.2.1') } 1 .. 3;
    refused(1, '127.7.2.1', 10);
    is $site->status_from('127.7.2.2', '/t', to(1)), 200, 'another address is served';
    $clients[0]->send("GET /t HTTP/1.1\r\nHost: localhost\r\n");
    refused(1, '127.7.2.1');
    $clients[0]->send("\r\n");
    is $clients[0]->response->{status}, 200, 'a header is complete';
    push @clients, connect_to(1, '127.7.2.1');
    refused(1, '127.7.2.1');
    $clients[0]->send("GET /t HTTP/1.1\r\n");
    refused(1, '127.7.2.1');
    $clients[1]->leave;
    until_served(1, '127.7.2.1');
    is status($_), 200, 'others complete theirs' for @clients[2, 3];
    push @clients, idle(1, '127.7.2.1', 2);
    push @clients, connect_to(1, '127.7.2.1');
    refused(1, '127.7.2.1');
    ok $clients[-1]->is_open, 'the refused have left nothing: six are open';
    $clients[0]->send("Host: localhost\r\n\r\n");
    is $clients[0]->response->{status}, 200, 'a second header may be slow';
    $_->leave for @clients[0, 2 .. $#clients];
};

subtest 'handshake: HTTP/2' => sub {
    my $client = connect_to(8, '127.7.2.3', h2_start());
    refused(8, '127.7.2.3');
    $client->send(h2_get(1, '/t') . h2_get(3, '/t'));
    is_deeply { map { $client->h2_response } 1, 2 }, { 1 => 1, 3 => 1 }, 'headers are complete';
    my @clients = ($client, connect_to(8, '127.7.2.3'));
    refused(8, '127.7.2.3');
    $clients[1]->send(h2_start() . h2_get(1, '/t'));
    is_deeply [$clients[1]->h2_response], [1, 1], 'the next';
    push @clients, connect_to(8, '127.7.2.3');
    refused(8, '127.7.2.3');
    is $site->report->{streams}{leases}{held}, 4, 'three connections, a handshake';
    $_->leave for @clients;
};

# Whatever time passes meanwhile: the rate, and so many at once.
subtest 'rate' => sub {
    my $began  = clock_gettime(CLOCK_MONOTONIC);
    my $passed = grep { defined } map { $site->status_from('127.7.3.1', '/t', to(2)) } 1 .. 30;
    my $bound  = 3 + 3 * (clock_gettime(CLOCK_MONOTONIC) - $began);
    cmp_ok $passed, '>=', 3, 'three may come at once';
    cmp_ok $passed, '<=', $bound, 'and the rate';
    is $site->status_from('127.7.3.2', '/t', to(2)), 200, 'another address is served';
    until_served(2, '127.7.3.1');
    pass 'served again';
    my ($client) = idle(2, '127.7.3.3', 1);
    is status($client), 200, 'requests on it are not limited' for 1 .. 30;
    $client->leave;
};

subtest 'several zones' => sub {
    my ($one) = idle(3, '127.7.4.1', 1);
    my $two = connect_to(3, '127.7.4.1');
    refused(3, '127.7.4.1');
    is status($two), 200, 'the last is served';
    refused(3, '127.7.4.1', 5);
    $one->leave;
    until_served(3, '127.7.4.1');
    is status($two), 200, 'what the first zone gave to the refused is given back';
    $two->leave;
};

subtest 'refused for the number, charged to the rate' => sub {
    my ($client) = idle(4, '127.7.5.1', 1);
    refused(4, '127.7.5.1', 20);
    my $total = $site->report->{charged}{total};
    is $total->{accept_refused} + $total->{rate_refused}, 20, 'each is counted once';
    cmp_ok $total->{$_}, '>', 0, $_ for qw(accept_refused rate_refused);
    $client->leave;
    until_served(4, '127.7.5.1');
    pass 'served again';
};

subtest 'of http' => sub {
    my @clients = map { connect_to(5, '127.7.6.1') } 1 .. 2;
    refused(5, '127.7.6.1');
    $_->leave for @clients;
    until_served(5, '127.7.6.1');
};

subtest 'bypass: addresses' => sub {
    my @clients = (idle(6, '127.7.8.1', 4), map { connect_to(6, '127.7.9.1') } 1 .. 2);
    refused(6, '127.7.9.1');
    $_->leave for @clients;
};

subtest 'dry run' => sub {
    my @clients = idle(7, '127.7.9.2', 4);
    like $site->log, qr/\[warn\] .*limiting connections at accept, dry run, by zone "tried", client: 127\.7\.9\.2\b/,
        'is logged';
    is $site->report->{tried}{total}{accept_refused}, 2, 'and counted';
    $_->leave for @clients;
};

my $log = $site->log;
like $log, qr/\[error\] .*limiting connections at accept by zone "most", client: 127\.7\.1\.1\b/, 'it is logged';
my @lines = $log =~ /\bat accept by zone "most"/g;
# A line in ten seconds; the test takes less than half a minute.
cmp_ok scalar @lines, '<=', 3, 'but not each connection';

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
