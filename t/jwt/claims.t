# Time claims, issuer, audience, scope, required claims, lifetime, typ, algorithms.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks secret flip_bit);

key_file('keys.jwks', jwks('hs256', 'hs384', 'rsa'));

my $now = time;
sub claims ($name, %claims) { token($name => (alg => 'HS256', claims => \%claims)) }
sub payload ($name, $json) { token($name => (alg => 'HS256', raw_payload => $json)) }
sub header ($name, %header) { token($name => (alg => 'HS256', header => \%header)) }

claims('BARE');
claims('EXP_LATER', exp => $now + 3600);
claims('EXP_NOW',   exp => $now);    # at the latest the second that the request comes in
claims('EXP_30S',   exp => $now - 30);
claims('EXP_1H',    exp => $now - 3600);
claims('EXP_LEEWAY', exp => $now - 600);    # now - 10m: with 10m of leeway exp is now
claims('NBF_NOW',   nbf => $now);
claims('NBF_EARLY', nbf => $now + 300);
claims('NBF_1H',    nbf => $now + 3600);
claims('IAT_NOW',   iat => $now);
claims('IAT_EARLY', iat => $now + 300);
claims('IAT_1H',    iat => $now + 3600);
claims('OLD_BOTH',  exp => $now - 3600, nbf => $now + 3600);
payload('FRACTION', sprintf '{"exp":%d.75,"nbf":%d.25,"iat":%d.125e0}', $now + 3600, $now - 10, $now - 10);
payload('EXPONENT', '{"exp":1.9e10}');
payload('EXP_FRACTION', sprintf '{"exp":%d.999}', $now - 1);
payload('EXP_NEGATIVE', '{"exp":-1}');
payload('EXP_ZERO',     '{"exp":0}');
payload('EXP_HUGE',     '{"exp":1e400}');
payload('EXP_BIG',      '{"exp":9223372036854775808}');
for my $name (qw(exp nbf iat)) {
    payload(uc $name . '_STRING', sprintf '{"%s":"%d"}', $name, $now + ($name eq 'exp' ? 3600 : -3600));
    payload(uc $name . '_NULL',   qq({"$name":null}));
    payload(uc $name . '_TRUE',   qq({"$name":true}));
    payload(uc $name . '_ARRAY',  qq({"$name":[1]}));
}

claims('LIFE_1H',     iat => $now, exp => $now + 3600);
claims('LIFE_OVER',   iat => $now, exp => $now + 3601);
claims('LIFE_NO_IAT', exp => $now + 1800);
claims('LIFE_LONG',   exp => $now + 7200);
claims('LIFE_NO_EXP', iat => $now);

claims('ISS_A',      iss => 'https://a.example');
claims('ISS_B',      iss => 'https://b.example');
claims('ISS_SLASH',  iss => 'https://a.example/');
claims('ISS_CASE',   iss => 'https://A.example');
claims('ISS_ARRAY',  iss => ['https://a.example']);
claims('AUD_A',      aud => 'a');
claims('AUD_B',      aud => 'b');
claims('AUD_X',      aud => 'x');
claims('AUD_X_B',    aud => ['x', 'b']);
claims('AUD_X_Y',    aud => ['x', 'y']);
claims('AUD_NONE',   aud => []);
claims('AUD_NUMBER', aud => [1, { a => 1 }, 'a']);
claims('AUD_OBJECT', aud => { a => 1 });
claims('AUD_PART',   aud => 'a b');

claims('SCOPE_READ',   scope => 'read');
claims('SCOPE_BOTH',   scope => 'write  read admin');
claims('SCOPE_ARRAY',  scope => ['admin', 'read', 'write']);
claims('SCOPE_PREFIX', scope => 'readonly writer');
claims('SCOPE_JOINED', scope => ['read write']);
claims('SCOPE_EMPTY',  scope => '');
claims('SCOPE_NUMBER', scope => 1);

payload('CLAIMS_ALL',    '{"sub":"a","jti":"1"}');
payload('CLAIMS_FALSY',  '{"sub":"","jti":false}');
payload('CLAIMS_NULL',   '{"sub":"a","jti":null}');
payload('CLAIMS_ONE',    '{"sub":"a"}');

header('TYP_AT',     typ => 'at+jwt');
header('TYP_LONG',   typ => 'Application/AT+JWT');
header('TYP_JWT',    typ => 'JWT');
header('TYP_LOWER',  typ => 'jwt');
header('TYP_NUMBER', typ => 1);
header('TYP_OTHER',  typ => 'application/at+jwt/x');

token(HS384 => (alg => 'HS384'));
token(RS256 => (alg => 'RS256'));
token(PS256 => (alg => 'PS256'));
token(FORGED => flip_bit(Gatehouse::Jose::jwt(alg => 'RS256', claims => { sub => 'mallory' })));
token(EXPIRED_FORGED => flip_bit(Gatehouse::Jose::jwt(alg => 'RS256', claims => { exp => 1 })));
token(NONE    => (alg => 'none', claims => { sub => 'mallory' }));
token(NONE_S  => Gatehouse::Jose::jwt(alg => 'nOnE') . 'AAAA');

run_tests();

__DATA__

=== TEST 1: exp, nbf and iat are checked when they are there
--- config
location /strict {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location /leeway {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_leeway 10m;
    try_files /index.html =404;
}
--- cases
/strict  BARE          200
/strict  EXP_LATER     200
/strict  EXP_NOW       401  token is expired
/strict  EXP_1H        401  token is expired
/strict  EXP_FRACTION  401  token is expired
/strict  EXP_ZERO      401  token is expired
/strict  EXP_NEGATIVE  401  token is expired
/strict  NBF_NOW       200
/strict  NBF_EARLY     401  token is not yet valid
/strict  IAT_NOW       200
/strict  IAT_EARLY     401  token is issued in the future
/strict  FRACTION      200
/strict  EXPONENT      200
/leeway  EXP_30S       200
/leeway  EXP_NOW       200
/leeway  EXP_LEEWAY    401  token is expired
/leeway  EXP_1H        401  token is expired
/leeway  NBF_EARLY     200
/leeway  NBF_1H        401  token is not yet valid
/leeway  IAT_EARLY     200
/leeway  IAT_1H        401  token is issued in the future



=== TEST 2: and are numbers
--- config
location /strict {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- cases
/strict  EXP_STRING  401  "exp", "nbf" or "iat" claim is not a number
/strict  EXP_NULL    401  "exp", "nbf" or "iat" claim is not a number
/strict  EXP_TRUE    401  "exp", "nbf" or "iat" claim is not a number
/strict  EXP_ARRAY   401  "exp", "nbf" or "iat" claim is not a number
/strict  NBF_STRING  401  "exp", "nbf" or "iat" claim is not a number
/strict  NBF_NULL    401  "exp", "nbf" or "iat" claim is not a number
/strict  NBF_TRUE    401  "exp", "nbf" or "iat" claim is not a number
/strict  IAT_STRING  401  "exp", "nbf" or "iat" claim is not a number
/strict  IAT_ARRAY   401  "exp", "nbf" or "iat" claim is not a number
/strict  EXP_HUGE    401  claims are not an acceptable JSON object
/strict  EXP_BIG     401  claims are not an acceptable JSON object



=== TEST 3: auth_jwt_validate_exp
--- config
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_validate_exp off;
auth_jwt site;
location /off {
    try_files /index.html =404;
}
location /on {
    auth_jwt_validate_exp on;
    try_files /index.html =404;
}
--- cases
/off  EXP_1H    200
/off  OLD_BOTH  401  token is not yet valid
/off  FORGED    401  signature is invalid
/on   EXP_1H    401  token is expired



=== TEST 4: auth_jwt_validate_sig
--- config
location /off {
    auth_jwt site;
    auth_jwt_validate_sig off;
    add_header X-Sub "$jwt_claim_sub" always;
    add_header X-Verified "$jwt_verified$jwt_verified_claim_sub" always;
    add_header X-Status $auth_jwt_status always;
    try_files /index.html =404;
}
location /claims {
    auth_jwt site;
    auth_jwt_validate_sig off;
    auth_jwt_required_claims sub;
    try_files /index.html =404;
}
--- request eval
["GET /off", "GET /off", "GET /off", "GET /off", "GET /claims", "GET /claims"]
--- more_headers eval
[map { ::bearer($_) } qw(FORGED NONE NONE_S EXPIRED_FORGED FORGED BARE)]
--- error_code eval
[200, 401, 401, 401, 200, 401]
--- response_headers eval
["X-Sub: mallory\n!X-Verified\nX-Status: PASSED", ("!X-Verified\nX-Status: REJECTED") x 3, '', '']
--- log
1  auth_jwt: rejected: token is not a compact JWS
1  auth_jwt: rejected: algorithm is not supported
1  auth_jwt: rejected: token is expired
1  auth_jwt: rejected: required claim is missing



=== TEST 5: auth_jwt_max_lifetime
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_max_lifetime 1h;
location /hour {
    try_files /index.html =404;
}
location /day {
    auth_jwt_max_lifetime 1d;
    try_files /index.html =404;
}
--- cases
/hour  LIFE_1H      200
/hour  LIFE_OVER    401  token lifetime is too long
/hour  LIFE_NO_IAT  200
/hour  LIFE_LONG    401  token lifetime is too long
/hour  LIFE_NO_EXP  401  token lifetime is too long
/hour  BARE         401  token lifetime is too long
/day   LIFE_OVER    200



=== TEST 6: auth_jwt_issuer and auth_jwt_audience
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /issuer {
    auth_jwt_issuer https://a.example;
    try_files /index.html =404;
}
location /issuers {
    auth_jwt_issuer https://a.example https://b.example;
    try_files /index.html =404;
}
location /audience {
    auth_jwt_audience a b;
    try_files /index.html =404;
    location /audience/inner {
        auth_jwt_audience x;
        try_files /index.html =404;
    }
}
--- cases
/issuer          ISS_A       200
/issuer          ISS_B       401  issuer is not accepted
/issuer          ISS_SLASH   401  issuer is not accepted
/issuer          ISS_CASE    401  issuer is not accepted
/issuer          ISS_ARRAY   401  issuer is not accepted
/issuer          BARE        401  issuer is not accepted
/issuers         ISS_A       200
/issuers         ISS_B       200
/issuers         ISS_SLASH   401  issuer is not accepted
/audience        AUD_A       200
/audience        AUD_B       200
/audience        AUD_X_B     200
/audience        AUD_NUMBER  200
/audience        AUD_X       401  audience is not accepted
/audience        AUD_X_Y     401  audience is not accepted
/audience        AUD_NONE    401  audience is not accepted
/audience        AUD_OBJECT  401  audience is not accepted
/audience        AUD_PART    401  audience is not accepted
/audience        BARE        401  audience is not accepted
/audience/inner  AUD_X       200
/audience/inner  AUD_A       401  audience is not accepted



=== TEST 7: auth_jwt_scope
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /read {
    auth_jwt_scope read;
    try_files /index.html =404;
}
location /both {
    auth_jwt_scope read write;
    try_files /index.html =404;
}
--- cases
/read  SCOPE_READ    200
/read  SCOPE_BOTH    200
/read  SCOPE_ARRAY   200
/read  SCOPE_PREFIX  403  scope is insufficient
/read  SCOPE_JOINED  403  scope is insufficient
/read  SCOPE_EMPTY   403  scope is insufficient
/read  SCOPE_NUMBER  403  scope is insufficient
/read  BARE          403  scope is insufficient
/read  -             401  token is missing
/read  FORGED        401  signature is invalid
/both  SCOPE_BOTH    200
/both  SCOPE_ARRAY   200
/both  SCOPE_READ    403  scope is insufficient



=== TEST 8: a missing scope is told in the challenge
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_scope read write;
    try_files /index.html =404;
}
--- token: SCOPE_READ
--- error_code: 403
--- response_headers
WWW-Authenticate: Bearer realm="site", error="insufficient_scope", scope="read write"



=== TEST 9: auth_jwt_required_claims
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /sub {
    auth_jwt_required_claims sub;
    try_files /index.html =404;
}
location /both {
    auth_jwt_required_claims sub jti;
    try_files /index.html =404;
}
--- cases
/sub   CLAIMS_ONE    200
/sub   BARE          401  required claim is missing
/both  CLAIMS_ALL    200
/both  CLAIMS_FALSY  200
/both  CLAIMS_NULL   401  required claim is missing
/both  CLAIMS_ONE    401  required claim is missing



=== TEST 10: auth_jwt_typ
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /at {
    auth_jwt_typ at+jwt;
    try_files /index.html =404;
}
location /either {
    auth_jwt_typ application/at+jwt JWT;
    try_files /index.html =404;
}
--- cases
/at      TYP_AT      200
/at      TYP_LONG    200
/at      TYP_JWT     401  "typ" header is not allowed
/at      TYP_NUMBER  401  "typ" header is not allowed
/at      TYP_OTHER   401  "typ" header is not allowed
/at      BARE        401  "typ" header is not allowed
/either  TYP_AT      200
/either  TYP_LOWER   200



=== TEST 11: auth_jwt_algorithms
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /one {
    auth_jwt_algorithms RS256;
    try_files /index.html =404;
}
location /two {
    auth_jwt_algorithms HS256 RS256;
    try_files /index.html =404;
}
--- cases
/one  RS256  200
/one  PS256  401  algorithm is not allowed
/one  BARE   401  algorithm is not allowed
/two  BARE   200
/two  RS256  200
/two  HS384  401  algorithm is not allowed
