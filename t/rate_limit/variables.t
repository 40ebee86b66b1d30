# $rate_limit_status, _zone, _remaining, _reset and _source: in header fields, in the access log, in
# subrequests, and before anything is decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Redis;
use Gatehouse::Test 'rate_limit';
use Test::More ();

my $redis = Gatehouse::Redis->new->start;
$ENV{TEST_NGINX_REDIS} = $redis->socket;

# --- logged: what the access log says in the end. It is written after the response.
Test::Nginx::Util::add_test_cleanup_handler(sub ($block) {
    my $expected = $block->logged // return;
    my $path = "$Test::Nginx::Util::ServRoot/logs/limits.log";
    for (1 .. 1000) {
        last if -e $path && slurp($path) =~ tr/\n// >= $expected =~ tr/\n//;
        select undef, undef, undef, 0.01;
    }
    my $said = slurp($path);
    unlink $path;
    Test::More::like($said, qr/\A$expected\z/, $block->name . ' - access log');
});

run_tests();

__DATA__

=== TEST 1: in memory
--- http_config
rate_limit_zone $arg_k zone=vars1:1m rate=2r/1h;
--- config
location /t {
    rate_limit zone=vars1;
    add_header X-Is "$rate_limit_status,$rate_limit_zone,$rate_limit_remaining,$rate_limit_reset,$rate_limit_source" always;
    try_files /index.html =404;
}
--- request eval
[("GET /t?k=a") x 4, "GET /t"]
--- error_code eval
[200, 200, 429, 429, 200]
--- response_headers_like eval
["X-Is: PASSED,vars1,1,1[78]\\d\\d,local", "X-Is: PASSED,vars1,0,1[78]\\d\\d,local",
    ("X-Is: REJECTED,vars1,0,1[78]\\d\\d,local") x 2, "X-Is: ,,,,"]



=== TEST 2: in Redis, and refused from memory when Redis has said so
--- http_config
rate_limit_redis main { server unix:$TEST_NGINX_REDIS; timeout 2s; connect_timeout 2s; }
rate_limit_zone $arg_k zone=vars2:1m rate=3r/1h burst=2 redis=main;
--- config
location /t {
    rate_limit zone=vars2 cost=$arg_c;
    add_header X-Is "$rate_limit_status,$rate_limit_zone,$rate_limit_remaining,$rate_limit_reset,$rate_limit_source" always;
    try_files /index.html =404;
}
--- request eval
["GET /t?k=a", "GET /t?k=a&c=2", "GET /t?k=a", "GET /t?k=a", "GET /t?k=a"]
--- error_code eval
[200, 429, 200, 429, 429]
--- response_headers_like eval
["X-Is: PASSED,vars2,1,1[12]\\d\\d,redis", "X-Is: REJECTED,vars2,1,1[12]\\d\\d,redis",
    "X-Is: PASSED,vars2,0,1[12]\\d\\d,redis", ("X-Is: REJECTED,vars2,0,1[12]\\d\\d,deny_cache") x 2]



=== TEST 3: several limits
--- http_config
rate_limit_zone $arg_a zone=few3:1m rate=2r/1h;
rate_limit_zone $arg_b zone=many3:1m rate=3r/1h;
--- config
location /t {
    rate_limit zone=many3;
    rate_limit zone=few3;
    add_header X-Is "$rate_limit_status,$rate_limit_zone,$rate_limit_remaining" always;
    try_files /index.html =404;
}
--- request eval
["GET /t?a=1&b=1", "GET /t?a=2&b=1", "GET /t?a=1&b=1", "GET /t?a=1&b=2", "GET /t?a=3&b=1", "GET /t?b=2", "GET /t"]
--- error_code eval
[200, 200, 200, 429, 429, 200, 200]
--- response_headers eval
["X-Is: PASSED,few3,1", "X-Is: PASSED,many3,1", "X-Is: PASSED,many3,0", "X-Is: REJECTED,few3,0", "X-Is: REJECTED,many3,0",
    "X-Is: PASSED,many3,2", "X-Is: ,,"]



=== TEST 4: log_format, for every outcome
--- http_config
rate_limit_zone $arg_k zone=vars4:1m rate=1r/1h burst=2;
log_format limits '$uri $status [$rate_limit_status] [$rate_limit_zone] [$rate_limit_remaining] [$rate_limit_source]';
--- config
access_log logs/limits.log limits;
location /t { rate_limit zone=vars4; try_files /index.html =404; }
location /dry { rate_limit zone=vars4; rate_limit_dry_run on; try_files /index.html =404; }
location /delay { rate_limit zone=vars4 delay; rate_limit_dry_run on; try_files /index.html =404; }
location /bypass { rate_limit zone=vars4; rate_limit_bypass $arg_k; try_files /index.html =404; }
location /free { try_files /index.html =404; }
location /early { rate_limit zone=vars4; return 204; }
--- request eval
["GET /t?k=a", "GET /t?k=a", "GET /t?k=a", "GET /dry?k=a", "GET /delay?k=b", "GET /delay?k=b", "GET /bypass?k=a",
    "GET /free?k=a", "GET /early?k=a", "GET /t"]
--- error_code eval
[200, 200, 429, 200, 200, 200, 200, 200, 204, 200]
--- logged eval
qr{/index.html 200 \[PASSED\] \[vars4\] \[1\] \[local\]
/index.html 200 \[PASSED\] \[vars4\] \[0\] \[local\]
/t 429 \[REJECTED\] \[vars4\] \[0\] \[local\]
/index.html 200 \[REJECTED_DRY_RUN\] \[vars4\] \[0\] \[local\]
/index.html 200 \[PASSED\] \[vars4\] \[1\] \[local\]
/index.html 200 \[DELAYED_DRY_RUN\] \[vars4\] \[0\] \[local\]
/index.html 200 \[BYPASSED\] \[-\] \[-\] \[-\]
/index.html 200 \[-\] \[-\] \[-\] \[-\]
/early 204 \[-\] \[-\] \[-\] \[-\]
/index.html 200 \[-\] \[-\] \[-\] \[-\]
}



=== TEST 5: asked for before the decision, and again after it
--- http_config
rate_limit_zone $arg_k zone=vars5:1m rate=1r/1h;
map $rate_limit_status $mapped { default other; '' nothing; PASSED passed; REJECTED rejected; }
--- config
location /t {
    set $before "[$rate_limit_status$rate_limit_zone$rate_limit_remaining$rate_limit_reset$rate_limit_source]";
    if ($rate_limit_status) { return 500; }
    rate_limit zone=vars5;
    error_page 429 /limited;
    add_header X-Is "$before [$rate_limit_status] [$rate_limit_zone] $mapped";
    empty_gif;
}
location /limited {
    internal;
    rate_limit zone=vars5;
    add_header X-Is "$before [$rate_limit_status] [$rate_limit_zone] $mapped" always;
    try_files /index.html =404;
}
--- request eval
["GET /t?k=a", "GET /t?k=a"]
--- error_code eval
[200, 429]
--- response_headers eval
["X-Is: [] [PASSED] [vars5] passed", "X-Is: [] [REJECTED] [vars5] rejected"]



=== TEST 6: subrequests see the decision about the client's request
--- http_config
rate_limit_zone $arg_k zone=vars6:1m rate=3r/1h;
--- config
location /t {
    rate_limit zone=vars6;
    auth_request /auth;
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Seen $seen always;
    ssi on;
    ssi_types *;
    default_type text/html;
    alias $TEST_NGINX_SERVER_ROOT/html/page.html;
}
location = /auth {
    internal;
    rate_limit zone=vars6;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
    proxy_set_header X-Decided "$rate_limit_status $rate_limit_zone $rate_limit_remaining $rate_limit_source";
}
location = /echo { add_header X-Seen $http_x_decided; return 200; }
location = /part {
    rate_limit zone=vars6;
    ssi on;
    alias $TEST_NGINX_SERVER_ROOT/html/part.html;
    default_type text/html;
}
--- user_files eval
[["page.html" => '<!--#echo var="rate_limit_remaining" --> <!--#include virtual="/part?k=$arg_k" -->'],
    ["part.html" => '<!--#echo var="rate_limit_status" --> <!--#echo var="rate_limit_remaining" -->']]
--- request eval
["GET /t?k=a", "GET /t?k=a"]
--- response_headers eval
["X-Seen: PASSED vars6 2 local", "X-Seen: PASSED vars6 1 local"]
--- response_body eval
["2 PASSED 2", "1 PASSED 1"]
