# Where in a request's way auth_jwt decides: phases, limit_except, nested locations, if, redirects,
# connections that are used again. Subrequests: subrequests.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);

key_file('keys.jwks',  jwks('hs256'));
key_file('other.jwks', jwks('ec256'));
token(GOOD   => (alg => 'HS256', claims => { sub => 'alice' }));
token(BOB    => (alg => 'HS256', claims => { sub => 'bob' }));
token(EC     => (alg => 'ES256', claims => { sub => 'carol' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));

our $Backend = <<'END';
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    location / {
        return 200 "$request_method";
    }
    location /accel/ {
        add_header X-Accel-Redirect $arg_to;
        return 200;
    }
}
END
our $Keys = 'auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;';

run_tests();

__DATA__

=== TEST 1: auth_jwt_phase
--- config eval
$::Keys . <<'END';
auth_jwt site;
auth_jwt_phase preaccess;
location = /preaccess {
    deny all;
    try_files /index.html =404;
}
location = /any {
    satisfy any;
    allow all;
    try_files /index.html =404;
}
location = /access {
    auth_jwt_phase access;
    satisfy any;
    allow all;
    try_files /index.html =404;
}
location = /passing {
    try_files /index.html =404;
}
END
--- cases
/preaccess  -       401  token is missing
/preaccess  FORGED  401  signature is invalid
/preaccess  GOOD    403
/any        -       401  token is missing
/any        GOOD    200
/access     GOOD    200
/passing    GOOD    200
/passing    FORGED  401  signature is invalid



=== TEST 2: in the preaccess phase the limits still count who passes
--- http_config
limit_req_zone $server_name zone=all:32k rate=1r/m;
limit_req_zone $jwt_claim_sub zone=each:32k rate=1r/m;
limit_req_zone $jwt_verified_claim_sub zone=verified:32k rate=1r/m;
--- config eval
$::Keys . <<'END';
auth_jwt site;
location = /preaccess {
    auth_jwt_phase preaccess;
    limit_req zone=all;
    limit_req_status 429;
    try_files /index.html =404;
}
location = /by_sub {
    limit_req zone=each;
    limit_req_status 429;
    try_files /index.html =404;
}
location = /verified {
    auth_jwt_phase preaccess;
    limit_req zone=verified;
    limit_req_status 429;
    try_files /index.html =404;
}
END
--- cases
/preaccess  GOOD    200
/preaccess  GOOD    429
/by_sub     GOOD    200
/by_sub     GOOD    429
/by_sub     BOB     200
/by_sub     BOB     429
/by_sub     -       401  token is missing
/by_sub     -       401  token is missing
/verified   FORGED  401  signature is invalid
/verified   GOOD    200
/verified   GOOD    429
/verified   BOB     200



=== TEST 3: limit_except
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /writing {
    limit_except GET {
        auth_jwt site;
    }
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /reading {
    auth_jwt site;
    limit_except GET {
        auth_jwt off;
    }
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location = /keys {
    auth_jwt site;
    limit_except GET HEAD {
        auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
        auth_jwt_phase preaccess;
    }
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- cases
/writing         -     200
HEAD /writing    -     200
POST /writing    -     401  token is missing
POST /writing    GOOD  200
DELETE /writing  -     401  token is missing
/reading         -     401  token is missing
/reading         GOOD  200
POST /reading    -     200
/keys            GOOD  200
POST /keys       GOOD  401  no key matches the token
POST /keys       EC    200



=== TEST 4: nested locations, and if
--- config
location /outer/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /index.html =404;
    location /outer/inherits {
        try_files /index.html =404;
    }
    location /outer/open {
        auth_jwt off;
        try_files /index.html =404;
    }
    location /outer/own {
        auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
        try_files /index.html =404;
    }
    location ~ [.]txt$ {
        try_files /index.html =404;
    }
}
location = /if {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    if ($arg_a = 1) {
        add_header X-If 1;
    }
    if ($arg_b) {
        set $b 1;
    }
    index index.html;
}
location = /returns {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    if ($arg_a) {
        return 200;
    }
    try_files /index.html =404;
}
--- cases
/outer/          -     401  token is missing
/outer/inherits  -     401  token is missing
/outer/inherits  GOOD  200
/outer/open      -     200
/outer/own       GOOD  401  no key matches the token
/outer/own       EC    200
/outer/x.txt     -     401  token is missing
/outer/x.txt     GOOD  200
/if?a=1          -     401  token is missing
/if?a=1          FORGED  401  signature is invalid
/if?a=1          GOOD  404
/if?b=1          -     401  token is missing
/if              -     401  token is missing
# What nginx's manual says: the rewrite phase comes first.
/returns?a=1     -     200
/returns         -     401  token is missing



=== TEST 5: internal redirects are judged where they arrive
--- http_config eval: $::Backend
--- config
location /open/ {
    auth_jwt off;
    try_files /nothing /guarded/x;
}
location /rewritten/ {
    rewrite ^/rewritten/(.*) /$1/x last;
}
location /accel/ {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location /accel/guarded {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
location /crossing/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /nothing /other/x;
}
location /guarded/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    add_header X-Verified "$jwt_verified$jwt_verified_claim_sub" always;
    try_files /index.html =404;
}
location /other/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
    try_files /index.html =404;
}
--- cases
/open/                        -     401  token is missing
/open/                        GOOD  200
/rewritten/guarded            -     401  token is missing
/rewritten/guarded            GOOD  200
/accel/?to=/guarded/x         -     401  token is missing
/accel/?to=/guarded/x         GOOD  200
/accel/?to=/other/x           GOOD  401  no key matches the token
/accel/?to=/other/x           EC    200
/accel/guarded?to=/guarded/x  GOOD  200
/accel/guarded?to=/other/x    GOOD  401  no key matches the token
/accel/guarded?to=/guarded/x  EC    401  no key matches the token
/crossing/                    GOOD  401  no key matches the token
/crossing/                    EC    401  no key matches the token



=== TEST 6: what was verified before a redirect is not what is verified after it
--- config
location /first/ {
    auth_jwt site token=$arg_t;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    try_files /nothing /second/x?$args;
}
location /second/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    add_header X-State "$jwt_verified/$jwt_verified_claim_sub/$jwt_claim_sub" always;
    try_files /index.html =404;
}
--- request eval
[map { "GET /first/?t=$ENV{TEST_NGINX_TOKEN_GOOD}" } 1 .. 3]
--- more_headers eval
['', ::bearer('BOB'), ::bearer('FORGED')]
--- error_code eval
[401, 200, 401]
--- response_headers eval
['X-State: //', 'X-State: 1/bob/bob', 'X-State: //alice']



=== TEST 7: no request on a connection has anything of the one before
--- config eval
$::Keys . <<'END';
add_header X-State "$jwt_claim_sub/$jwt_verified/$jwt_verified_claim_sub/$auth_jwt_status" always;
location = /t {
    auth_jwt site;
    try_files /index.html =404;
}
location = /off {
    try_files /index.html =404;
}
END
--- pipelined_requests eval
['GET /t', 'GET /t', 'GET /t', 'GET /t', 'GET /off', 'GET /t', 'GET /t']
--- more_headers eval
[::bearer('GOOD'), '', ::bearer('FORGED'), ::bearer('BOB'), ::bearer('BOB'), ::bearer('EC'), ::bearer('GOOD')]
--- error_code eval
[200, 401, 401, 200, 200, 401, 200]
--- response_headers eval
["X-State: alice/1/alice/PASSED\n!WWW-Authenticate", 'X-State: ///REJECTED', 'X-State: alice///REJECTED',
 "X-State: bob/1/bob/PASSED\n!WWW-Authenticate", "X-State: ///\n!WWW-Authenticate", 'X-State: carol///REJECTED',
 "X-State: alice/1/alice/PASSED\n!WWW-Authenticate"]



=== TEST 8: HTTP/2
--- http2
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
auth_jwt site;
add_header X-State "$server_protocol/$jwt_verified_claim_sub" always;
location = /t {
    try_files /index.html =404;
}
location = /proxied {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /t', 'HEAD /t', "POST /proxied\nbody"]
--- more_headers eval
[::bearer('GOOD'), '', ::bearer('FORGED'), ::bearer('GOOD'), ::bearer('BOB')]
--- error_code eval
[200, 401, 401, 200, 200]
--- response_headers eval
['X-State: HTTP/2.0/alice', "X-State: HTTP/2.0/\nWWW-Authenticate: Bearer realm=\"site\"",
 "WWW-Authenticate: Bearer realm=\"site\", error=\"invalid_token\"", 'X-State: HTTP/2.0/alice',
 'X-State: HTTP/2.0/bob']
