# Beside other modules: all of them act in one location, what is refused before the limit is not
# counted, what the limit refuses gets no further, and keys see what those before it have found out.
# With either order of load_module.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Jose qw(flip_bit jwks jwt);
use MIME::Base64 'encode_base64';
use Test::More;

my $http = <<'END';
limit_req_zone $http_x_key zone=req:1m rate=1r/m;
limit_conn_zone $http_x_key zone=conn:1m;
rate_limit_zone $http_x_key zone=rate:1m rate=4r/1d;
rate_limit_status 420;
connection_limit_zone $http_x_key zone=key:1m;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $remote_addr zone=text:1m;
connection_limit_zone $jwt_verified_claim_sub zone=subject:1m;
connection_limit_status 429;
set_real_ip_from 127.19.0.1;
real_ip_header X-Real-IP;
server {
    listen 127.0.0.1:PORT;
    root html;
    lingering_timeout 100ms;
    auth_basic_user_file htpasswd;
    auth_jwt_key_file keys.jwks;
    connection_limit zone=key max=2 by=request;
    location = /hold          { proxy_pass HOLD; }
    location = /rate          { connection_limit_bypass 1$arg_x; rate_limit zone=rate; try_files /index.html =404; }
    location = /no            { internal; return 403; }

    location = /return        { return 403; }
    location = /body_size     { client_max_body_size 1; }
    location = /limit_req     { limit_req zone=req; try_files /index.html =404; }
    location = /limit_conn    { limit_conn conn 1; try_files /index.html =404; }
    location = /jwt/preaccess { auth_jwt site; auth_jwt_phase preaccess; try_files /index.html =404; }

    location = /rate_limit    { rate_limit zone=rate; try_files /index.html =404; }
    location = /deny          { deny all; }
    location = /auth_basic    { auth_basic site; }
    location = /auth_request  { auth_request /no; }
    location = /jwt/access    { auth_jwt site; }
    location = /satisfy_any   { satisfy any; deny all; auth_basic site; }
    location = /try_files     { try_files /none =404; }
    location = /content       { alias $PREFIX/none; }

    location = /address       { connection_limit zone=address max=1 by=request; proxy_pass HOLD; }
    location = /text          { connection_limit zone=text max=1 by=request; proxy_pass HOLD; }
    location = /subject       {
        auth_jwt site;
        auth_jwt_phase preaccess;
        connection_limit zone=subject max=1 by=request;
        proxy_pass HOLD;
    }
    location = /all           {
        limit_req zone=req burst=3 nodelay;
        limit_conn conn 3;
        rate_limit zone=rate;
        allow 192.0.2.0/24;
        deny all;
        auth_basic site;
        auth_request /ask;
        auth_jwt site token=$http_x_token;
        proxy_pass HOLD;
    }
    location = /ask           { internal; if ($http_x_no) { return 403; } return 200; }
}
END

# What a request gets while its key has room, and while it has none.
my @places = (
    ['/return'        => 403, 403],
    ['/body_size'     => 413, 413, 'Content-Length: 2'],
    ['/limit_conn'    => 200, 429],

    ['/jwt/preaccess' => 401, 429],
    ['/rate_limit'    => 200, 429],
    ['/deny'          => 403, 429],
    ['/auth_basic'    => 401, 429],
    ['/auth_request'  => 403, 429],
    ['/jwt/access'    => 401, 429],
    ['/satisfy_any'   => 401, 429],
    ['/try_files'     => 404, 429],
    ['/content'       => 404, 429],
);

my %token = map { ($_ => jwt(alg => 'HS256', claims => { sub => $_ })) } qw(alice bob);
my @basic = ('Authorization: Basic ' . encode_base64('user:password', ''));
my @right = (@basic, 'X-Real-IP: 192.0.2.1', "X-Token: $token{alice}");

sub leave (@clients) {
    $_->leave for @clients;
    return;
}

for my $modules ([qw(rate_limit jwt)], [qw(jwt rate_limit)]) {
    subtest "load_module: connection_limit @$modules" => sub {
        my $site = Gatehouse::Connections->new(modules => $modules);
        $site->file('htpasswd', "user:{PLAIN}password\n");
        $site->file('keys.jwks', jwks('hs256'));
        $site->configure($http)->start;
        my $status = sub ($uri, @lines) { $site->status_from('127.19.0.1', $uri, @lines) };
        my $hold   = sub ($uri, @lines) { $site->hold('127.19.0.1', $uri, @lines) };

        subtest 'order' => sub {
            for my $place (@places) {
                my ($uri, $room, $none, @lines) = @$place;
                my @key = ("X-Key: $uri", @lines);
                is $status->($uri, @key), $room, $uri;
                my @held = map { $hold->('/hold', "X-Key: $uri") } 1, 2;
                is $status->($uri, @key), $none, "$uri: without room";
                leave(@held);
            }
        };

        subtest 'limit_req comes first' => sub {
            my @held = map { $hold->('/hold', 'X-Key: r') } 1, 2;
            is $status->('/limit_req', 'X-Key: r'), 429, 'charged there, refused here';
            is $status->('/limit_req', 'X-Key: r'), 503, 'refused there';
            leave(@held);
        };

        subtest 'what is refused is not charged to a rate' => sub {
            my @held = map { $hold->('/hold', 'X-Key: c') } 1, 2;
            is $status->('/rate_limit', 'X-Key: c'), 429, 'refused' for 1 .. 6;
            is_deeply [map { $status->('/rate', 'X-Key: c') } 1 .. 5], [(200) x 4, 420], 'four are left';
            leave(@held);
        };

        subtest 'realip' => sub {
            for my $uri ('/address', '/text') {
                my @held = map { $hold->($uri, "X-Real-IP: $_") } qw(192.0.2.1 2001:db8::1);
                is $status->($uri, "X-Real-IP: $_"), 429, "$uri: $_"
                    for qw(192.0.2.1 ::ffff:192.0.2.1 2001:db8::2 2001:db8:0:0:ffff::1);
                push @held, $hold->($uri, "X-Real-IP: $_") for qw(192.0.2.2 2001:db8:0:1::1);
                push @held, $site->hold('127.19.0.2', $uri, 'X-Real-IP: 192.0.2.1');
                is $site->status_from('127.19.0.2', $uri, 'X-Real-IP: 192.0.2.7'), 429,
                    'where nobody is trusted it is the peer';
                leave(@held);
            }
        };

        subtest 'the subject of a token' => sub {
            my %bearer = map { ($_ => "Authorization: Bearer $token{$_}") } keys %token;
            my @held   = map { $hold->('/subject', $bearer{$_}) } qw(alice bob);
            is $status->('/subject', $bearer{$_}), 429, $_ for qw(alice bob);
            is $status->('/subject', 'Authorization: Bearer ' . flip_bit($token{alice})), 401, 'a forged one is refused first';
            is $site->report->{subject}{leases}{held}, 2, 'and not counted';
            leave(@held);
        };

        subtest 'all at once' => sub {
            my %wrong = (
                'a password'   => [401, 'X-Real-IP: 192.0.2.1', "X-Token: $token{alice}"],
                'an address'   => [403, @basic, 'X-Real-IP: 198.51.100.1', "X-Token: $token{alice}"],
                'a token'      => [401, @basic, 'X-Real-IP: 192.0.2.1', 'X-Token: none'],
                'auth_request' => [403, @right, 'X-No: 1'],
            );
            for my $what (sort keys %wrong) {
                my ($expected, @lines) = $wrong{$what}->@*;
                is $status->('/all', "X-Key: $what", @lines), $expected, $what;
            }
            my @held = map { $hold->('/all', 'X-Key: one', @right) } 1, 2;
            is $status->('/all', 'X-Key: one', @right), 429, 'connection_limit';
            $_->asked->answer(200, 'done') for @held;
            is $_->response->{body}, 'done', 'nothing is wrong' for @held;
            leave(@held);

            $site->until(sub { $site->report->{key}{leases}{held} == 0 }, 'end of all');
            is $status->('/all', 'X-Key: one', 'X-Real-IP: 192.0.2.1'), 401, 'the fourth';
            is $status->('/all', 'X-Key: one', @right), 503, 'limit_req refuses the fifth';
            ok $site->upstream->nobody_waits, 'nothing else was sent on';
        };

        is $site->stop, 0, 'nginx ends';
        unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';
    };
}

done_testing;
