# Inner levels inherit what they do not say, and replace limits, bans, lists and bypasses as a whole.
# /hold holds its key in all zones while another request is decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'connection_limit';
use Gatehouse::Cases;

run_tests();

__DATA__

=== TEST 1: limits of all levels
--- http_config
connection_limit_zone $arg_k zone=http1:1m;
connection_limit_zone $arg_k zone=server1:1m;
connection_limit_zone $arg_k zone=location1:1m;
connection_limit_zone $arg_k zone=nested1:1m;
connection_limit zone=http1 max=1 by=request;
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/http.sock;
    location / { try_files /index.html =404; }
}
--- config
location = /hold {
    connection_limit zone=http1 max=9 by=request;
    connection_limit zone=server1 max=9 by=request;
    connection_limit zone=location1 max=9 by=request;
    connection_limit zone=nested1 max=9 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
}
location = /http { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/http.sock; connection_limit_bypass $arg_k; }
connection_limit zone=server1 max=1 by=request;
location /server { try_files /index.html =404; }
location /location {
    connection_limit zone=location1 max=1 by=request;
    try_files /index.html =404;
    location /location/inherits { try_files /index.html =404; }
    location /location/nested {
        connection_limit zone=nested1 max=1 by=request;
        location /location/nested/deep { try_files /index.html =404; }
    }
    location /location/more { connection_limit zone=location1 max=2 by=request; try_files /index.html =404; }
    if ($arg_if) { set $seen 1; }
}
--- request eval
[map { "GET /hold?k=a&to=$_" } qw(/http /server /location /location/inherits /location/nested/deep /location/more)]
--- error_code eval
[(503) x 5, 200]
--- log
1  limiting connections by zone "http1"
1  limiting connections by zone "server1"
2  limiting connections by zone "location1"
1  limiting connections by zone "nested1"



=== TEST 2: everything else
--- http_config
connection_limit_zone $arg_k zone=all2:1m;
connection_limit_dry_run on;
connection_limit_status 420;
connection_limit_log_level notice;
--- config
connection_limit zone=all2 max=1 by=request;
add_header X-Status $connection_limit_status always;
location = /hold {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
location /inherits { try_files /index.html =404; }
location /wet {
    connection_limit_dry_run off;
    location /wet/inherits { try_files /index.html =404; }
    location /wet/status { connection_limit_status 429; try_files /index.html =404; }
    location /wet/dry { connection_limit_dry_run on; connection_limit_log_level info; try_files /index.html =404; }
}
--- request eval
[map { "GET /hold?k=a&to=$_" } qw(/inherits /wet/inherits /wet/status /wet/dry)]
--- error_code eval
[200, 420, 429, 200]
--- response_headers eval
["X-Status: REJECTED_DRY_RUN", "X-Status: REJECTED", "X-Status: REJECTED", "X-Status: REJECTED_DRY_RUN"]
--- log
1  [notice] limiting connections, dry run by zone "all2"
2  [notice] limiting connections by zone "all2"
1  [info] limiting connections, dry run by zone "all2"



=== TEST 3: bans
--- http_config
connection_limit_zone $arg_k zone=http3:1m;
connection_limit_zone $arg_k zone=server3:1m;
connection_limit_zone $arg_k zone=location3:1m;
connection_limit_ban zone=http3 after=1/1h for=1h;
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/http.sock;
    location / { try_files /index.html =404; }
}
--- config
add_header X-Status $connection_limit_status always;
connection_limit_ban zone=server3 after=1/1h for=1h;
location = /hold {
    connection_limit zone=http3 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_k;
    add_header X-Outer yes;
}
location /refuses {
    connection_limit zone=http3 max=1 by=request;
    try_files /index.html =404;
    location /refuses/nested {
        connection_limit_ban zone=location3 after=1/1h for=1h;
        location /refuses/nested/deep { try_files /index.html =404; }
    }
}
location = /http { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/http.sock; connection_limit_bypass $arg_k; }
location /server { try_files /index.html =404; }
location /location { connection_limit_ban zone=location3 after=1/1h for=1h; try_files /index.html =404; }
--- request eval
["GET /hold?k=a&to=/refuses", "GET /server?k=a", "GET /location?k=a", "GET /http?k=a",
    "GET /hold?k=b&to=/refuses/nested/deep", "GET /server?k=b", "GET /location?k=b", "GET /http?k=b"]
--- error_code eval
[503, 503, 200, 200, 503, 200, 503, 200]



=== TEST 4: lists
--- http_config
connection_limit_zone $arg_k zone=lists4:1m;
connection_limit_zone $arg_k zone=others4:1m;
connection_limit_list zone=lists4 $TEST_NGINX_SERVER_ROOT/html/denied action=deny;
connection_limit zone=lists4 max=9;
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/http.sock;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    location / { try_files /index.html =404; }
}
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/server.sock;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    connection_limit_list zone=others4 $TEST_NGINX_SERVER_ROOT/html/denied action=deny;
    location / { try_files /index.html =404; }
}
--- config
connection_limit_bypass 127.0.0.1;
location = /inherits { proxy_set_header X-Real-IP 192.0.2.1; proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/http.sock; }
location = /replaces { proxy_set_header X-Real-IP 192.0.2.1; proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/server.sock; }
--- user_files
>>> denied
192.0.2.0/24
--- request eval
["GET /inherits?k=a", "GET /replaces?k=a"]
--- error_code eval
[503, 200]



=== TEST 5: places without a limit
--- http_config
connection_limit_zone all zone=none5:1m;
--- config
connection_limit_dry_run off;
location = /hold {
    connection_limit zone=none5 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to;
}
location = /limited { connection_limit zone=none5 max=1 by=request; try_files /index.html =404; }
location = /t { try_files /index.html =404; }
--- request eval
["GET /hold?to=/t", "GET /hold?to=/limited", "GET /limited"]
--- error_code eval
[200, 503, 200]
