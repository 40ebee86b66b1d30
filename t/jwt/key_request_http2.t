# auth_jwt_key_request and streams of HTTP/2: side by side, reset, gone with their connection.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';
use Gatehouse::Wire qw(upstream client h2_start h2_get h2_reset);
use Test::More ();

token(RSA => (alg => 'RS256'));
token(EC  => (alg => 'ES256'));
my %keys = (rsa => jwks('rsa'), ec => jwks('ec256'));
my $key_server = upstream('keys.sock');

sub side_by_side {
    my @tenants = ([rsa => 'RSA', 1], [rsa => 'EC', 0], [ec => 'EC', 1], [ec => 'RSA', 0]);
    my $client  = client(h2_start());
    my @asked;
    for my $i (keys @tenants) {
        $client->send(h2_get(2 * $i + 1, "/t?tenant=$tenants[$i][0]", $tenants[$i][1]));
        push @asked, $key_server->next_request;
    }
    for my $i (reverse keys @tenants) {
        $asked[$i]->answer(200, $keys{ $tenants[$i][0] });
        Test::More::is_deeply([$client->h2_response], [2 * $i + 1, $tenants[$i][2]], "side by side: @{$tenants[$i]}");
    }
    $client->leave;
}

sub reset_stream {
    my $client = client(h2_start() . h2_get(1, '/t?tenant=rsa', 'RSA'));
    my $asked  = $key_server->next_request;
    $client->send(h2_reset(1));
    Test::More::ok($asked->is_left, 'the key request ends with its stream');
    $asked->leave;

    $client->send(h2_get(3, '/t?tenant=ec', 'EC'));
    $key_server->next_request->answer(200, $keys{ec});
    Test::More::is_deeply([$client->h2_response], [3, 1], 'another stream of the connection is served');
    $client->leave;
}

sub leave_connection {
    my $client = client(h2_start() . h2_get(1, '/t?tenant=rsa', 'RSA') . h2_get(3, '/t?tenant=ec', 'EC'));
    my @asked  = map { $key_server->next_request } 1 .. 2;
    $client->leave;
    Test::More::ok($_->is_left, 'the key requests end with their connection') for @asked;
    $_->leave for @asked;
}

run_tests();

__DATA__

=== TEST 1: streams whose keys are asked for at the same time
--- http2
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys?tenant=$arg_tenant;
    try_files /index.html =404;
}
location = /keys {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock;
}
--- cases
/t  -  401  token is missing
do side_by_side  logs 2x no key matches the token
do reset_stream
do leave_connection
do side_by_side  logs 2x no key matches the token
--- log
0  [alert]
0  exited on signal
