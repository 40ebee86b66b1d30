# The limit beside other modules: all of them act in one location, and its keys see what those
# before it have found out: the address of the client, the subject of a token. Which of them comes
# first: order.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose qw(flip_bit jwks jwt);
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire qw(upstream);
use MIME::Base64 'encode_base64';
use Test::More;

my $site = <<'END';
limit_req_zone $http_x_key zone=req_ZONE:32k rate=2r/m;
limit_conn_zone $uri zone=conn_ZONE:32k;
server {
    listen unix:$PREFIX/ZONE.sock;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    location = /address { rate_limit zone=address_ZONE; try_files /index.html =404; }
    location = /text    { rate_limit zone=text_ZONE; try_files /index.html =404; }
    location = /all {
        limit_req zone=req_ZONE burst=1 nodelay;
        limit_conn conn_ZONE 1;
        rate_limit zone=key_ZONE;
        allow 192.0.2.0/24;
        deny all;
        auth_basic site;
        auth_basic_user_file htpasswd;
        auth_request /ask;
        auth_jwt site token=$http_x_token;
        auth_jwt_key_file keys.jwks;
        proxy_pass http://unix:$PREFIX/upstream.sock;
    }
    location = /ask { internal; if ($http_x_no) { return 403; } return 200; }
}
server {
    listen unix:$PREFIX/ZONE.location.sock;
    location = /address {
        set_real_ip_from unix:;
        real_ip_header X-Real-IP;
        rate_limit zone=inner_ZONE;
        try_files /index.html =404;
    }
    location = /peer { rate_limit zone=inner_ZONE; try_files /index.html =404; }
}
server {
    listen unix:$PREFIX/ZONE.jwt.sock;
    auth_jwt site token=$http_x_token;
    auth_jwt_key_file keys.jwks;
    auth_jwt_phase preaccess;
    rate_limit zone=subject_ZONE;
    location = /subject { try_files /index.html =404; }
}
END

sub zones ($name, $more) {
    my %key = (address => '$binary_remote_addr', text => '$remote_addr', inner => '$binary_remote_addr',
        key => '$http_x_key', subject => '$jwt_verified_claim_sub');
    return map { "rate_limit_zone $key{$_} zone=${_}_$name:256k rate=2r/1d $more;\n" } sort keys %key;
}

my %token = map { ($_ => jwt(alg => 'HS256', claims => { sub => $_ })) } qw(alice bob);
my $redis = Gatehouse::Redis->new->start;
my $nginx = Gatehouse::Server->new('rate_limit', 'jwt');
$nginx->file('htpasswd', "user:{PLAIN}password\n");
$nginx->file('keys.jwks', jwks('hs256'));
$nginx->configure(join '', "rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }\n",
    zones('memory', ''), zones('redis', 'redis=main'), map { $site =~ s/ZONE/$_/gr } qw(memory redis));
$nginx->start;
my $upstream = upstream($nginx->file('upstream.sock'));

sub client ($socket, $uri, @lines) {
    return Gatehouse::Wire::client(Gatehouse::Wire::get($uri, undef, @lines, 'Connection: close'),
        $nginx->file("$socket.sock"));
}

sub status ($socket, $uri, @lines) {
    my $client   = client($socket, $uri, @lines);
    my $response = $client->response;
    # nginx closes the connection last of all: limit_conn has let it go.
    1 while $client->more;
    $client->leave;
    return $response->{status};
}

# Of three requests with each of these values of a field.
sub statuses ($socket, $uri, $field, @values) {
    return [map { my $value = $_; join ' ', map { status($socket, $uri, "$field: $value") } 1 .. 3 } @values];
}

my @basic = ('Authorization: Basic ' . encode_base64('user:password', ''));
my @right = (@basic, 'X-Real-IP: 192.0.2.1', "X-Token: $token{alice}");

for my $zone (qw(memory redis)) {
    subtest "$zone: realip" => sub {
        for my $place ([$zone, '/address'], [$zone, '/text'], ["$zone.location", '/address']) {
            is_deeply statuses(@$place, 'X-Real-IP', qw(192.0.2.1 192.0.2.2)), [('200 200 429') x 2],
                "@$place: addresses";
            is_deeply statuses(@$place, 'X-Real-IP', '2001:db8::1', '2001:db8:0:1::1'), [('200 200 429') x 2],
                "@$place: networks";
            is_deeply [map { status(@$place, "X-Real-IP: $_") } '2001:db8::2', '::ffff:192.0.2.1'], [429, 429],
                "@$place: others of the same, and an address in a new dress";
        }
        is_deeply statuses("$zone.location", '/peer', 'X-Real-IP', qw(192.0.2.3 192.0.2.4)),
            ['200 200 429', '429 429 429'], 'where nobody is trusted it is the peer';
    };

    subtest "$zone: the subject of a token" => sub {
        my @place = ("$zone.jwt", '/subject', 'X-Token');
        is_deeply statuses(@place, flip_bit($token{alice}), 'none'), [('401 401 401') x 2], 'refused ones';
        is_deeply statuses(@place, @token{qw(alice bob)}), [('200 200 429') x 2], 'have not been counted';
        is_deeply statuses(@place, flip_bit($token{alice})), ['401 401 401'], 'and are refused first';
    };

    subtest "$zone: all at once" => sub {
        my %wrong = (
            'a password'  => [401, 'X-Real-IP: 192.0.2.1', "X-Token: $token{alice}"],
            'an address'  => [403, @basic, 'X-Real-IP: 198.51.100.1', "X-Token: $token{alice}"],
            'a token'     => [401, @basic, 'X-Real-IP: 192.0.2.1', 'X-Token: none'],
            'auth_request' => [403, @right, 'X-No: 1'],
        );
        for my $what (sort keys %wrong) {
            my ($status, @lines) = $wrong{$what}->@*;
            is status($zone, '/all', "X-Key: $what", @lines), $status, $what;
        }
        my $client = client($zone, '/all', 'X-Key: one', @right);
        my $asked  = $upstream->next_request;
        is status($zone, '/all', 'X-Key: two', @right), 503, 'limit_conn';
        $asked->answer(200, 'done');
        is $client->response->{body}, 'done', 'nothing is wrong';
        1 while $client->more;
        $client->leave;
        is status($zone, '/all', 'X-Key: one', 'X-Real-IP: 192.0.2.1'), 401, 'the second request';
        is status($zone, '/all', 'X-Key: one', @right), 503, 'limit_req refuses the third';
        ok $upstream->nobody_waits, 'nothing else was sent on';
    };
}

unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
is $nginx->stop, 0, 'nginx ends by itself';

done_testing;
