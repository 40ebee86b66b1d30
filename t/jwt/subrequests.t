# Subrequests of other modules: auth_request, mirror, SSI. Key requests: key_request*.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);

key_file('keys.jwks',  jwks('hs256'));
key_file('other.jwks', jwks('ec256'));
token(GOOD   => (alg => 'HS256', claims => { sub => 'alice' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));

our $Backend = <<'END';
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    location / {
        return 200 "$request_method";
    }
}
END
our $Keys = 'auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;';

run_tests();

__DATA__

=== TEST 1: in the access phase subrequests belong to a request that was judged
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
auth_jwt site;
location = /asking {
    auth_request /answer;
    try_files /index.html =404;
}
location = /answer {
    auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /mirrored {
    mirror /answer;
    try_files /index.html =404;
}
location = /page {
    ssi on;
    ssi_types *;
    alias $TEST_NGINX_KEYS/included.html;
}
location = /page/open {
    auth_jwt off;
    ssi on;
    ssi_types *;
    alias $TEST_NGINX_KEYS/included.html;
}
END
--- user_files eval
[["$ENV{TEST_NGINX_KEYS}/included.html",
  '<!--# include virtual="/answer" --> <!--# echo var="jwt_verified_claim_sub" -->']]
--- request eval
['GET /asking', 'GET /asking', 'GET /mirrored', 'GET /mirrored', 'GET /page', 'GET /page', 'GET /page/open']
--- more_headers eval
[('', ::bearer('GOOD')) x 3, '']
--- error_code eval
[(401, 200) x 3, 200]
--- response_body_like eval
[('401 Authorization Required', 'It works') x 2, '401 Authorization Required', '\AGET alice\z', '\AGET \(none\)\z']
--- log
3  auth_jwt: rejected: token is missing
3  auth_jwt: rejected
0  [error]



=== TEST 2: in the preaccess phase they are judged like any other request
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /asking/same {
    auth_request /same;
    auth_jwt site;
    try_files /index.html =404;
}
location = /asking/other {
    auth_request /other;
    auth_jwt site;
    try_files /index.html =404;
}
location = /same {
    auth_jwt site;
    auth_jwt_phase preaccess;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /other {
    auth_jwt site;
    auth_jwt_phase preaccess;
    auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /only {
    auth_request /same;
    add_header X-Verified "$jwt_verified$jwt_verified_claim_sub" always;
    try_files /index.html =404;
}
END
--- cases
/asking/same   GOOD    200
/asking/other  GOOD    401  no key matches the token
/asking/same   -       401  token is missing
/only          GOOD    200
/only          FORGED  401  signature is invalid
/only          -       401  token is missing



=== TEST 3: a place that only subrequests reach, and whose token nobody checks, is warned about
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /asking {
    auth_request /answer;
    try_files /index.html =404;
}
location = /answer {
    internal;
    auth_jwt site;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /inheriting {
    auth_jwt site;
    auth_request /stricter;
    try_files /index.html =404;
}
location = /stricter {
    auth_jwt site;
    auth_jwt_require_claim sub eq nobody;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /guarded {
    auth_request /guard;
    try_files /index.html =404;
}
location = /guard {
    internal;
    auth_jwt site;
    auth_jwt_phase preaccess;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- suppress_stderr
--- cases
/asking      FORGED  200
/asking      -       200
/inheriting  GOOD    200
/inheriting  GOOD    200
/guarded     FORGED  401  signature is invalid
/guarded     GOOD    200
--- log
1  [warn] auth_jwt: "auth_jwt" in location "/answer" is not checked in subrequests, as auth_request makes them; set "auth_jwt_phase preaccess"
1  [warn] auth_jwt: "auth_jwt" in location "/stricter" is not checked in subrequests
1  [warn] "auth_jwt" in location "/answer" is not checked in subrequests, as auth_request makes them; set "auth_jwt_phase preaccess" in $TEST_NGINX_SERVER_ROOT/conf/nginx.conf:
3  [warn]
