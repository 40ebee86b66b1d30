# auth_jwt among the other modules that decide about access: satisfy any and all.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);
use MIME::Base64 'encode_base64';

key_file('keys.jwks', jwks('hs256'));
key_file('htpasswd',  "user:{PLAIN}password\n");
token(GOOD   => (alg => 'HS256', claims => { sub => 'alice' }));
token(OTHER  => (alg => 'HS256', claims => { sub => 'bob' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));

sub basic ($password) { return 'Authorization: Basic ' . encode_base64("user:$password", '') }
sub cookie ($name) { return 'Cookie: jwt=' . $ENV{"TEST_NGINX_TOKEN_$name"} }

our $Failed = qr{\A(?=.*Bearer realm="site", error="invalid_token")(?=.*Basic realm="basic")}s;
our $Both   = qr{\A(?=.*WWW-Authenticate: Bearer realm="site")(?=.*WWW-Authenticate: Basic realm="basic")}s;

run_tests();

__DATA__

=== TEST 1: satisfy any with auth_basic
--- config
location = /t {
    satisfy any;
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
[('GET /t') x 5]
--- more_headers eval
[::bearer('GOOD'), ::basic('password'), '', ::bearer('FORGED'), ::basic('wrong')]
--- error_code eval
[200, 200, 401, 401, 401]
--- response_headers eval
['!WWW-Authenticate', '!WWW-Authenticate', '', '', '']
--- raw_response_headers_like eval
['', '', $::Both, $::Failed, $::Both]



=== TEST 2: satisfy any, tokens in a cookie: a bad one does not spoil the other side
--- config
location = /t {
    satisfy any;
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site token=$cookie_jwt;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    add_header X-Verified "$jwt_verified$jwt_verified_claim_sub" always;
    add_header X-Claim "$jwt_claim_sub" always;
    add_header X-Status "$auth_jwt_status" always;
    try_files /index.html =404;
}
--- request eval
[('GET /t') x 4]
--- more_headers eval
[::basic('password') . "\n" . ::cookie('FORGED'), ::basic('wrong') . "\n" . ::cookie('GOOD'),
 ::basic('wrong') . "\n" . ::cookie('FORGED'), ::cookie('GOOD')]
--- error_code eval
[200, 200, 401, 200]
--- response_headers eval
["!WWW-Authenticate\n!X-Verified\n!X-Claim\nX-Status: REJECTED",
 "!WWW-Authenticate\nX-Verified: 1alice\nX-Status: PASSED",
 "!X-Verified\nX-Claim: alice", "!WWW-Authenticate\nX-Verified: 1alice"]



=== TEST 3: satisfy all with auth_basic
--- config
location = /t {
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site token=$cookie_jwt;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
[('GET /t') x 4]
--- more_headers eval
[::basic('password') . "\n" . ::cookie('GOOD'), ::basic('password'), ::cookie('GOOD'),
 ::basic('password') . "\n" . ::cookie('FORGED')]
--- error_code eval
[200, 401, 401, 401]
--- raw_response_headers_unlike eval
['WWW-Authenticate', ('WWW-Authenticate.*WWW-Authenticate') x 3]



=== TEST 4: satisfy any with allow and deny
--- config
location = /allowed {
    satisfy any;
    allow 127.0.0.1;
    deny all;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location = /denied {
    satisfy any;
    deny all;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location = /scope {
    satisfy any;
    deny all;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_scope admin;
    try_files /index.html =404;
}
location = /all {
    deny all;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
--- request eval
['GET /allowed', 'GET /allowed', 'GET /denied', 'GET /denied', 'GET /denied', 'GET /scope', 'GET /all']
--- more_headers eval
['', ::bearer('FORGED'), ::bearer('GOOD'), '', ::bearer('FORGED'), ::bearer('GOOD'), ::bearer('GOOD')]
--- error_code eval
[200, 200, 200, 401, 401, 403, 403]
--- response_headers eval
[('!WWW-Authenticate') x 3, 'WWW-Authenticate: Bearer realm="site"',
 'WWW-Authenticate: Bearer realm="site", error="invalid_token"',
 'WWW-Authenticate: Bearer realm="site", error="insufficient_scope", scope="admin"', '!WWW-Authenticate']



=== TEST 5: a request that is malformed fails whatever the others say; so does one without its keys
--- config
location = /t {
    satisfy any;
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site token=$arg_t;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
}
location = /keys {
    satisfy any;
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_none.jwks;
    try_files /index.html =404;
}
--- request eval
["GET /t?t=$ENV{TEST_NGINX_TOKEN_GOOD}&t=$ENV{TEST_NGINX_TOKEN_OTHER}", 'GET /keys']
--- more_headers eval
['', ::bearer('GOOD')]
--- error_code eval
[400, 500]



=== TEST 6: satisfy any while keys are asked for
--- config
location = /t {
    satisfy any;
    auth_basic basic;
    auth_basic_user_file $TEST_NGINX_KEYS/htpasswd;
    auth_jwt site;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /deny {
    satisfy any;
    deny all;
    auth_jwt site;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /keys {
    internal;
    alias $TEST_NGINX_KEYS/keys.jwks;
}
--- request eval
['GET /t', 'GET /t', 'GET /t', 'GET /deny', 'GET /deny']
--- more_headers eval
[::bearer('GOOD'), ::basic('password'), ::bearer('FORGED'), ::bearer('GOOD'), ::bearer('FORGED')]
--- error_code eval
[200, 200, 401, 200, 401]
--- raw_response_headers_like eval
['', '', $::Both, '', 'WWW-Authenticate: Bearer']
