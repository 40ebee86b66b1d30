# The variables beyond the location that verified the token: after redirects, on error pages, in
# subrequests, at an upstream.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Jose qw(flip_bit jwks);

key_file('keys.jwks', jwks('hs256'));
token(ALICE  => (alg => 'HS256', claims => { sub => 'alice', role => 'admin' }));
token(BOB    => (alg => 'HS256', claims => { sub => 'bob', role => 'reader' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_ALICE}));
token(STALE  => (alg => 'HS256', claims => { sub => 'alice', exp => 1 }));

our $All = '[$jwt_claim_sub][$jwt_verified][$jwt_verified_claim_sub][$auth_jwt_status]';
our $Site = 'auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks; auth_jwt site;';

run_tests();

__DATA__

=== TEST 1: after internal redirects the verification still counts
--- config eval
$::Site . <<"END";
location = /index.html {
    auth_jwt off;
    add_header X-Late "$::All" always;
}
location = /try {
    try_files /none /index.html;
}
location = /named {
    error_page 404 = \@named;
    try_files /none =404;
}
location \@named {
    auth_jwt off;
    add_header X-Late "$::All" always;
    try_files /index.html =404;
}
location = /error {
    error_page 404 =200 /index.html;
    try_files /none =404;
}
location = /index {
    index index.html;
    try_files /none/ /;
}
END
--- request eval
['GET /try', 'GET /named', 'GET /error', 'GET /index', 'GET /index.html']
--- more_headers eval
::bearer('ALICE')
--- error_code eval
[200, 200, 200, 200, 200]
--- response_headers eval
[('X-Late: [alice][1][alice][PASSED]') x 4, 'X-Late: [][][][]']



=== TEST 2: a second verification takes the place of the first
--- config eval
$::Site . <<"END";
add_header X-Late "$::All" always;
location = /t {
    try_files /none /second?\$args;
}
location = /second {
    auth_jwt site token=\$arg_x;
    try_files /index.html =404;
}
location = /own {
    try_files /none /third;
}
location = /third {
    auth_jwt_required_claims jti;
    try_files /index.html =404;
}
END
--- request eval
['GET /t?x=$TEST_NGINX_TOKEN_BOB', 'GET /t?x=$TEST_NGINX_TOKEN_FORGED', 'GET /t', 'GET /own']
--- more_headers eval
::bearer('ALICE')
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
['X-Late: [bob][1][bob][PASSED]', 'X-Late: [alice][][][REJECTED]', 'X-Late: [][][][REJECTED]',
 'X-Late: [alice][][][REJECTED]']



=== TEST 3: an error page knows whom it speaks to, and that it is not proven
--- config eval
$::Site . <<"END";
error_page 401 /denied;
error_page 403 \@denied;
location = /t {
    try_files /index.html =404;
}
location = /scope {
    auth_jwt_scope write;
    try_files /index.html =404;
}
location = /denied {
    auth_jwt off;
    add_header X-Late "$::All" always;
    try_files /index.html =404;
}
location \@denied {
    auth_jwt off;
    add_header X-Late "$::All" always;
    try_files /index.html =404;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /t', 'GET /scope']
--- more_headers eval
['', map { ::bearer($_) } qw(FORGED STALE ALICE)]
--- error_code eval
[401, 401, 401, 403]
--- response_headers eval
['X-Late: [][][][REJECTED]', ('X-Late: [alice][][][REJECTED]') x 3]



=== TEST 4: in a subrequest they are those of the request
--- http_config
server {
    listen unix:$TEST_NGINX_KEYS/echo.sock;
    location / {
        add_header X-Got "$http_x_sub";
        return 204;
    }
}
--- config eval
$::Site . <<'END';
location = /t {
    auth_request /sub;
    auth_request_set $got $upstream_http_x_got;
    add_header X-Got "$got";
    try_files /index.html =404;
}
location = /sub {
    internal;
    proxy_set_header X-Sub "$jwt_claim_sub";
    proxy_pass http://unix:$TEST_NGINX_KEYS/echo.sock:/;
}
END
--- token: ALICE
--- response_headers
X-Got: alice



=== TEST 5: proxied, the claims of a verified token
--- http_config
server {
    listen unix:$TEST_NGINX_KEYS/echo.sock;
    location / {
        return 200 "$http_x_sub $http_x_role $http_x_none";
    }
}
--- config eval
$::Site . <<'END';
location = /t {
    proxy_set_header X-Sub  $jwt_verified_claim_sub;
    proxy_set_header X-Role $jwt_claim_role;
    proxy_set_header X-None $jwt_claim_none;
    proxy_pass http://unix:$TEST_NGINX_KEYS/echo.sock;
}
END
--- token: BOB
--- more_headers
X-Sub: admin
X-Role: admin
X-None: admin
--- response_body eval
'bob reader '
