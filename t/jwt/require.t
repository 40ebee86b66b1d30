# auth_jwt_require: values that must be neither empty nor "0".

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);

key_file('keys.jwks', jwks('hs256'));
sub claims ($name, %claims) { token($name => (alg => 'HS256', claims => \%claims)) }

claims('ADMIN',  sub => 'alice', role => 'admin', team => 'blue');
claims('USER',   sub => 'bob',   role => 'user',  team => 'red');
claims('NOBODY');
claims('FALSY',  sub => '', role => '0');
token(FORGED => flip_bit(Gatehouse::Jose::jwt(alg => 'HS256', claims => { sub => 'x', role => 'admin' })));

our $Maps = <<'END';
map $jwt_claim_role $is_admin {
    admin    1;
}
map $jwt_claim_role $is_known {
    default  0;
    admin    1;
    user     1;
}
map $jwt_claim_team $is_blue {
    default  0;
    blue     yes;
}
END

run_tests();

__DATA__

=== TEST 1: a map of a claim
--- http_config eval: $::Maps
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /admin {
    auth_jwt_require $is_admin;
    try_files /index.html =404;
}
location /known {
    auth_jwt_require $is_known;
    try_files /index.html =404;
}
location /both {
    auth_jwt_require $is_known $is_blue;
    try_files /index.html =404;
}
--- cases
/admin  ADMIN   200
/admin  USER    401  requirement is not met
/admin  NOBODY  401  requirement is not met
/admin  FORGED  401  signature is invalid
/admin  -       401  token is missing
/known  ADMIN   200
/known  USER    200
/known  NOBODY  401  requirement is not met
/both   ADMIN   200
/both   USER    401  requirement is not met
/both   NOBODY  401  requirement is not met



=== TEST 2: each with an error of its own, the first that fails decides
--- http_config eval: $::Maps
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /forbid {
    auth_jwt_require $is_admin error=403;
    try_files /index.html =404;
}
location /explicit {
    auth_jwt_require $is_admin error=401;
    try_files /index.html =404;
}
location /order {
    auth_jwt_require $is_known error=401;
    auth_jwt_require $is_admin $is_blue error=403;
    try_files /index.html =404;
}
location /turned {
    auth_jwt_require error=403 $is_admin;
    auth_jwt_require $is_known;
    try_files /index.html =404;
}
--- cases
/forbid    ADMIN   200
/forbid    USER    403  requirement is not met
/forbid    -       401  token is missing
/explicit  USER    401  requirement is not met
/order     ADMIN   200
/order     USER    403  requirement is not met
/order     NOBODY  401  requirement is not met
/turned    NOBODY  403  requirement is not met



=== TEST 3: challenges
--- http_config eval: $::Maps
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /401 {
    auth_jwt_require $is_admin;
    try_files /index.html =404;
}
location /403 {
    auth_jwt_require $is_admin error=403;
    try_files /index.html =404;
}
--- request eval
["GET /401", "GET /403"]
--- token: USER
--- more_headers
--- error_code eval
[401, 403]
--- response_headers eval
['WWW-Authenticate: Bearer realm="site", error="invalid_token"',
 'WWW-Authenticate: Bearer realm="site", error="insufficient_scope"']



=== TEST 4: what counts as fulfilled
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /arg {
    auth_jwt_require $arg_a;
    try_files /index.html =404;
}
location /text {
    auth_jwt_require "$arg_a$arg_b";
    try_files /index.html =404;
}
location /claim {
    auth_jwt_require $jwt_claim_sub;
    try_files /index.html =404;
}
location /role {
    auth_jwt_require $jwt_claim_role error=403;
    try_files /index.html =404;
}
--- cases
/arg?a=1      ADMIN   200
/arg?a=x      ADMIN   200
/arg?a=false  ADMIN   200
/arg?a=00     ADMIN   200
/arg?a=0      ADMIN   401  requirement is not met
/arg?a=       ADMIN   401  requirement is not met
/arg          ADMIN   401  requirement is not met
/text?a=0&b=0 ADMIN   200
/text?b=0     ADMIN   401  requirement is not met
/claim        ADMIN   200
/claim        NOBODY  401  requirement is not met
/claim        FALSY   401  requirement is not met
/role         FALSY   403  requirement is not met



=== TEST 5: verified claims can be asked for
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location = /t {
    auth_jwt_require $jwt_verified $jwt_verified_claim_sub;
    try_files /index.html =404;
}
location = /early {
    set $sub $jwt_verified_claim_sub;
    auth_jwt_require $sub;
    try_files /index.html =404;
}
--- cases
/t      ADMIN   200
/t      NOBODY  401  requirement is not met
/early  ADMIN   200
/early  NOBODY  401  requirement is not met



=== TEST 6: a level that requires anything replaces what the outer one requires
--- http_config eval: $::Maps
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_require $is_admin error=403;
location /inherited {
    try_files /index.html =404;
}
location /replaced {
    auth_jwt_require $is_known;
    try_files /index.html =404;
}
--- cases
/inherited  ADMIN   200
/inherited  USER    403  requirement is not met
/replaced   USER    200
/replaced   NOBODY  401  requirement is not met



=== TEST 7: not without auth_jwt, and not on behalf of a token that failed
--- http_config eval: $::Maps
--- config
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_require $is_admin error=403;
location /off {
    auth_jwt off;
    try_files /index.html =404;
}
location /readable {
    auth_jwt off token=$http_authorization;
    try_files /index.html =404;
}
location /on {
    auth_jwt site;
    auth_jwt_issuer https://issuer.example;
    try_files /index.html =404;
}
--- cases
/off       -      200
/readable  USER   200
/on        USER   401  issuer is not accepted
