# $auth_jwt_error: one word for each kind of refusal, for logs, maps, bodies and challenges.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(flip_bit jwks);

key_file('keys.jwks',    jwks('hs256', map { "ec256_$_" } 1 .. 3));
key_file('revoked.json', '{"mallory":1}');
my %claims = (sub => 'alice', iss => 'https://a.example', aud => 'api', scope => 'read');
token(GOOD     => (alg => 'HS256', claims => \%claims));
token(FORGED   => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));
token(EXPIRED  => (alg => 'HS256', claims => { %claims, exp => 1 }));
token(EARLY    => (alg => 'HS256', claims => { %claims, nbf => 1 << 40 }));
token(FUTURE   => (alg => 'HS256', claims => { %claims, iat => 1 << 40 }));
token(TEXT     => (alg => 'HS256', claims => { %claims, nbf => 'soon' }));
token(MALLORY  => (alg => 'HS256', claims => { %claims, sub => 'mallory' }));
token(UNKNOWN  => (alg => 'RS256', claims => \%claims));
token(MANY     => (alg => 'ES256', key => 'ec256_9', claims => \%claims));
token(TYPED    => (alg => 'HS256', header => { typ => 'at+jwt' }, claims => \%claims));
token(ARRAY    => (alg => 'HS256', raw_payload => '[]'));
token(NONE     => (alg => 'none'));
token(CUT      => 'eyJhbGciOiJIUzI1NiJ9.e30');
token(HUGE     => (alg => 'HS256', claims => { %claims, x => 'x' x 5000 }));

our $Words = <<'END';
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_limits tries=2;
auth_jwt_max_token_size 4k;
add_header X-Error "$auth_jwt_error/$auth_jwt_status" always;
location = /t {
    auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/revoked.json;
    try_files /index.html =404;
}
location = /algorithm { auth_jwt_algorithms ES256; try_files /index.html =404; }
location = /type      { auth_jwt_typ at+jwt; try_files /index.html =404; }
location = /lifetime  { auth_jwt_max_lifetime 1h; try_files /index.html =404; }
location = /issuer    { auth_jwt_issuer https://b.example; try_files /index.html =404; }
location = /audience  { auth_jwt_audience other; try_files /index.html =404; }
location = /scope     { auth_jwt_scope read write; try_files /index.html =404; }
location = /claims    { auth_jwt_required_claims sub jti; try_files /index.html =404; }
location = /claim     { auth_jwt_require_claim sub eq bob; try_files /index.html =404; }
location = /header    { auth_jwt_require_header alg eq none error=403; try_files /index.html =404; }
location = /require   { auth_jwt_require $arg_x error=403; try_files /index.html =404; }
location = /argument  { auth_jwt site token=$arg_t; try_files /index.html =404; }
location = /keys      { auth_jwt_key_file $TEST_NGINX_KEYS/none$arg_f; try_files /index.html =404; }
location = /dry       { auth_jwt_dry_run on; try_files /index.html =404; }
location = /early     { auth_jwt_phase preaccess; try_files /index.html =404; }
location = /any       { satisfy any; allow all; try_files /index.html =404; }
END

# [request, token, word, status, what the log says]
our @Rows = (
    ['/t',                      'GOOD',     '',              200],
    ['/t',                      undef,      'missing',       401, 'token is missing'],
    ['/argument?t=a.b.c&t=a.b', undef,      'ambiguous',     400, 'several differing tokens in one request'],
    ['/t',                      'CUT',      'malformed',     401, 'token is not a compact JWS'],
    ['/t',                      'HUGE',     'malformed',     401, 'token is too large'],
    ['/t',                      'ARRAY',    'malformed',     401, 'claims are not an acceptable JSON object'],
    ['/t',                      'TEXT',     'malformed',     401, '"exp", "nbf" or "iat" claim is not a number: "nbf"'],
    ['/t',                      'NONE',     'malformed',     401, 'token is not a compact JWS'],
    ['/algorithm',              'GOOD',     'algorithm',     401, 'algorithm is not allowed'],
    ['/type',                   'GOOD',     'type',          401, '"typ" header is not allowed'],
    ['/type',                   'TYPED',    '',              200],
    ['/t',                      'UNKNOWN',  'unknown_key',   401, 'no key matches the token'],
    ['/t',                      'MANY',     'unknown_key',   401, 'too many keys match the token'],
    ['/t',                      'FORGED',   'signature',     401, 'signature is invalid'],
    ['/t',                      'EXPIRED',  'expired',       401, 'token is expired'],
    ['/t',                      'EARLY',    'not_yet_valid', 401, 'token is not yet valid'],
    ['/t',                      'FUTURE',   'not_yet_valid', 401, 'token is issued in the future'],
    ['/lifetime',               'GOOD',     'lifetime',      401, 'token lifetime is too long'],
    ['/issuer',                 'GOOD',     'issuer',        401, 'issuer is not accepted'],
    ['/audience',               'GOOD',     'audience',      401, 'audience is not accepted'],
    ['/scope',                  'GOOD',     'scope',         403, 'scope is insufficient: "write"'],
    ['/claims',                 'GOOD',     'claim',         401, 'required claim is missing: "jti"'],
    ['/claim',                  'GOOD',     'claim',         401, 'claim requirement is not met: "sub" eq'],
    ['/header',                 'GOOD',     'header',        403, 'header requirement is not met: "alg" eq'],
    ['/require',                'GOOD',     'requirement',   403, 'requirement is not met: "$arg_x"'],
    ['/t',                      'MALLORY',  'revoked',       401, 'subject is revoked or missing'],
    ['/keys',                   'GOOD',     'keys',          500, 'key file: open()'],
    ['/early',                  'EXPIRED',  'expired',       401, 'token is expired'],
);
our @Last = (
    ['/dry', 'FORGED', 'signature/REJECTED_DRY_RUN', 200, 'signature is invalid'],
    ['/any', 'FORGED', 'signature/REJECTED',         200, 'signature is invalid'],
);

run_tests();

__DATA__

=== TEST 1: a word for each
--- config eval: $::Words
--- cases eval
CORE::join '', map { CORE::join(' ', $_->[0], $_->[1] // '-', $_->[3], $_->[4] // '') . "\n" } @::Rows, @::Last
--- response_headers eval
[(map { 'X-Error: ' . ($_->[2] eq '' ? '/PASSED' : "$_->[2]/REJECTED") } @::Rows), map { "X-Error: $_->[2]" } @::Last]



=== TEST 2: in a body, a challenge, a map and the answer of the place that asks
--- http_config
map $auth_jwt_error $hint {
    expired  refresh;
    default  login;
}
server {
    listen unix:$TEST_NGINX_KEYS/app.sock;
    location / {
        return 200 "$http_x_error";
    }
}
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_www_authenticate 'Bearer error="invalid_token", error_description="$auth_jwt_error"';
    error_page 401 /refused;
    try_files /index.html =404;
}
location = /refused {
    internal;
    default_type application/json;
    add_header X-Hint $hint always;
    return 401 '{"error":"$auth_jwt_error"}';
}
location = /proxied {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_dry_run on;
    proxy_set_header X-Error "$auth_jwt_error";
    proxy_pass http://unix:$TEST_NGINX_KEYS/app.sock;
}
--- request eval
['GET /t', 'GET /t', 'GET /proxied', 'GET /proxied']
--- more_headers eval
[map { ::bearer($_) } qw(EXPIRED FORGED FORGED GOOD)]
--- error_code eval
[401, 401, 200, 200]
--- response_body eval
['{"error":"expired"}', '{"error":"signature"}', 'signature', '']
--- response_headers eval
["X-Hint: refresh\nWWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"expired\"",
 "X-Hint: login\nWWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"signature\"", '', '']
