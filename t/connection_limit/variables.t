# $connection_limit_status and $connection_limit_current: in header fields, in the access log, in
# subrequests, and before anything is decided. /hold holds its key while another request is decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Test 'connection_limit';
use Test::More ();

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
    Test::More::is($said, $expected, $block->name . ' - access log');
});

run_tests();

__DATA__

=== TEST 1: passed and refused
--- http_config
connection_limit_zone $arg_k zone=vars1:1m;
--- config
location = /t {
    connection_limit zone=vars1 max=2 by=request;
    add_header X-Is "$connection_limit_status,$connection_limit_current" always;
    try_files /index.html =404;
}
location = /hold {
    connection_limit zone=vars1 max=2 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k&to=$arg_next&next=/t;
}
--- request eval
["GET /t?k=a", "GET /hold?k=a&to=/t", "GET /hold?k=a&to=/hold&next=/t", "GET /hold?k=a&to=/t", "GET /t?k=a", "GET /t"]
--- error_code eval
[200, 200, 503, 200, 200, 200]
--- response_headers eval
["X-Is: PASSED,1", "X-Is: PASSED,2", "X-Is: REJECTED,2", "X-Is: PASSED,2", "X-Is: PASSED,1", "X-Is: PASSED,0"]



=== TEST 2: by=connection
--- http_config
connection_limit_zone $arg_k zone=vars2:1m;
--- config
location = /t {
    connection_limit zone=vars2 max=2;
    add_header X-Is "$connection_limit_status,$connection_limit_current" always;
    try_files /index.html =404;
}
location = /hold {
    connection_limit zone=vars2 max=2;
    proxy_http_version 1.0;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k&to=$arg_next&next=/t;
}
--- request eval
["GET /t?k=a", "GET /hold?k=a&to=/t", "GET /hold?k=a&to=/hold&next=/t", "GET /t?k=a"]
--- error_code eval
[200, 200, 503, 200]
--- response_headers eval
["X-Is: PASSED,1", "X-Is: PASSED,2", "X-Is: REJECTED,2", "X-Is: PASSED,1"]



=== TEST 3: on one connection
--- http_config
connection_limit_zone $arg_k zone=vars3:1m;
connection_limit_zone $arg_k zone=requests3:1m;
--- config
location = /echo {
    connection_limit zone=vars3 max=2;
    add_header X-Is "$connection_limit_status,$connection_limit_current" always;
    try_files /index.html =404;
}
location = /request {
    connection_limit zone=requests3 max=1 by=request;
    add_header X-Is "$connection_limit_status,$connection_limit_current" always;
    try_files /index.html =404;
}
--- pipelined_requests eval
["GET /echo?k=a", "GET /echo?k=a", "GET /echo?k=b", "GET /request?k=a", "GET /request?k=a"]
--- response_headers eval
[("X-Is: PASSED,1") x 5]



=== TEST 4: the last limit that was looked at
--- http_config
connection_limit_zone $arg_k zone=first4:1m;
connection_limit_zone $arg_k zone=second4:1m;
connection_limit_zone $arg_other zone=third4:1m;
--- config
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
location = /hold {
    connection_limit zone=first4 max=9 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
location = /both {
    connection_limit zone=first4 max=3 by=request;
    connection_limit zone=second4 max=3 by=request;
    try_files /index.html =404;
}
location = /turned {
    connection_limit zone=second4 max=3 by=request;
    connection_limit zone=first4 max=3 by=request;
    try_files /index.html =404;
}
location = /refused {
    connection_limit zone=second4 max=3 by=request;
    connection_limit zone=first4 max=1 by=request;
    connection_limit zone=third4 max=1 by=request;
    try_files /index.html =404;
}
--- request eval
["GET /hold?k=a&to=/both", "GET /hold?k=a&to=/turned", "GET /hold?k=a&to=/refused"]
--- error_code eval
[200, 200, 503]
--- response_headers eval
["X-Is: PASSED,1", "X-Is: PASSED,2", "X-Is: REJECTED,1"]



=== TEST 5: nothing was decided
--- http_config
connection_limit_zone $arg_k zone=vars5:1m;
--- config
add_header X-Is "[$connection_limit_status,$connection_limit_current]" always;
location = /none { try_files /index.html =404; }
location = /early { connection_limit zone=vars5 max=1; return 403; }
location = /large { connection_limit zone=vars5 max=1; client_max_body_size 1; }
location = /bypassed { connection_limit zone=vars5 max=1; connection_limit_bypass $arg_b; try_files /index.html =404; }
--- request eval
["GET /none?k=a", "GET /early?k=a", "POST /large?k=a\nbody", "GET /bypassed?k=a&b=1"]
--- error_code eval
[200, 403, 413, 200]
--- response_headers eval
[("X-Is: [,]") x 3, "X-Is: [BYPASSED,0]"]



=== TEST 6: the access log, and subrequests
--- http_config
connection_limit_zone $arg_k zone=vars6:1m;
log_format limits '$uri $status $connection_limit_status $connection_limit_current';
--- config
location = /t {
    connection_limit zone=vars6 max=1 by=request;
    access_log logs/limits.log limits;
    auth_request /ask;
    try_files /page =404;
}
location = /ask {
    internal;
    log_subrequest on;
    access_log logs/limits.log limits;
    try_files /index.html =404;
}
--- request
GET /t?k=a
--- user_files
>>> page
page
--- logged
/index.html 200 PASSED 1
/page 200 PASSED 1



=== TEST 7: redirects keep the decision
--- http_config
connection_limit_zone $arg_k zone=vars7:1m;
--- config
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
location = /hold {
    connection_limit zone=vars7 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
location = /t { connection_limit zone=vars7 max=1 by=request; error_page 503 = /page; try_files /none =404; }
location = /redirected { connection_limit zone=vars7 max=1 by=request; error_page 404 = /page; try_files /none =404; }
location = /page { connection_limit zone=vars7 max=9 by=request; try_files /index.html =404; }
--- request eval
["GET /hold?k=a&to=/t", "GET /redirected?k=a"]
--- error_code eval
[200, 200]
--- response_headers eval
["X-Is: REJECTED,1", "X-Is: PASSED,1"]
