# Limits keyed on a verified claim where the token is checked only in the ACCESS phase: reading the
# claim verifies the token then, once, if the keys are at hand.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test qw(jwt rate_limit connection_limit);
use Gatehouse::Cases;
use Gatehouse::Jose qw(flip_bit jwks secret);
use Gatehouse::Jose::Keys 'slurp';
use Test::More ();

key_file('keys.jwks',   jwks('hs256'));
key_file('other.jwks',  jwks('hs256_other'));
key_file('secret',      secret('hs256'));
token(ALICE  => (alg => 'HS256', claims => { sub => 'alice', role => 'admin', iss => 'https://a.example' }));
token(BOB    => (alg => 'HS256', claims => { sub => 'bob', role => 'reader', iss => 'https://b.example' }));
token(STALE  => (alg => 'HS256', claims => { sub => 'alice', role => 'admin', exp => 1 }));
token(OTHER  => (alg => 'HS256', key => 'hs256_other', claims => { sub => 'alice', role => 'admin' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_ALICE}));

# A log with so many lines; nginx writes the last of them after the response.
sub log_of ($name, $count) {
    my $path = "$ENV{TEST_NGINX_SERVER_ROOT}/logs/$name.log";
    for (1 .. 500) {
        last if slurp($path) =~ tr/\n// >= $count;
        select undef, undef, undef, 0.01;
    }
    return slurp($path);
}

# How often the keys were asked for.
sub asked ($count) {
    Test::More::is(log_of('asked', $count) =~ tr/\n//, $count, "the keys were fetched $count times");
    return;
}
sub nobody_in_log { Test::More::is(log_of('sub', 2), "200 [alice]\n429 [-]\n", 'access log') }
sub asked_once  { asked(1) }
sub asked_twice { asked(2) }

our $Zone = "rate_limit_zone \$jwt_verified_claim_sub zone=sub:1m rate=2r/1d;\n";

run_tests();

__DATA__

=== TEST 1: a key file and a secret: whom the token names is limited, forgers spend nothing of it
--- http_config eval: $::Zone
--- config
rate_limit zone=sub;
location /file {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location /secret {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/secret;
    try_files /index.html =404;
}
--- cases
/file    FORGED  401  signature is invalid
/file    OTHER   401  signature is invalid
/file    STALE   401  token is expired
/file    FORGED  401  signature is invalid
/file    -       401  token is missing
/file    ALICE   200
/secret  ALICE   200
/file    ALICE   429
/secret  ALICE   429
/file    BOB     200
/secret  FORGED  401  signature is invalid
--- log
0  [warn]
0  [error] auth_jwt



=== TEST 2: limit_req and connection_limit read the same
--- http_config
limit_req_zone $jwt_verified_claim_sub zone=req:32k rate=1r/m;
limit_req_status 429;
map $jwt_verified_claim_role $is_admin { admin 1; default 0; }
map $jwt_verified_claim_sub $blocked { alice 1; default 0; }
connection_limit_zone $binary_remote_addr zone=open:1m;
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location = /req {
    limit_req zone=req;
    try_files /index.html =404;
}
location = /rewrite {
    if ($jwt_verified_claim_role != admin) {
        return 403;
    }
    try_files /index.html =404;
}
location = /set {
    set $may $is_admin;
    auth_jwt_require $may error=403;
    try_files /index.html =404;
}
location = /map {
    if ($blocked) {
        return 418;
    }
    try_files /index.html =404;
}
--- cases
/req      ALICE   200
/req      ALICE   429
/req      FORGED  401  signature is invalid
/req      FORGED  401  signature is invalid
/req      BOB     200
/rewrite  ALICE   200
/rewrite  BOB     403
/rewrite  FORGED  403
/set      ALICE   200
/set      BOB     403  requirement is not met
/set      FORGED  401  signature is invalid
/map      ALICE   418
/map      FORGED  401  signature is invalid
/map      BOB     200



=== TEST 3: what the configuration demands of the token counts, also early
--- http_config eval: $::Zone =~ s/zone=sub\b/zone=other/r
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
rate_limit zone=other;
location = /issuer {
    auth_jwt_issuer https://b.example;
    try_files /index.html =404;
}
location = /role {
    auth_jwt_require_claim role eq reader;
    try_files /index.html =404;
}
location = /alg {
    auth_jwt_algorithms ES256;
    try_files /index.html =404;
}
location = /off {
    auth_jwt off;
    try_files /index.html =404;
}
location = /named {
    auth_jwt $arg_realm;
    try_files /index.html =404;
}
location = /t {
    try_files /index.html =404;
}
--- cases
/issuer           ALICE  401  issuer is not accepted
/role             ALICE  401  claim requirement is not met: "role" eq
/alg              ALICE  401  algorithm is not allowed
/off              ALICE  200
/named?realm=off  ALICE  200
/t                ALICE  200
/t                ALICE  200
/t                ALICE  429
/off              ALICE  200
/named?realm=off  ALICE  200



=== TEST 4: keys of a variable file; keys that were fetched, as long as they are kept
--- http_config eval
# Counts outlive a reload.
($::Zone =~ s/zone=sub\b/zone=fetched/r) . <<'END';
map $jwt_claim_iss $file {
    https://a.example  $TEST_NGINX_KEYS/keys.jwks;
    https://b.example  $TEST_NGINX_KEYS/other.jwks;
}
server {
    listen unix:$TEST_NGINX_KEYS/keys.sock;
    access_log logs/asked.log;
    root $TEST_NGINX_KEYS;
}
END
--- config
rate_limit zone=fetched;
location = /file {
    auth_jwt site;
    auth_jwt_key_file $file;
    try_files /index.html =404;
}
location = /cached {
    auth_jwt site;
    auth_jwt_key_request /keys;
    auth_jwt_key_cache 1h;
    try_files /index.html =404;
}
location = /fetched {
    auth_jwt site;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /early {
    if ($jwt_verified) {
        return 418;
    }
    auth_jwt site;
    auth_jwt_phase preaccess;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /keys {
    internal;
    auth_jwt site;
    auth_jwt_phase preaccess;
    auth_jwt_key_request /keys;
    proxy_set_header X-Sub "$jwt_verified_claim_sub";
    proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock:/keys.jwks;
}
--- cases
/file     BOB     401  signature is invalid
/file     STALE   401  no key matches the token: there is no source of keys for it
# Nothing is at hand yet: no limit, one line.
/cached   ALICE   200
do asked_once
/cached   ALICE   200
/cached   FORGED  401  signature is invalid
/file     ALICE   200
/cached   ALICE   429
/file     ALICE   429
do asked_once
/fetched  ALICE   200
do asked_twice
/fetched  ALICE   200
/fetched  BOB     200
/early    BOB     200
/early    BOB     200
/early    BOB     429
/early    ALICE   429
--- log
1  [warn] auth_jwt: a verified variable is read in location "/cached" before the token is checked, and is empty, since keys must be fetched first; set "auth_jwt_phase preaccess"
1  [warn] auth_jwt: a verified variable is read in location "/fetched" before
1  [warn] auth_jwt: a verified variable is read in location "/early" before the token is checked, and is empty, since keys must be fetched first; read it behind the REWRITE phase
3  [warn]
0  [error] auth_jwt



=== TEST 5: a key source that asks for what it verifies has no answer, and no end of it either
--- http_config
map $jwt_verified_claim_sub $uri_of { "" ""; default /keys; }
map $jwt_verified_claim_sub $token { default $http_x_token; }
--- config
location = /request {
    auth_jwt site;
    auth_jwt_key_request $uri_of;
    add_header X-Sub "$jwt_verified_claim_sub" always;
    try_files /index.html =404;
}
location = /token {
    auth_jwt site token=$token;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    add_header X-Sub "$jwt_verified_claim_sub" always;
    try_files /index.html =404;
}
--- request eval
['GET /request', 'GET /token']
--- more_headers eval
[::bearer('ALICE'), "X-Token: $ENV{TEST_NGINX_TOKEN_ALICE}"]
--- error_code eval
[401, 200]
--- response_headers eval
['X-Sub: ', 'X-Sub: alice']



=== TEST 6: each place verifies for itself
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location = /other {
    auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
    set $sub $jwt_verified_claim_sub;
    add_header X-Sub "$sub" always;
    try_files /index.html =404;
}
location = /redirected {
    auth_jwt off;
    rewrite ^ /other last;
}
location = /first {
    try_files /none /other;
}
location = /subrequest {
    auth_jwt off;
    auth_request /echo;
    auth_request_set $got $upstream_http_x_got;
    add_header X-Sub "$got" always;
    try_files /index.html =404;
}
location = /echo {
    proxy_set_header X-Sub "$jwt_verified_claim_sub";
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echoed;
}
location = /echoed {
    auth_jwt off;
    add_header X-Got $http_x_sub always;
    return 204;
}
--- request eval
['GET /other', 'GET /other', 'GET /redirected', 'GET /first', 'GET /subrequest', 'GET /subrequest']
--- more_headers eval
[map { ::bearer($_) } qw(ALICE OTHER OTHER ALICE ALICE FORGED)]
--- error_code eval
[401, 200, 200, 401, 200, 200]
--- response_headers eval
['X-Sub: ', 'X-Sub: alice', 'X-Sub: alice', 'X-Sub: ', 'X-Sub: alice', 'X-Sub: ']



=== TEST 7: the log line of a request that a limit has refused is not worth a verification
--- http_config
rate_limit_zone $binary_remote_addr zone=address:1m rate=1r/1d;
log_format sub '$status [$jwt_verified_claim_sub]';
--- config
location = /t {
    access_log logs/sub.log sub;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    rate_limit zone=address;
    try_files /index.html =404;
}
--- cases
/t  ALICE  200
/t  ALICE  429
do nobody_in_log
