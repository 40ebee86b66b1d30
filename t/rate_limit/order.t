# Where in a request's way the limit is: what is refused before it is not counted, what is refused
# after it is, and what it refuses gets no further. In memory and in Redis, with either order of
# load_module.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose qw(jwks jwt);
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire qw(upstream);
use Test::More;

my $site = <<'END';
limit_req_zone $http_x_key zone=req_ZONE:32k rate=1r/m;
limit_conn_zone $http_x_key zone=conn_ZONE:32k;
server {
    listen unix:$PREFIX/ZONE.sock;
    rate_limit zone=ZONE;
    auth_basic_user_file htpasswd;
    auth_jwt_key_file keys.jwks;
    location = /probe         { try_files /index.html =404; }
    location = /no            { internal; return 403; }

    location = /return        { return 403; }
    location = /body_size     { client_max_body_size 1; }
    location = /limit_req     { limit_req zone=req_ZONE; try_files /index.html =404; }
    location = /limit_conn    { limit_conn conn_ZONE 1; proxy_pass http://unix:$PREFIX/upstream.sock; }
    location = /jwt/preaccess { auth_jwt site; auth_jwt_phase preaccess; try_files /index.html =404; }

    location = /deny          { deny all; }
    location = /auth_basic    { auth_basic site; }
    location = /auth_request  { auth_request /no; }
    location = /jwt/access    { auth_jwt site; }
    location = /satisfy_any   { satisfy any; deny all; auth_basic site; }
    location = /try_files     { try_files /none =404; }
    location = /content       { alias $PREFIX/none; }
}
END

# The statuses of requests in a row, how many of them the limit has counted, and the status once
# the limit would refuse.
my @places = (
    ['/return'        => [403],      0, 403],
    ['/body_size'     => [413],      0, 413, 'Content-Length: 2'],
    ['/limit_req'     => [200, 503], 1, 503],

    ['/jwt/preaccess' => [401],      1, 429],
    ['/deny'          => [403],      1, 429],
    ['/auth_basic'    => [401],      1, 429],
    ['/auth_request'  => [403],      1, 429],
    ['/jwt/access'    => [401],      1, 429],
    ['/satisfy_any'   => [401],      1, 429],
    ['/try_files'     => [404],      1, 429],
    ['/content'       => [404],      1, 429],
);

my $redis = Gatehouse::Redis->new->start;

sub server (@modules) {
    my $nginx = Gatehouse::Server->new(@modules);
    $nginx->file('htpasswd', "user:{PLAIN}password\n");
    $nginx->file('keys.jwks', jwks('hs256'));
    $nginx->configure(<<"END" . join('', map { $site =~ s/ZONE/$_/gr } qw(memory redis)));
rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; prefix "@modules:"; }
rate_limit_zone \$http_x_key zone=memory:256k rate=3r/1d;
rate_limit_zone \$http_x_key zone=redis:256k rate=3r/1d redis=main;
END
    return $nginx->start;
}

sub client ($nginx, $zone, $uri, @lines) {
    return Gatehouse::Wire::client(Gatehouse::Wire::get($uri, undef, @lines, 'Connection: close'),
        $nginx->file("$zone.sock"));
}

sub status ($nginx, $zone, @request) {
    my $client   = client($nginx, $zone, @request);
    my $response = $client->response;
    # nginx closes the connection last of all: limit_conn has let it go.
    1 while $client->more;
    $client->leave;
    return $response->{status};
}

# Uses up what is left of a key, and says how much it was.
sub left ($nginx, $zone, $key) {
    my $count = 0;
    $count++ while status($nginx, $zone, '/probe', "X-Key: $key") == 200;
    return $count;
}

# A connection that waits for its upstream, and one more.
sub limit_conn ($nginx, $zone) {
    my $upstream = upstream($nginx->file('upstream.sock'));
    my @request  = ($nginx, $zone, '/limit_conn', 'X-Key: conn');
    my $first    = client(@request);
    my $asked    = $upstream->next_request;
    is status(@request), 503, "$zone: limit_conn";
    is left($nginx, $zone, 'conn'), 2, "$zone: limit_conn: counted";
    is status(@request), 503, "$zone: limit_conn: exhausted";
    $asked->answer(200, 'done');
    is $first->response->{status}, 200, "$zone: limit_conn: the first";
    $first->leave;
    # nginx lets the first one go a moment after the client has its answer.
    $nginx->until(sub { status(@request) == 429 }, "$zone: limit_conn: exhausted, and no other connection");
    unlink $nginx->file('upstream.sock');
    return;
}

# The last with a sibling that takes no part: no location turns it on.
for my $modules ([qw(rate_limit jwt)], [qw(jwt rate_limit)], [qw(waf rate_limit jwt)]) {
    subtest "load_module: @$modules" => sub {
        my $nginx = server(@$modules);
        for my $zone (qw(memory redis)) {
            for my $place (@places) {
                my ($uri, $statuses, $counted, $exhausted, @lines) = @$place;
                my @request = ($nginx, $zone, $uri, "X-Key: $uri", @lines);
                is_deeply [map { status(@request) } @$statuses], $statuses, "$zone: $uri";
                is left($nginx, $zone, $uri), 3 - $counted, "$zone: $uri: counted";
                is status(@request), $exhausted, "$zone: $uri: exhausted";
            }
            limit_conn($nginx, $zone);
        }
        is $nginx->stop, 0, 'nginx ends by itself';
        unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
    };
}

done_testing;
