# auth_jwt_key_cache and proxy_cache: how often keys are asked for. Key files: key_file.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';
use Gatehouse::Jose::Keys 'slurp';
use Test::More ();

token(RSA => (alg => 'RS256'));
token(EC  => (alg => 'ES256'));
token(ED  => (alg => 'EdDSA'));
key_file('rsa.jwks',   jwks('rsa'));
key_file('ec.jwks',    jwks('ec256'));

sub rotate { key_file('turning.jwks', jwks('ec256')) }
sub back   { key_file('turning.jwks', jwks('rsa')) }
back();

# How often the backend was asked since the last time.
sub hits ($expected) {
    my $path = "$ENV{TEST_NGINX_SERVER_ROOT}/logs/hits.log";
    Test::More::is(slurp($path) =~ tr/\n//, $expected, "$expected requests have reached the backend");
    truncate $path, 0 or die "truncate $path: $!";
}
sub hits_0 { hits(0) }
sub hits_1 { hits(1) }
sub hits_2 { hits(2) }

# Key files behind another server; its log counts requests.
our $Backend = <<'END';
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    access_log logs/hits.log;
    root $TEST_NGINX_KEYS;
}
END
our $Keys = <<'END';
location /keys/ {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
END

run_tests();

__DATA__

=== TEST 1: without auth_jwt_key_cache each request asks anew
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/turning.jwks;
    try_files /index.html =404;
}
END
--- cases
/t  RSA  200
do hits_1
/t  RSA  200
do hits_1
do rotate
/t  RSA  401  no key matches the token
/t  EC   200
do hits_2
/t  -    401  token is missing
do hits_0
do back



=== TEST 2: auth_jwt_key_cache spares the asking
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
auth_jwt_key_cache 1h;
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/turning.jwks;
    try_files /index.html =404;
}
location = /same {
    auth_jwt site;
    auth_jwt_key_request /keys/turning.jwks;
    try_files /index.html =404;
}
location = /tenant {
    auth_jwt site;
    auth_jwt_key_request /keys/$arg_f;
    try_files /index.html =404;
}
location = /fresh {
    auth_jwt_key_cache 0;
    auth_jwt site;
    auth_jwt_key_request /keys/turning.jwks;
    try_files /index.html =404;
}
END
--- cases
/t                  RSA  200
do hits_1
do rotate
/t                  RSA  200
/same               RSA  200
/t                  EC   401  no key matches the token
do hits_0
/fresh              EC   200
do hits_1
do back
/tenant?f=rsa.jwks  RSA  200
/tenant?f=ec.jwks   EC   200
do hits_2
/tenant?f=ec.jwks   RSA  401  no key matches the token
/tenant?f=rsa.jwks  RSA  200
do hits_0
/tenant?f=gone      RSA  500  key request "/keys/gone": status 404
/tenant?f=gone      RSA  500  key request "/keys/gone": status 404
do hits_2



=== TEST 3: proxy_cache in the key location
--- http_config eval
"proxy_cache_path jwt_cache keys_zone=keys:1m;" . $::Backend
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /keys {
    internal;
    proxy_cache keys;
    proxy_cache_key keys;
    proxy_cache_valid 200 1h;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/ec.jwks;
}
--- cases
/t  EC  200
do hits_1
/t  EC  200
/t  ED  401  no key matches the token
do hits_0
