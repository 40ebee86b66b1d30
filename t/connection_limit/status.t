# connection_limit_status and connection_limit_log_level: how the refused are answered, and what the
# log says about them. /hold holds the only place there is while another request is decided.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'connection_limit';
use Gatehouse::Cases;

run_tests();

__DATA__

=== TEST 1: statuses
--- http_config
connection_limit_zone all zone=status1:1m;
--- config
connection_limit zone=status1 max=1 by=request;
location = /hold { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to; }
location = /default { }
location = /lowest { connection_limit_status 400; }
location = /many { connection_limit_status 429; }
location = /unknown { connection_limit_status 599; }
location = /closed { connection_limit_status 444; }
--- request eval
[map { "GET /hold?to=/$_" } qw(default lowest many unknown closed)]
--- error_code eval
[503, 400, 429, 599, 502]
--- log
5  limiting connections by zone "status1", client: 127.0.0.1, server: localhost, request: "GET
1  upstream prematurely closed connection



=== TEST 2: pages
--- http_config
connection_limit_zone all zone=status2:1m;
--- config
connection_limit zone=status2 max=1 by=request;
location = /hold { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to; }
location = /page { error_page 503 /index.html; }
location = /named { connection_limit_status 429; error_page 429 =200 @named; }
location @named { try_files /index.html =404; }
--- request eval
["GET /hold?to=/page", "GET /hold?to=/named"]
--- error_code eval
[503, 200]
--- response_body_like eval
["It works!", "It works!"]



=== TEST 3: log levels
--- http_config
connection_limit_zone all zone=level3:1m;
connection_limit_zone $arg_k zone=ban3:1m;
--- config
connection_limit zone=level3 max=1 by=request;
location = /hold { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT$arg_to?k=$arg_to; }
location = /default { }
location = /info { connection_limit_log_level info; connection_limit_ban zone=ban3 after=1/1h for=90s; }
location = /notice { connection_limit_log_level notice; }
location = /warn { connection_limit_log_level warn; connection_limit_ban zone=ban3 after=1/1h for=1h; }
location = /error { connection_limit_log_level error; connection_limit_ban zone=ban3 after=1/1h for=1d; }
--- request eval
[(map { "GET /hold?to=/$_" } qw(default info notice warn error)), "GET /hold?to=/info"]
--- error_code eval
[(503) x 6]
--- log
2  [error] limiting connections by zone "level3", client: 127.0.0.1
1  [warn] limiting connections by zone "level3", client: 127.0.0.1
1  [notice] limiting connections by zone "level3", client: 127.0.0.1
1  [info] limiting connections by zone "level3", client: 127.0.0.1
1  [info] access forbidden by zone "ban3", client: 127.0.0.1
1  [info] banned by zone "ban3" for 90s, client: 127.0.0.1
1  [warn] banned by zone "ban3" for 3600s, client: 127.0.0.1
1  [error] banned by zone "ban3" for 86400s, client: 127.0.0.1
