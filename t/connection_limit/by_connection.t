# connection_limit with by=connection, the default: from the first request that meets the limit until
# the connection is closed, whatever it carries.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Wire qw(h2_start h2_get);
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $arg_k zone=key:1m;
connection_limit_zone $arg_k zone=deny:1m on_full=deny;
connection_limit_zone $binary_remote_addr zone=requests:1m;
keepalive_requests 10000;
server {
    listen 127.0.0.1:PORT0;
    listen 127.0.0.1:PORT1 http2;
    location = /t       { connection_limit zone=address max=5; try_files /index.html =404; }
    location = /hold    { connection_limit zone=address max=5 by=connection; proxy_pass HOLD; }
    location = /strict  { connection_limit zone=address max=1; try_files /index.html =404; }
    location = /request { connection_limit zone=address max=3 by=request; proxy_pass HOLD; }
    location = /free    { try_files /index.html =404; }
    location = /key     { connection_limit zone=key max=2; try_files /index.html =404; }
    location = /deny    { connection_limit zone=deny max=2; try_files /index.html =404; }
    location = /both    {
        connection_limit zone=address max=5;
        connection_limit zone=requests max=2 by=request;
        proxy_pass HOLD;
    }
}
END

sub get ($uri) { return Gatehouse::Wire::get($uri) }

# A connection with a request behind it.
sub idle ($from, $uri) {
    my $client = $site->ask($from, $uri);
    is $client->response->{status}, 200, "$uri: served";
    return $client;
}
sub status ($client, $uri) { return $client->send(get($uri))->response->{status} }

subtest 'idle connections count' => sub {
    my @clients = map { idle('127.6.1.1', '/t') } 1 .. 5;
    is $site->status_from('127.6.1.1', '/t'), 503, 'the sixth is refused';
    is $site->status_from('127.6.1.2', '/t'), 200, 'another address is served';
    is status($_, '/t'), 200, 'those that count go on' for @clients, @clients;
    is $site->held(address => '127.6.1.1'), 5, 'each once';
    (shift @clients)->leave;
    $site->until_held(address => '127.6.1.1', 4);
    push @clients, idle('127.6.1.1', '/t');
    is $site->status_from('127.6.1.1', '/t'), 503, 'five again';
    $_->leave for @clients;
    $site->until_held(address => '127.6.1.1', 0);
};

subtest 'from the first request that meets the limit' => sub {
    my @silent = map { $site->connect('127.6.2.1') } 1 .. 6;
    my @free   = map { idle('127.6.2.1', '/free') } 1 .. 6;
    is $site->held(address => '127.6.2.1'), 0, 'not before';
    is status($_, '/t'), 200, 'the first five' for @free[0 .. 4];
    is status($free[5], '/t'), 503, 'the sixth';
    is status($free[5], '/free'), 200, 'whose connection goes on';
    is $site->held(address => '127.6.2.1'), 5, 'it does not count';
    $free[0]->leave;
    $site->until_held(address => '127.6.2.1', 4);
    is status($free[5], '/t'), 200, 'the next request is decided anew';
    is status($free[1], '/free'), 200, 'what counts goes on to count where there is no limit';
    is $site->held(address => '127.6.2.1'), 5, 'five';
    $_->leave for @silent, @free[1 .. 5];
    $site->until_held(address => '127.6.2.1', 0);
};

subtest 'a smaller maximum elsewhere' => sub {
    my @clients = map { idle('127.6.3.1', '/t') } 1 .. 3;
    is status($_, '/strict'), 200, 'is not for those that count' for @clients;
    is $site->status_from('127.6.3.1', '/strict'), 503, 'but for new ones';
    $_->leave for @clients;
    $site->until_held(address => '127.6.3.1', 0);
};

subtest 'HTTP/2: a connection is one' => sub {
    my @clients;
    for my $n (1 .. 5) {
        my $client = $site->connect('127.6.4.1', h2_start(), $site->port(1));
        my @asked;
        for my $stream (map { 2 * $_ - 1 } 1 .. 20) {
            $client->send(h2_get($stream, '/hold'));
            push @asked, $site->upstream->next_request;
        }
        is $site->held(address => '127.6.4.1'), $n, 'of twenty streams';
        push @clients, [$client, @asked];
    }
    my $sixth = $site->connect('127.6.4.1', h2_start() . h2_get(1, '/hold') . h2_get(3, '/t'), $site->port(1));
    is_deeply { map { $sixth->h2_response } 1, 2 }, { 1 => 0, 3 => 0 }, 'the sixth is refused, each stream';
    is $site->status_from('127.6.4.1', '/t'), 503, 'so is one of HTTP/1.1';
    for (@clients) {
        my ($client, @asked) = @$_;
        $_->answer(200, 'done') for @asked;
        is scalar(grep { ($client->h2_response)[1] } @asked), 20, 'all streams are served';
        $client->send(h2_get(101, '/t'));
        is_deeply [$client->h2_response], [101, 1], 'and further ones';
    }
    is $site->held(address => '127.6.4.1'), 5, 'without streams they count as well';
    $clients[0][0]->leave;
    $site->until_held(address => '127.6.4.1', 4);
    $sixth->send(h2_get(5, '/t'));
    is_deeply [$sixth->h2_response], [5, 1], 'the sixth is the fifth now';
    $_->leave for $sixth, map { $_->[0] } @clients[1 .. 4];
    $site->until_held(address => '127.6.4.1', 0);
};

subtest 'beside a limit by=request' => sub {
    my @clients = map { $site->hold('127.6.5.1', '/both') } 1, 2;
    my $refused = $site->ask('127.6.5.1', '/both');
    is $refused->response->{status}, 503, 'refused by the second';
    is $site->held(address => '127.6.5.1'), 2, 'its connection does not count, though it is open';
    is $site->held(requests => '127.6.5.1'), 2, 'nor does the request';
    is status($refused, '/t'), 200, 'until it is let pass';
    is $site->held(address => '127.6.5.1'), 3, 'now it does';
    is status($refused, '/both'), 503, 'refused again';
    is $site->held(address => '127.6.5.1'), 3, 'what it had before is not taken away';
    $_->asked->answer(200, 'done') for @clients;
    is $_->response->{status}, 200, 'served' for @clients;
    $_->leave for @clients, $refused;
    $site->until_held($_ => '127.6.5.1', 0) for qw(address requests);
};

subtest 'one zone for both' => sub {
    my @clients = map { idle('127.6.8.1', '/t') } 1, 2;
    push @clients, $site->hold('127.6.8.1', '/request');
    is $site->held(address => '127.6.8.1'), 3, 'all count together';
    is $site->status_from('127.6.8.1', '/request'), 503, 'for either limit';
    is status($clients[0], '/request'), 503, 'also on a connection that counts';
    push @clients, map { idle('127.6.8.1', '/t') } 1, 2;
    is $site->status_from('127.6.8.1', '/t'), 503, 'five';
    $_->leave for @clients;
    $site->until_held(address => '127.6.8.1', 0);
};

subtest 'keys' => sub {
    my @clients = map { idle('127.6.6.1', "/key?k=$_") } qw(a a b);
    is $site->status_from('127.6.6.2', '/key?k=a'), 503, 'are not addresses';
    is status($clients[2], '/key?k=a'), 503, 'one that counts for another key is a new one for this';
    is status($clients[0], '/key?k=b'), 200, 'a connection may count for several';
    is $site->held(key => $_), 2, "two of $_" for qw(a b);
    is status($clients[0], '/key'), 200, 'an empty one counts for nothing' for 1 .. 5;
    $clients[0]->leave;
    $site->until_held(key => $_, 1) for qw(a b);
    $_->leave for @clients[1, 2];
    $site->until_held(key => $_, 0) for qw(a b);
};

# A connection counts for sixteen keys at most; what there is no room for is decided by on_full.
subtest 'more keys than a connection can hold' => sub {
    my $client = $site->connect('127.6.7.1');
    is status($client, "/key?k=$_"), 200, 'served' for 1 .. 20;
    is_deeply [map { $site->held(key => $_) } 1 .. 20], [(1) x 16, (0) x 4], 'sixteen are counted';
    $client->leave;
    $site->until_held(key => $_, 0) for 1 .. 16;

    $client = $site->connect('127.6.7.1');
    is_deeply [map { status($client, "/deny?k=$_") } 1 .. 20], [(200) x 16, (503) x 4], 'on_full=deny';
    is status($client, '/deny?k=1'), 200, 'those that count go on';
    $client->leave;
    $site->until_held(deny => 1, 0);
};

$site->until(sub { $site->report->{address}{leases}{held} == 0 }, 'end of all');
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
