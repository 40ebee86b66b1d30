# Keys as identity providers publish them: in PEM, with padding, with zero octets too many or too few,
# with members that are null. Tokens stay strict, unless a load balancer's padding is accepted.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(b64u b64u_decode jwk jwks key padded pem);
use Gatehouse::Jose::Keys qw(openssl slurp);

# A point of P-521 begins with a zero octet every other time.
my ($short) = grep { my $jwk = jwk($_); !grep { b64u_decode($jwk->{$_}) !~ /\A\0/ } qw(x y) } map { "ec521_$_" } 1 .. 99;
my sub coordinates ($jwk, $change) { return { %$jwk, map { ($_ => $change->($jwk->{$_})) } qw(x y) } }

key_file('stripped.jwks', jwks(coordinates(jwk($short), sub ($text) { b64u(b64u_decode($text) =~ s/\A\0+//r) })));
key_file('extended.jwks', jwks(coordinates(jwk('ec256'), sub ($text) { b64u("\0\0" . b64u_decode($text)) })));
key_file('moved.jwks',    jwks('rsa', coordinates(jwk('ec256'), sub ($text) { b64u("\0" . reverse b64u_decode($text)) })));

my sub all_padded ($jwk) { return { %$jwk, map { ($_ => padded(b64u_decode($jwk->{$_}))) } grep { $jwk->{$_} } qw(n e x y k) } }
key_file('padded.jwks', jwks(map { all_padded(jwk($_)) } qw(rsa ec256 ed25519 hs256)));
key_file('null.jwks', Gatehouse::Jose::to_json({ keys => [
    map { +{ jwk($_)->%*, map { ($_ => undef) } qw(alg use key_ops kid x5t x5c) } } qw(rsa ec256) ] }));

my $certificate = openssl('', qw(req -x509 -days 2 -subj /CN=keys.example -key), key('rsa'));
key_file('all.pem', "two keys\r\n" . pem('ed25519') =~ s/\n/\r\n/gr . "and a certificate\n$certificate");
key_file('ec.pem',  pem('ec256'));
key_file('private.pem', slurp(key('ec256')) . pem('rsa'));

token(RSA   => (alg => 'RS256', header => { kid => 'unknown' }));
token(OTHER => (alg => 'RS256', key => 'rsa_2'));
token(PS    => (alg => 'PS256'));
token(EC    => (alg => 'ES256'));
token(EC521 => (alg => 'ES512', key => $short));
token(ED    => (alg => 'EdDSA'));
token(HS    => (alg => 'HS256'));

# A header of 22 octets, claims of 13, a signature of 64: each part has padding.
my $padded = Gatehouse::Jose::jwt(alg => 'ES256', raw_header => '{"alg":"ES256","k":10}', raw_payload => '{"sub":"ali"}', padding => 1);
token(PADDED => $padded);
my @parts = split /\./, $padded;
token(HALF   => join '.', $parts[0], $parts[1] =~ s/=+\z//r, $parts[2]);
token(BARE   => join '.', @parts[0, 1], $parts[2] =~ s/=+\z//r);
token(DOUBLE => "$padded=");
token(LATE   => "$padded====");
token(FORGED => join '.', @parts[0, 1], padded(b64u_decode($parts[2]) ^. ("\0" x 63 . "\1")));

run_tests();

__DATA__

=== TEST 1: coordinates, padding, null
--- config
location ~ ^/(stripped|extended|moved|padded|null)$ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$1.jwks;
    try_files /index.html =404;
}
--- cases
/stripped  EC521  200
/stripped  EC     401  no key matches the token
/extended  EC     200
/moved     EC     401  no key matches the token
/padded    RSA    200
/padded    EC     200
/padded    ED     200
/padded    HS     200
/null      RSA    200
/null      PS     200
/null      EC     200
/null      OTHER  401  signature is invalid
--- log
1  [warn] auth_jwt: key file "$TEST_NGINX_KEYS/moved.jwks": key 2 skipped: member is missing or malformed: "x" must be 32 octets in base64url
1  skipped



=== TEST 2: PEM in files and by request: every key in it, tried by algorithm
--- http_config
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    root $TEST_NGINX_KEYS;
}
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/all.pem pem;
location = /file {
    try_files /index.html =404;
}
location = /two {
    auth_jwt_key_file $TEST_NGINX_KEYS/all.pem pem;
    auth_jwt_key_file $TEST_NGINX_KEYS/ec.pem pem;
    try_files /index.html =404;
}
location = /variable {
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f pem;
    try_files /index.html =404;
}
location = /request {
    auth_jwt_key_file "${arg_none}" pem;
    auth_jwt_key_request /keys/$arg_f pem;
    try_files /index.html =404;
}
location /keys/ {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
--- cases
/file                     RSA    200
/file                     PS     200
/file                     ED     200
/file                     EC     401  no key matches the token
/file                     OTHER  401  signature is invalid
/file                     HS     401  no key matches the token
/two                      EC     200
/two                      ED     200
/variable?f=ec.pem        EC     200
/variable?f=padded.jwks   EC     500  key file "$TEST_NGINX_KEYS/padded.jwks": no PEM with public keys or certificates: it is JSON; leave out the "pem" parameter
/request?f=all.pem        RSA    200
/request?f=all.pem        EC     401  no key matches the token
/request?f=private.pem    RSA    200
/request?f=private.pem    EC     401  no key matches the token
/request?f=null.jwks      EC     500  key request "/keys/null.jwks": no PEM with public keys or certificates: it is JSON; leave out the "pem" parameter
--- log
1  [warn] auth_jwt: key request "/keys/private.pem": key 1 skipped: key is not valid: it is a private key; give its public key



=== TEST 3: padded tokens
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/ec.pem pem;
location = /strict {
    try_files /index.html =404;
}
location = /padded {
    auth_jwt_accept_padding on;
    add_header X-Sub $jwt_verified_claim_sub;
    try_files /index.html =404;
}
location = /field {
    auth_jwt site token=$http_x_amzn_oidc_data;
    auth_jwt_accept_padding on;
    try_files /index.html =404;
}
location = /off {
    auth_jwt_accept_padding off;
    try_files /index.html =404;
}
--- cases
/strict  PADDED  401  token is not canonical base64url
/off     PADDED  401  token is not canonical base64url
/strict  EC      200
/padded  EC      200
/padded  PADDED  200
/padded  FORGED  401  signature is invalid
/padded  HALF    401  token is not canonical base64url
/padded  BARE    401  token is not canonical base64url
/padded  DOUBLE  401  token is not canonical base64url
/padded  LATE    401  token is not canonical base64url
