# connection_limit under a thousand random steps of clients that come, ask, leave and vanish in every
# way, and of workers that are killed or reloaded: again and again what is held is the truth, by the
# test's own account and by the kernel's.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use Gatehouse::Wire qw(upstream h2_start h2_get h2_reset);
use List::Util qw(sum0);
use Test::More;

my $seed = $ENV{GATEHOUSE_SEED} // 20260402;
srand $seed;
note "seed $seed";

my $steps = 1000;
my @addresses = map { "127.0.0.$_" } 2 .. 5;

my $crowd = Gatehouse::Crowd->new('', workers => 3);
my ($certificate, $key) = $crowd->certificate;
$crowd->nginx->file('html/large', 'x' x 1_000_000);
$crowd->configure(<<"END");
connection_limit_zone \$binary_remote_addr zone=accepted:1m;
connection_limit_zone \$binary_remote_addr zone=connections:1m;
connection_limit_zone \$binary_remote_addr zone=requests:1m;
connection_limit zone=connections max=1000;
keepalive_requests 1000000;
add_header X-Current \$connection_limit_current always;
server {
    listen 127.0.0.1:\$PORT reuseport;
    listen 127.0.0.1:\$PORT1 ssl;
    listen 127.0.0.1:\$PORT2 http2;
    ssl_certificate     $certificate;
    ssl_certificate_key $key;
    connection_limit_accept zone=accepted max=1000 handshake=1000;
    root \$PREFIX/html;
    error_page 404 = /index.html;
    location = /index.html { }
    location = /redirected { rewrite ^ /index.html last; }
    location = /asks       { auth_request /index.html; try_files /index.html =404; }
    location = /denied     { deny all; error_page 403 /index.html; }
    location = /slow {
        connection_limit zone=connections max=1000;
        connection_limit zone=requests max=1000 by=request;
        limit_rate 1k;
        try_files /large =404;
    }
    location = /upgraded {
        connection_limit zone=connections max=1000;
        connection_limit zone=requests max=1000 by=request;
        proxy_pass http://unix:\$PREFIX/upstream.sock;
        proxy_http_version 1.1;
        proxy_set_header Upgrade websocket;
        proxy_set_header Connection upgrade;
    }
}
END
$crowd->start;
my $upstream = upstream($crowd->nginx->file('upstream.sock'));
my %upgraded;    # clients and the other ends of their connections
my $next_stream = 1;

sub any (@list)          { return $list[rand @list] }
sub one_of ($condition)  { return any(grep { $condition->() } $crowd->open) }
sub headed ($client)     { @$client{qw(headed counted)} = (1, 1); return $client }
sub arrive ($number = 0) { return $crowd->connect(any(@addresses), $number) }

# A client that could ask: nothing is under way, and its worker takes requests.
sub idle () {
    return one_of(sub { $_->{kind} eq 'http' && $_->{headed} && !$_->{requests} && !$_->{leaving} });
}

# The answer to a request that may have come too late: a worker that ends closes its connections.
sub answered ($client, $expected) {
    my $status = $client->status;
    return $client->leave if $status eq 'closed' && $client->{leaving};
    is $status, $expected, 'the answer' unless $status eq $expected;
    headed($client);
    return;
}

my %uris = ('/' => 200, '/none' => 200, '/redirected' => 200, '/asks' => 200, '/denied' => 403);

sub ask ($client) {
    my $uri = any(sort keys %uris);
    return answered($client->send($crowd->head($uri)), $uris{$uri});
}

# What clients do, each so often.
my %steps = (
    open => [10, sub { arrive()->{kind} = 'http' }],
    ask_new => [10, sub { my $client = arrive(); $client->{kind} = 'http'; ask($client) }],
    ask_again => [15, sub { my $client = idle() // return; ask($client) }],
    pipelined => [3, sub {
        my $client = idle() // return;
        $client->send($crowd->head('/') x 5);
        answered($client, 200) for 1 .. 5;
    }],
    slow_header => [8, sub {
        my $client = arrive();
        $client->{kind} = 'half';
        $client->send("HEAD / HTTP/1.1\r\nHost:");
    }],
    end_header => [6, sub {
        my $client = one_of(sub { $_->{kind} eq 'half' }) // return;
        $client->{kind} = 'http';
        answered($client->send(" localhost\r\n\r\n"), 200);
    }],
    download => [10, sub {
        my $client = idle() // arrive();
        $client->{kind} = 'http';
        answered($client->send($crowd->get('/slow')), 200);
        $client->{requests} = 1;
    }],
    upgrade => [4, sub {
        my $client = arrive()->send(Gatehouse::Wire::get('/upgraded', undef, 'Upgrade: websocket'));
        my $other  = $upstream->next_request;
        $other->send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        headed($client);
        @$client{qw(kind requests)} = ('upgraded', 1);
        like $client->take_head, qr/^HTTP\S+ 101 /, 'upgraded';
        $upgraded{$client} = [$client, $other];
    }],
    upgraded_ends => [2, sub {
        my $client = one_of(sub { $_->{kind} eq 'upgraded' }) // return;
        (delete $upgraded{$client})->[1]->leave;
        $crowd->nginx->until(sub { !$client->is_open }, 'end of an upgraded connection');
    }],
    tls => [8, sub {
        my $client = arrive(1);
        $client->{kind} = 'tls';
        my $hello = Gatehouse::Crowd::Client::hello();
        # Half of what the client has to say first, or all of it, and the answer.
        return $client->send(substr $hello, 0, 1 + rand length $hello) if rand() < 0.5;
        is unpack('C', $client->send($hello)->take(1)), 22, 'the server shakes hands';
    }],
    h2 => [8, sub {
        my $client = arrive(2)->send(h2_start());
        @$client{qw(kind streams)} = ('h2', []);
        h2_open($client, 1 + int rand 5);
    }],
    h2_more => [5, sub {
        my $client = one_of(sub { $_->{kind} eq 'h2' && !$_->{leaving} }) // return;
        h2_open($client, 1 + int rand 3);
    }],
    h2_reset => [6, sub {
        my $client = one_of(sub { $_->{kind} eq 'h2' && $_->{streams}->@* }) // return;
        my $count  = 1 + int rand $client->{streams}->@*;
        $client->send(join '', map { h2_reset($_) } splice $client->{streams}->@*, 0, $count);
        $client->{requests} -= $count;
    }],
    leave => [16, sub { my $client = one_of(sub { 1 }) // return; $client->leave }],
    reset => [13, sub { my $client = one_of(sub { 1 }) // return; $client->reset }],
    kill   => [2, sub { $crowd->kill_workers(any(Gatehouse::Crowd::serving($crowd->nginx->{pid}))) }],
    reload => [1, sub { $_->{leaving} = 1 for $crowd->open; $crowd->reload }],
);

# Streams of HTTP/2 that go on, each a request; a response that has begun has been counted.
sub h2_open ($client, $count) {
    my @streams = map { $client->{next} = ($client->{next} // -1) + 2 } 1 .. $count;
    $client->send(join '', map { h2_get($_, '/slow') } @streams);
    for (@streams) {
        my (undef, $passed) = $client->h2_response;
        ok 0, 'a stream is refused' unless $passed;
    }
    headed($client);
    push $client->{streams}->@*, @streams;
    $client->{requests} += $count;
    return;
}

# By the key: a further connection says how many there are with it.
sub check_addresses ($when) {
    for my $address (@addresses) {
        my $due = 1 + grep { $_->{address} eq $address && $_->{counted} } $crowd->open;
        my $client = $crowd->connect($address)->send($crowd->head('/'));
        my ($current) = $client->take_head =~ /^X-Current: (\d+)/m;
        is $current, $due, "$when: connections of $address";
        $client->leave;
    }
    return;
}

sub check ($when) {
    # The other end of an upgraded connection knows nothing of the client's but that it has ended.
    for my $client (grep { !$upgraded{$_}[0]->is_open } keys %upgraded) {
        (delete $upgraded{$client})->[1]->leave;
    }
    my $seconds = $crowd->check_held("$when: what is held", sub { $crowd->truth });
    $crowd->check_sockets($when);
    my $held = $crowd->held(qw(accepted connections requests));
    note sprintf '%s: %s after %.0f ms', $when, join(', ', map { "$held->{$_} $_" } sort keys %$held),
        1000 * $seconds;
    return;
}

my @dice = map { ($_) x $steps{$_}[0] } sort keys %steps;
my %done;
for my $step (1 .. $steps) {
    my $what = any(@dice);
    $done{$what}++;
    eval { $steps{$what}[1]->(); 1 } or die "step $step, $what: $@";
    check("step $step") if $step % 25 == 0;
    check_addresses("step $step") if $step % 200 == 0;
}
is_deeply [grep { !$done{$_} } keys %steps], [], 'all kinds of steps were made';
note join ', ', map { "$done{$_} $_" } sort keys %done;

$_->leave for $crowd->open;
check('at the end');
is sum0(values $crowd->held(qw(accepted connections requests))->%*), 0, 'nothing is held';
is $crowd->total($_, 'refused'), 0, "nobody was refused by zone $_" for qw(accepted connections requests);
is $crowd->stop, 0, 'nginx ends by itself';
is_deeply [$crowd->alarms], [], 'and has raised no alarm';

done_testing;
