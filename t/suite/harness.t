# What Gatehouse::Test adds to Test::Nginx, on nginx without any module of ours.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test;
use Gatehouse::Jose qw(parts);

my $good = token(GOOD => (alg => 'HS256', claims => { sub => 'alice' }));
token(CUT => join '.', (parts($good))[0, 1]);
conceal('correct horse battery staple');
key_file('greeting', "hello\n");

my ($header, $payload, $signature) = parts($good);
my $context = 'while reading client request headers, client: 127.0.0.1';
is scalar(leaks($_)), 1, "leak: $_" for
    "[info] 1#1: *1 auth_jwt: rejected: $good, $context",
    "[info] 1#1: *1 auth_jwt: rejected: ...$payload, $context",
    "[info] 1#1: *1 auth_jwt: rejected: ...$signature",
    "[info] 1#1: *1 cut by nginx $header." . substr($payload, 0, 24),
    '[info] 1#1: *1 never registered: eyJhbGciOiJFUzI1NiJ9.eyJz',
    '[emerg] 1#1: bad secret "correct horse battery staple"';
is scalar(leaks($_)), 0, "no leak: $_" for
    "[info] 1#1: *1 auth_jwt: rejected: expired, $context, request: \"GET /?t=$good HTTP/1.1\"",
    "[debug] 1#1: *1 http header: \"Authorization: Bearer $good\"",
    "[info] 1#1: *1 client sent too long header line: \"Authorization: Bearer $good...\"";
is bearer('GOOD'), "Authorization: Bearer $good", 'bearer, by name';
is bearer('x.y.z'), 'Authorization: Bearer x.y.z', 'bearer, as it is';

run_tests();

__DATA__

=== TEST 1: a token in a header and a default request
--- config
location = /t {
    return 200 "$http_authorization";
}
--- token: GOOD
--- response_body chomp
Bearer $TEST_NGINX_TOKEN_GOOD



=== TEST 2: tokens in other sections
--- config
location = /u {
    return 200 "$arg_t";
    add_header X-Token "$http_x_token $http_authorization";
}
--- request
GET /u?t=$TEST_NGINX_TOKEN_CUT
--- token: GOOD
--- more_headers
X-Token: $TEST_NGINX_TOKEN_CUT
--- response_headers
X-Token: $TEST_NGINX_TOKEN_CUT Bearer $TEST_NGINX_TOKEN_GOOD
--- response_body chomp
$TEST_NGINX_TOKEN_CUT



=== TEST 3: several requests
--- config
location /t/ {
    return 200 "$http_authorization";
}
--- request eval
["GET /t/a", "GET /t/b"]
--- more_headers eval
[::bearer('GOOD'), ::bearer('CUT')]
--- response_body eval
["Bearer $ENV{TEST_NGINX_TOKEN_GOOD}", "Bearer $ENV{TEST_NGINX_TOKEN_CUT}"]



=== TEST 4: files
--- config
location = /t {
    alias $TEST_NGINX_KEYS/greeting;
}
--- response_body
hello



=== TEST 5: a configuration error
--- config
no_such_directive;
--- must_die
--- error_log
[emerg]
unknown directive "no_such_directive"



=== TEST 6: HTTP/2
--- http2
--- config
location = /t {
    return 200 "$server_protocol $http_authorization";
}
--- token: GOOD
--- response_body chomp
HTTP/2.0 Bearer $TEST_NGINX_TOKEN_GOOD
