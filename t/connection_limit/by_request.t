# connection_limit with by=request: concurrent requests of a key, whatever connections they use.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Wire qw(h2_start h2_get);
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $arg_k zone=one:1m;
connection_limit_zone $arg_k zone=two:1m;
connection_limit_zone $arg_k zone=user:1m;
server {
    listen 127.0.0.1:PORT0;
    listen 127.0.0.1:PORT1 http2;
    connection_limit_status 429;
    location = /hold   { connection_limit zone=address max=5 by=request; proxy_pass HOLD; }
    location = /strict { connection_limit zone=address max=2 by=request; proxy_pass HOLD; }
    location = /t      { connection_limit zone=address max=5 by=request; try_files /index.html =404; }
    location = /key    { connection_limit zone=one max=2 by=request; proxy_pass HOLD; }
    location = /both   {
        connection_limit zone=one max=3 by=request;
        connection_limit zone=two max=2 by=request;
        proxy_pass HOLD;
    }
    location = /three  {
        connection_limit zone=user max=9 by=connection;
        connection_limit zone=one max=9 by=request;
        connection_limit zone=two max=1 by=request;
        proxy_pass HOLD;
    }
    location = /body   { connection_limit zone=address max=1 by=request; proxy_pass HOLD; }
}
END

sub done (@clients) {
    $_->asked->answer(200, 'done') for @clients;
    is $_->response->{body}, 'done', 'served' for @clients;
    $_->leave for @clients;
    return;
}

subtest 'the sixth of five' => sub {
    my @clients = map { $site->hold('127.5.1.1', '/hold') } 1 .. 5;
    is $site->status_from('127.5.1.1', '/hold'), 429, 'is refused';
    is $site->status_from('127.5.1.1', '/t'), 429, 'at another place of the zone, too';
    is $site->status_from('127.5.1.2', '/t'), 200, 'another address is served';
    ok $site->upstream->nobody_waits, 'nothing has been sent on';
    is $site->held(address => '127.5.1.1'), 5, 'the refused hold nothing';
    done(shift @clients);
    $site->until_held(address => '127.5.1.1', 4);
    push @clients, $site->hold('127.5.1.1', '/hold');
    is $site->status_from('127.5.1.1', '/t'), 429, 'five again';
    done(@clients);
    $site->until_held(address => '127.5.1.1', 0);
};

subtest 'each place has a maximum of its own for what all have counted' => sub {
    my @clients = map { $site->hold('127.5.2.1', '/hold') } 1 .. 2;
    is $site->status_from('127.5.2.1', '/strict'), 429, 'two are enough for this one';
    push @clients, $site->hold('127.5.2.1', '/hold');
    done(@clients[0, 1]);
    $site->until_held(address => '127.5.2.1', 1);
    push @clients, $site->hold('127.5.2.1', '/strict');
    is $site->status_from('127.5.2.1', '/strict'), 429, 'two again';
    done(@clients[2, 3]);
};

subtest 'one connection' => sub {
    my $client = $site->connect('127.5.3.1');
    for my $round (1 .. 6) {
        $client->send(Gatehouse::Wire::get('/t'));
        is $client->response->{status}, 200, 'requests in turn are one at a time';
    }
    $client->send(join '', map { Gatehouse::Wire::get('/t') } 1 .. 6);
    is_deeply [map { $client->response->{status} } 1 .. 6], [(200) x 6], 'so are pipelined ones';
    $site->until_held(address => '127.5.3.1', 0);

    my @clients = map { $site->hold('127.5.3.1', '/hold') } 1 .. 5;
    $client->send(Gatehouse::Wire::get('/t'));
    is $client->response->{status}, 429, 'refused';
    done(@clients);
    $site->until_held(address => '127.5.3.1', 0);
    $client->send(Gatehouse::Wire::get('/t'));
    is $client->response->{status}, 200, 'and the connection goes on';
    $client->leave;
};

subtest 'streams of HTTP/2' => sub {
    my $client = $site->connect('127.5.4.1', h2_start(), $site->port(1));
    my @asked;
    for my $stream (1, 3, 5, 7, 9) {
        $client->send(h2_get($stream, '/hold'));
        push @asked, $site->upstream->next_request;
    }
    $client->send(h2_get(11, '/hold'));
    is_deeply [$client->h2_response], [11, 0], 'the sixth is refused';
    is $site->held(address => '127.5.4.1'), 5, 'each is one';
    is $site->status_from('127.5.4.1', '/t'), 429, 'for other connections, too';
    $_->answer(200, 'done') for @asked;
    is_deeply { map { $client->h2_response } @asked }, { map { ($_ => 1) } 1, 3, 5, 7, 9 }, 'the others are served';
    $site->until_held(address => '127.5.4.1', 0);
    $client->send(h2_get(13, '/t'));
    is_deeply [$client->h2_response], [13, 1], 'the connection goes on';
    $client->leave;
};

subtest 'keys' => sub {
    my @clients = map { $site->hold('127.5.5.1', "/key?k=$_") } qw(a a b);
    is $site->status_from('127.5.5.2', '/key?k=a'), 429, 'are not addresses';
    is $site->held(one => 'a'), 2, 'two of a';
    is $site->held(one => 'b'), 1, 'one of b';
    push @clients, map { $site->hold('127.5.5.1', $_) } ('/key') x 3, ('/key?k=') x 2;
    is $site->held(one => 'a'), 2, 'an empty one does not count';
    my @long = map { 'x' x 5000 . $_ } 1, 2;
    push @clients, map { $site->hold('127.5.5.1', "/key?k=$_") } @long, $long[0];
    is $site->status_from('127.5.5.1', "/key?k=$long[0]"), 429, 'long ones count to their ends';
    done(@clients);
};

subtest 'several limits' => sub {
    my @clients = map { $site->hold('127.5.6.1', '/both?k=c') } 1 .. 2;
    is $site->status_from('127.5.6.1', '/both?k=c'), 429, 'the second limit refuses' for 1 .. 5;
    is $site->held($_ => 'c'), 2, "zone $_ holds those that passed" for qw(one two);
    push @clients, $site->hold('127.5.6.1', '/key?k=d');
    push @clients, map { $site->hold('127.5.6.1', '/both?k=d') } 1, 2;
    is $site->status_from('127.5.6.1', '/both?k=d'), 429, 'the first limit refuses';
    is $site->held(two => 'd'), 2, 'and the second has not seen it';
    done(@clients);
    $site->until_held($_ => 'c', 0) for qw(one two);

    my $client = $site->hold('127.5.6.1', '/three?k=e');
    my $idle   = $site->ask('127.5.6.1', '/three?k=e');
    is $idle->response->{status}, 429, 'the last of three refuses';
    is $site->held(one => 'e'), 1, 'what the request took is given back';
    is $site->held(user => 'e'), 1, 'the connection that it newly took as well, though it stays open';
    $idle->leave;
    done($client);
};

subtest 'the body of a refused request' => sub {
    my $client = $site->hold('127.5.7.1', '/body');
    my $post   = Gatehouse::Wire::get('/body', undef, 'Content-Length: 6') =~ s/^GET/POST/r;
    my $other  = $site->connect('127.5.7.1', $post . 'one');
    is $other->response->{status}, 429, 'refused';
    $other->send('two' . Gatehouse::Wire::get('/t'));
    is $other->response->{body}, 'It works!', 'the next request on the connection is served';
    $other->leave;
    done($client);
    $site->until_held(address => '127.5.7.1', 0);
};

$site->until(sub { $site->report->{address}{leases}{held} == 0 }, 'end of all');
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
