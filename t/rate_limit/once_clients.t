# Exactly one charge per client request, however clients send them: on one connection, in streams of
# HTTP/2, piece by piece, and even if they leave. Redirects and subrequests: once.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire qw(upstream h2_start h2_get h2_reset);
use Test::More;

my $site = <<'END';
server {
    listen unix:$PREFIX/ZONE.sock HTTP2;
    location = /t     { rate_limit zone=ZONE; try_files /index.html =404; }
    location = /few   { rate_limit zone=few_ZONE; try_files /index.html =404; }
    location = /body  { rate_limit zone=ZONE; proxy_pass http://unix:$PREFIX/upstream.sock; }
    location = /piped {
        rate_limit zone=ZONE;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_pass http://unix:$PREFIX/upstream.sock;
    }
    location = /few/body { rate_limit zone=few_ZONE; proxy_pass http://unix:$PREFIX/upstream.sock; }
    location = /free  { try_files /index.html =404; }
}
END

sub server ($zone, $suffix, $http2) {
    return $site =~ s/ZONE\.sock/$zone$suffix.sock/gr =~ s/ZONE/$zone/gr =~ s/ HTTP2/$http2/gr;
}

my $redis = Gatehouse::Redis->new->start;
my $nginx = Gatehouse::Server->new('rate_limit');
$nginx->configure(<<"END" . join('', map { <<"END" } ['memory', ''], ['redis', 'redis=main']), workers => 1);
keepalive_requests 10000;
rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 5s; connect_timeout 5s; }
END
rate_limit_zone \$http_x_key\$arg_k zone=$_->[0]:256k rate=1000r/1d $_->[1];
rate_limit_zone \$http_x_key\$arg_k zone=few_$_->[0]:256k rate=20r/1d $_->[1];
@{[server($_->[0], '', '')]}
@{[server($_->[0], '.h2', ' http2')]}
END
$nginx->start;
my $upstream = upstream($nginx->file('upstream.sock'));

sub client ($zone, $text = '') { return Gatehouse::Wire::client($text, $nginx->file("$zone.sock")) }
sub text ($uri, @lines) { return Gatehouse::Wire::get($uri, undef, @lines) }
sub post ($uri, @lines) { return text($uri, @lines) =~ s/^GET/POST/r }

sub calls () { return $redis->stat('cmdstat_evalsha', 'calls') }

# The response to a request of its own.
sub ask ($zone, $uri) {
    my $client   = client($zone, text($uri, 'Connection: close'));
    my $response = $client->response;
    $client->leave;
    return $response;
}

sub left_by ($response) {
    my ($left) = $response->{headers}{ratelimit}[0] =~ /;r=(\d+)/;
    return $left;
}

# What happens meanwhile is that many charges of one key, and as many calls.
sub charges ($zone, $key, $count, $do) {
    my $before = calls();
    subtest "$zone: $key" => sub {
        $do->("k=$key");
        is left_by(ask($zone, "/t?k=$key")), 1000 - $count - 1, 'charges';
        is calls() - $before, $zone eq 'redis' ? $count + 1 : 0, 'calls';
    };
    return;
}

# Returns when the only worker has seen all that was sent before.
sub seen ($zone) { return is ask($zone, '/free')->{status}, 200, 'others are served' }

# Requests that Redis does not answer before $do is done. The memory does not need it.
sub frozen ($do) {
    $redis->freeze;
    $do->();
    $redis->thaw;
    return;
}

# As the upstream: what arrives, and the answer. The connection can be used again.
sub serve_body ($client, $body) {
    my $asked = $upstream->next_request;
    is $asked->body, $body, 'the body arrives';
    $asked->answer(200, 'done');
    is $client->response->{body}, 'done', 'and the answer';
    is $client->send(text('/free'))->response->{status}, 200, 'the connection goes on';
    $client->leave;
    return;
}

# File descriptors of the worker.
sub descriptors () {
    my ($worker) = $nginx->workers;
    return scalar(my @open = glob "/proc/$worker/fd/*");
}

for my $zone (qw(memory redis)) {
    charges($zone, 'HEAD', 1, sub ($k) {
        my $client = client($zone, text("/t?$k") =~ s/^GET/HEAD/r);
        like $client->take_head, qr{\AHTTP/1\.1 200 .*\r\nRateLimit: "$zone";r=999;t=\d+\r\n}s, 'answer';
        $client->leave;
    });

    charges($zone, 'keep-alive', 10, sub ($k) {
        my $client = client($zone);
        for my $i (1 .. 10) {
            is left_by($client->send(text("/t?$k"))->response), 1000 - $i, "request $i";
        }
        $client->leave;
    });

    charges($zone, 'pipelined', 50, sub ($k) {
        my $client = client($zone, join '', map { text("/t?$k"), text('/free') } 1 .. 50);
        for my $i (1 .. 50) {
            is left_by($client->response), 1000 - $i, "request $i";
            ok !$client->response->{headers}{ratelimit}, 'and nothing of it on the next';
        }
        $client->leave;
    });

    charges($zone, 'HTTP/2', 50, sub ($k) {
        my @streams = map { 2 * $_ + 1 } 0 .. 49;
        my $client  = client("$zone.h2", h2_start() . join '', map { h2_get($_, "/t?$k") } @streams);
        my %passed  = map { $client->h2_response } @streams;
        is_deeply \%passed, { map { ($_ => 1) } @streams }, 'each stream has its answer';
        $client->leave;
    });

    subtest "$zone: more streams than may pass" => sub {
        my @streams = map { 2 * $_ + 1 } 0 .. 49;
        my $client  = client("$zone.h2", h2_start() . join '', map { h2_get($_, '/few?k=h2') } @streams);
        my %passed  = map { $client->h2_response } @streams;
        is scalar(keys %passed), 50, 'each stream has its answer';
        is scalar(grep { $_ } values %passed), 20, 'as many pass as may';
        $client->leave;
    };

    for my $place (qw(body piped)) {
        charges($zone, "pieces_$place", 1, sub ($k) {
            my $client = client($zone);
            frozen(sub {
                $client->send(post("/$place?$k", 'Content-Length: 9') . 'one');
                seen($zone);
                $client->send('two');
                seen($zone);
            });
            $client->send('six');
            serve_body($client, 'onetwosix');
        });
    }

    charges($zone, 'no_body', 1, sub ($k) {
        my $client = client($zone, post("/body?$k", 'Content-Length: 0'));
        serve_body($client, '');
    });

    charges($zone, 'continue', 1, sub ($k) {
        my $client = client($zone, post("/body?$k", 'Content-Length: 3', 'Expect: 100-continue'));
        like $client->take_head, qr{\AHTTP/1\.1 100 }, 'the body is asked for';
        $client->send('one');
        serve_body($client, 'one');
    });

    subtest "$zone: the body of a refused request" => sub {
        my $client = client($zone);
        is $client->send(text('/few?k=refused'))->response->{status}, 200, 'one that may pass' for 1 .. 20;

        $client->send(post('/few/body?k=refused', 'Content-Length: 6') . 'one');
        is $client->response->{status}, 429, 'refused';
        $client->send('two' . text('/free'));
        is $client->response->{body}, 'It works!', 'the next request on the connection is served';

        $client->send(post('/few/body?k=refused', 'Content-Length: 6', 'Expect: 100-continue'));
        like $client->take_head, qr{\AHTTP/1\.1 429 }, 'a body that waits to be asked for is not';
        ok $upstream->nobody_waits, 'nothing has been sent on';
        $client->leave;
    };
}

# Whoever leaves has been charged, and its answer is for nobody.
subtest 'clients that leave while Redis is asked' => sub {
    my $open = descriptors();
    is left_by(ask('redis', '/t?k=stays')), 999, 'another key';
    for my $round (1 .. 3) {
        my ($before, $stays);
        frozen(sub {
            my @leave = map { client('redis', text('/t?k=leaves')) } 1 .. 20;
            my $h2    = client('redis.h2', h2_start() . join '', map { h2_get(2 * $_ + 1, '/t?k=leaves') } 0 .. 9);
            my $whole = client('redis.h2', h2_start() . h2_get(1, '/t?k=leaves'));
            seen('redis');
            $h2->send(join '', map { h2_reset(2 * $_ + 1) } 0 .. 9);
            $_->leave for @leave, $whole;
            seen('redis');
            $h2->send(h2_get(101, '/t?k=stays'));
            $stays = client('redis', text('/t?k=stays', 'Connection: close'));
            seen('redis');
            $before = $h2;
        });
        is_deeply [$before->h2_response], [101, 1], "round $round: a stream beside those that were reset";
        is left_by($stays->response), 999 - 2 * $round, "round $round: a connection gets its own answer";
        $_->leave for $before, $stays;
        is left_by(ask('redis', '/t?k=leaves')), 1000 - 32 * $round, "round $round: those who left were charged once";
    }
    $nginx->until(sub { descriptors() <= $open }, 'end of the connections');
    pass 'no connection stays';
};

my $log = $nginx->log;
unlike $log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
is $nginx->stop, 0, 'nginx ends by itself';
unlike $nginx->log, qr/open socket/, 'and leaves no connection';

done_testing;
