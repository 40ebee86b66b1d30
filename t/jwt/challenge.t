# WWW-Authenticate: on every refusal of ours, with its exact value, once, and on nothing else.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);

key_file('keys.jwks', jwks('hs256'));
token(GOOD   => (alg => 'HS256', claims => { sub => 'alice' }));
token(OTHER  => (alg => 'HS256', claims => { sub => 'bob' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));

run_tests();

__DATA__

=== TEST 1: no credentials, no error code; a token that failed, invalid_token
--- config
location = /t {
    auth_jwt "closed site";
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
[("GET /t") x 7, "HEAD /t"]
--- more_headers eval
['', 'Authorization: Basic dTpw', 'Authorization: Bearer', ::bearer('FORGED'), ::bearer('a.b.c'), ::bearer('x'),
 ::bearer('GOOD'), '']
--- error_code eval
[(401) x 6, 200, 401]
--- response_headers eval
[('WWW-Authenticate: Bearer realm="closed site"') x 3,
 ('WWW-Authenticate: Bearer realm="closed site", error="invalid_token"') x 3,
 '!WWW-Authenticate', 'WWW-Authenticate: Bearer realm="closed site"']



=== TEST 2: the realm holds variables, and is a quoted-string whatever they hold
--- config
location = /host {
    auth_jwt "$host $arg_r";
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location = /quotes {
    auth_jwt 'a "b" \\ c';
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location ~ (?s)^/line/(.*) {
    auth_jwt $1;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
['GET /host?r=x', 'GET /host?r=x"y', 'GET /quotes', 'GET /line/a%0d%0aX-Injected:%20b']
--- error_code eval
[(401) x 4]
--- response_headers eval
['WWW-Authenticate: Bearer realm="localhost x"', 'WWW-Authenticate: Bearer realm="localhost x\"y"',
 'WWW-Authenticate: Bearer realm="a \"b\" \\\\ c"',
 "WWW-Authenticate: Bearer realm=\"a  X-Injected: b\"\n!X-Injected"]



=== TEST 3: auth_jwt_www_authenticate
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_www_authenticate off;
location = /off {
    try_files /index.html =404;
}
location = /on {
    auth_jwt_www_authenticate on;
    try_files /index.html =404;
}
location = /string {
    auth_jwt_www_authenticate 'Bearer realm="$host", error_uri="$uri"';
    try_files /index.html =404;
}
location = /scope {
    auth_jwt_scope admin;
    try_files /index.html =404;
}
location = /empty {
    auth_jwt_www_authenticate $arg_none;
    try_files /index.html =404;
}
--- request eval
['GET /off', 'GET /on', 'GET /string', 'GET /scope', 'GET /empty']
--- more_headers eval
['', '', '', ::bearer('GOOD'), '']
--- error_code eval
[401, 401, 401, 403, 401]
--- response_headers eval
['!WWW-Authenticate', 'WWW-Authenticate: Bearer realm="site"',
 'WWW-Authenticate: Bearer realm="localhost", error_uri="/string"', '!WWW-Authenticate', '!WWW-Authenticate']



=== TEST 4: error pages: a name, a URI, another status
--- config
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location = /named {
    auth_jwt site;
    error_page 401 @sorry;
    try_files /index.html =404;
}
location = /uri {
    auth_jwt site;
    error_page 401 /sorry.html;
    try_files /index.html =404;
}
location = /ok {
    auth_jwt site;
    error_page 401 =200 /sorry.html;
    try_files /index.html =404;
}
location = /own {
    auth_jwt site;
    error_page 401 = @login;
    try_files /index.html =404;
}
location = /away {
    auth_jwt site;
    error_page 401 =302 http://login.example/;
    try_files /index.html =404;
}
location = /kept {
    auth_jwt site;
    error_page 401 = @refuse;
    try_files /index.html =404;
}
location = /gone {
    auth_jwt site;
    error_page 401 =404 /sorry.html;
    try_files /index.html =404;
}
location = /forbidden {
    auth_jwt site;
    error_page 401 =403 /sorry.html;
    try_files /index.html =404;
}
location = /sorry.html {
}
location @sorry {
    add_header X-Sub "$jwt_claim_sub" always;
    root html;
    try_files /sorry.html =404;
}
location @login {
    return 302 /login;
}
location @refuse {
    return 401 refused;
}
--- user_files
>>> sorry.html
sorry
--- request eval
['GET /named', 'GET /named', 'GET /uri', 'GET /ok', 'GET /own', 'GET /away', 'GET /kept', 'GET /gone',
 'GET /forbidden']
--- more_headers eval
['', ::bearer('FORGED'), ::bearer('FORGED'), ('') x 6]
--- error_code eval
[401, 401, 401, 200, 302, 302, 401, 404, 403]
--- response_headers eval
['WWW-Authenticate: Bearer realm="site"',
 "WWW-Authenticate: Bearer realm=\"site\", error=\"invalid_token\"\nX-Sub: alice",
 'WWW-Authenticate: Bearer realm="site", error="invalid_token"',
 ('!WWW-Authenticate') x 3, 'WWW-Authenticate: Bearer realm="site"', ('!WWW-Authenticate') x 2]
--- response_body eval
[("sorry\n") x 4, qr/302 Found/, qr/302 Found/, 'refused', ("sorry\n") x 2]
--- log
9  auth_jwt: rejected



=== TEST 5: an error page that is protected as well
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
error_page 401 /sorry.html;
location = /t {
    try_files /index.html =404;
}
location = /other {
    error_page 401 /inner.html;
    try_files /index.html =404;
}
location = /inner.html {
    auth_jwt inner;
    auth_jwt_www_authenticate 'Bearer realm="of the page"';
}
location = /recursive {
    recursive_error_pages on;
    error_page 401 /inner.html;
    try_files /index.html =404;
}
--- user_files
>>> sorry.html
sorry
--- request eval
['GET /t', 'GET /t', 'GET /other', 'GET /recursive']
--- more_headers eval
['', ::bearer('FORGED'), '', '']
--- error_code eval
[(401) x 4]
--- raw_response_headers_unlike eval
[('WWW-Authenticate.*WWW-Authenticate') x 4]
--- response_headers eval
['WWW-Authenticate: Bearer realm="site"', 'WWW-Authenticate: Bearer realm="site", error="invalid_token"',
 'WWW-Authenticate: Bearer realm="of the page"', 'WWW-Authenticate: Bearer realm="site"']



=== TEST 6: a 401 of the upstream is the upstream's
--- http_config
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    location /basic {
        add_header WWW-Authenticate 'Basic realm="backend"' always;
        return 401 "of the backend";
    }
    location /bare {
        return 401 "of the backend";
    }
}
--- config
location /app/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
location /any/ {
    satisfy any;
    allow all;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
--- request eval
['GET /app/basic', 'GET /app/bare', 'GET /app/basic', 'GET /any/basic', 'GET /any/bare']
--- more_headers eval
[::bearer('GOOD'), ::bearer('GOOD'), ::bearer('FORGED'), '', ::bearer('FORGED')]
--- error_code eval
[(401) x 5]
--- response_headers eval
['WWW-Authenticate: Basic realm="backend"', '!WWW-Authenticate',
 'WWW-Authenticate: Bearer realm="site", error="invalid_token"',
 'WWW-Authenticate: Basic realm="backend"', '!WWW-Authenticate']
--- response_body eval
['of the backend', 'of the backend', qr/401 Authorization Required/, 'of the backend', 'of the backend']



=== TEST 7: several differing tokens are a bad request, and RFC 6750 has a word for it
--- config
location = /t {
    auth_jwt site token=$arg_t;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
[map { sprintf 'GET /t?t=%s&t=%s', map { $ENV{"TEST_NGINX_TOKEN_$_"} } @$_ } ['GOOD', 'OTHER'], ['GOOD', 'GOOD']]
--- error_code eval
[400, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="site", error="invalid_request"', '!WWW-Authenticate']
--- log
1  auth_jwt: rejected: several differing tokens in one request
