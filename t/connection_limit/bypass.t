# connection_limit_bypass: requests that pass uncounted, banned or not, by address or by variable.
# /hold holds the only place there is while another request is decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'connection_limit';

run_tests();

__DATA__

=== TEST 1: addresses and networks
--- http_config
connection_limit_zone all zone=bypass1:1m;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
--- config
location = /hold {
    connection_limit zone=bypass1 max=1 by=request;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/t;
}
location = /t {
    connection_limit zone=bypass1 max=1 by=request;
    connection_limit_bypass 192.0.2.0/24 198.51.100.7;
    connection_limit_bypass 2001:db8::/32;
    add_header X-Status $connection_limit_status always;
    try_files /index.html =404;
}
--- request eval
[("GET /hold") x 11]
--- more_headers eval
[map { "X-Real-IP: $_" } qw(192.0.2.0 192.0.2.255 198.51.100.7 2001:db8:ffff::1 ::ffff:192.0.2.9
    192.0.3.0 192.0.1.255 198.51.100.8 2001:db9::1 ::192.0.2.9 127.0.0.1)]
--- error_code eval
[(200) x 5, (503) x 6]
--- response_headers eval
[("X-Status: BYPASSED") x 5, ("X-Status: REJECTED") x 6]



=== TEST 2: the address of the connection
--- http_config
connection_limit_zone all zone=bypass2:1m;
--- config
location = /hold {
    connection_limit zone=bypass2 max=1;
    proxy_http_version 1.0;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to;
}
location = /t { connection_limit zone=bypass2 max=1; connection_limit_bypass 127.0.0.0/8; try_files /index.html =404; }
location = /other { connection_limit zone=bypass2 max=1; connection_limit_bypass 192.0.2.1; try_files /index.html =404; }
--- request eval
["GET /hold?to=/t", "GET /hold?to=/other"]
--- more_headers
X-Real-IP: 192.0.2.1
X-Forwarded-For: 192.0.2.1
--- error_code eval
[200, 503]



=== TEST 3: variables: neither empty nor 0
--- http_config
connection_limit_zone all zone=bypass3:1m;
map $http_x_probe $probe { default 0; yes 1; no ''; }
--- config
location = /hold {
    connection_limit zone=bypass3 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/t$is_args$args;
}
location = /t {
    connection_limit zone=bypass3 max=1 by=request;
    connection_limit_bypass $arg_b $probe;
    add_header X-Status $connection_limit_status always;
    try_files /index.html =404;
}
--- request eval
[map { "GET /hold$_" } qw(?b=1 ?b=00 ?b=off ?b=%20 ?b=0.0), "", "?b=0", "", "?b=", "?b=0", ""]
--- more_headers eval
[("") x 5, "X-Probe: yes", "X-Probe: yes", "", "X-Probe: no", "X-Probe: no", ""]
--- error_code eval
[(200) x 7, (503) x 4]
--- response_headers eval
[("X-Status: BYPASSED") x 7, ("X-Status: REJECTED") x 4]



=== TEST 4: strings with variables, and both kinds
--- http_config
connection_limit_zone all zone=bypass4:1m;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
--- config
location = /hold {
    connection_limit zone=bypass4 max=1 by=request;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?a=$arg_a&b=$arg_b;
}
location = /joined {
    connection_limit zone=bypass4 max=1 by=request;
    connection_limit_bypass $arg_a$arg_b;
    try_files /index.html =404;
}
location = /both {
    connection_limit zone=bypass4 max=1 by=request;
    connection_limit_bypass $arg_a 192.0.2.1;
    try_files /index.html =404;
}
--- request eval
[map { "GET /hold?to=$_" } "/joined&a=0&b=0", "/both&a=1", "/both", "/joined&a=0", "/joined&b=0", "/joined", "/both&a=0"]
--- more_headers eval
["", "", "X-Real-IP: 192.0.2.1", "", "", "", "X-Real-IP: 192.0.2.2"]
--- error_code eval
[200, 200, 200, 503, 503, 503, 503]



=== TEST 5: uncounted
--- http_config
connection_limit_zone all zone=bypass5:1m;
--- config
location = /hold {
    connection_limit zone=bypass5 max=9 by=request;
    connection_limit_bypass $arg_b;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/t;
}
location = /t {
    connection_limit zone=bypass5 max=9 by=request;
    add_header X-Current $connection_limit_current;
    try_files /index.html =404;
}
--- request eval
["GET /hold", "GET /hold?b=1"]
--- response_headers eval
["X-Current: 2", "X-Current: 1"]



=== TEST 6: inherited and replaced as a whole
--- http_config
connection_limit_zone all zone=bypass6:1m;
connection_limit_bypass $arg_outer;
connection_limit zone=bypass6 max=1 by=request;
--- config
location = /hold { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?outer=$arg_o&inner=$arg_i; }
location = /inherits { try_files /index.html =404; }
location = /replaces { connection_limit_bypass $arg_inner; try_files /index.html =404; }
--- request eval
[map { "GET /hold?to=$_" } "/inherits&o=1", "/replaces&i=1", "/inherits", "/replaces&o=1", "/inherits&i=1"]
--- error_code eval
[200, 200, 503, 503, 503]



=== TEST 7: the banned and the denied
--- http_config
connection_limit_zone $arg_k zone=bypass7:1m;
connection_limit_zone $arg_k zone=denied7:1m;
connection_limit_list zone=denied7 $TEST_NGINX_SERVER_ROOT/html/denied action=deny;
--- config
add_header X-Status $connection_limit_status always;
connection_limit_bypass $arg_b;
connection_limit_ban zone=bypass7 after=1/1h for=1h;
location = /hold {
    connection_limit zone=bypass7 max=1 by=request;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/t?k=$arg_k;
    add_header X-Outer yes;
}
location = /t { connection_limit zone=bypass7 max=1 by=request; try_files /index.html =404; }
location = /denied { connection_limit zone=denied7 max=1; try_files /index.html =404; }
--- user_files
>>> denied
127.0.0.0/8
--- request eval
["GET /hold?k=a", "GET /t?k=a", "GET /t?k=a&b=1", "GET /denied?k=b", "GET /denied?k=b&b=1"]
--- error_code eval
[503, 503, 200, 503, 200]
--- response_headers eval
["X-Status: REJECTED", "X-Status: BANNED", "X-Status: BYPASSED", "X-Status: BANNED", "X-Status: BYPASSED"]



=== TEST 8: nothing to bypass
--- http_config
connection_limit_zone all zone=bypass8:1m;
--- config
location = /t {
    connection_limit_bypass $arg_b;
    add_header X-Status "[$connection_limit_status]" always;
    try_files /index.html =404;
}
--- request
GET /t?b=1
--- response_headers
X-Status: []
