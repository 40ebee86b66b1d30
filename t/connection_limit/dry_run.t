# connection_limit_dry_run: everything but the refusal. /hold holds its key while another request is
# decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'connection_limit';
use Gatehouse::Cases;

run_tests();

__DATA__

=== TEST 1: refusals
--- http_config
connection_limit_zone $arg_k zone=dry1:1m;
--- config
location = /hold {
    connection_limit zone=dry1 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
connection_limit zone=dry1 max=1 by=request;
connection_limit_dry_run on;
location = /dry { try_files /index.html =404; }
location = /status { connection_limit_status 429; try_files /index.html =404; }
location = /wet { connection_limit_dry_run off; try_files /index.html =404; }
--- request eval
["GET /dry?k=a", "GET /hold?k=a&to=/dry", "GET /hold?k=a&to=/status", "GET /hold?k=a&to=/wet", "GET /dry?k=a"]
--- error_code eval
[200, 200, 200, 503, 200]
--- response_headers eval
["X-Is: PASSED,1", ("X-Is: REJECTED_DRY_RUN,1") x 2, "X-Is: REJECTED,1", "X-Is: PASSED,1"]
--- log
2  [error] limiting connections, dry run by zone "dry1"
1  [error] limiting connections by zone "dry1"



=== TEST 2: by=connection
--- http_config
connection_limit_zone $arg_k zone=dry2:1m;
--- config
location = /hold {
    connection_limit zone=dry2 max=1;
    proxy_http_version 1.0;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
location = /dry { connection_limit zone=dry2 max=1; connection_limit_dry_run on; try_files /index.html =404; }
--- request eval
["GET /hold?k=a&to=/dry", "GET /dry?k=a"]
--- response_headers eval
["X-Is: REJECTED_DRY_RUN,1", "X-Is: PASSED,1"]



=== TEST 3: limits that follow are not looked at, and those before give back what they gave
--- http_config
connection_limit_zone $arg_k zone=before3:1m;
connection_limit_zone $arg_k zone=dry3:1m;
connection_limit_zone $arg_k zone=after3:1m;
--- config
location = /hold {
    connection_limit zone=dry3 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/dry?k=$arg_k&to=$arg_to;
    add_header X-Outer yes;
}
location = /dry {
    connection_limit zone=before3 max=1;
    connection_limit zone=dry3 max=1 by=request;
    connection_limit zone=after3 max=1 by=request;
    connection_limit_dry_run on;
    proxy_http_version 1.0;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
location = /before { connection_limit zone=before3 max=1 by=request; try_files /index.html =404; }
location = /after { connection_limit zone=after3 max=1 by=request; try_files /index.html =404; }
--- request eval
["GET /hold?k=a&to=/before", "GET /hold?k=a&to=/after", "GET /dry?k=a&to=/before", "GET /dry?k=a&to=/after"]
--- error_code eval
[200, 200, 503, 503]
--- response_headers eval
[("X-Is: PASSED,1") x 2, ("X-Is: REJECTED,1") x 2]



=== TEST 4: bans
--- http_config
connection_limit_zone $arg_k zone=dry4:1m;
--- config
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
connection_limit_ban zone=dry4 after=1/1h for=1h;
location = /hold {
    connection_limit zone=dry4 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
location = /dry { connection_limit zone=dry4 max=1 by=request; connection_limit_dry_run on; try_files /index.html =404; }
location = /wet { connection_limit zone=dry4 max=1 by=request; try_files /index.html =404; }
--- request eval
["GET /hold?k=a&to=/dry", "GET /wet?k=a", "GET /hold?k=a&to=/wet", "GET /wet?k=a", "GET /dry?k=a"]
--- error_code eval
[200, 200, 503, 503, 200]
--- response_headers eval
["X-Is: REJECTED_DRY_RUN,1", "X-Is: PASSED,1", "X-Is: REJECTED,1", "X-Is: BANNED,0", "X-Is: BANNED_DRY_RUN,0"]
--- log
1  banned by zone "dry4" for 3600s
1  access forbidden by zone "dry4"
1  access forbidden, dry run by zone "dry4"



=== TEST 5: lists and bypasses
--- http_config
connection_limit_zone $arg_k zone=dry5:1m;
connection_limit_list zone=dry5 $TEST_NGINX_SERVER_ROOT/html/denied action=deny;
--- config
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
connection_limit zone=dry5 max=1 by=request;
connection_limit_dry_run on;
location = /t { try_files /index.html =404; }
location = /bypass { connection_limit_bypass 127.0.0.1; try_files /index.html =404; }
--- user_files
>>> denied
127.0.0.1
--- request eval
["GET /t?k=a", "GET /bypass?k=a"]
--- response_headers eval
["X-Is: BANNED_DRY_RUN,0", "X-Is: BYPASSED,0"]
--- log
1  [error] access forbidden, dry run by zone "dry5"
