# Inner levels inherit what they do not say, and replace limits and bypasses as a whole.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'rate_limit';
use Gatehouse::Cases;

run_tests();

__DATA__

=== TEST 1: limits of all levels
--- http_config
rate_limit_zone $arg_k zone=http1:1m rate=4r/1h;
rate_limit_zone $arg_k zone=server1:1m rate=3r/1h;
rate_limit_zone $arg_k zone=location1:1m rate=2r/1h;
rate_limit_zone $arg_k zone=nested1:1m rate=1r/1h;
rate_limit zone=http1;
--- config
rate_limit zone=server1;
add_header X-Zone $rate_limit_zone always;
location /server { try_files /index.html =404; }
location /location {
    rate_limit zone=location1;
    try_files /index.html =404;
    location /location/inherits { try_files /index.html =404; }
    location /location/nested {
        rate_limit zone=nested1;
        location /location/nested/deep { try_files /index.html =404; }
    }
    location /location/cost { rate_limit zone=location1 cost=2; try_files /index.html =404; }
    if ($arg_if) { set $seen 1; }
}
--- request eval
[map { "GET $_" } ("/server?k=a") x 4, ("/location?k=a") x 2, "/location/inherits?k=a", "/location/nested/deep?k=a",
    "/location/nested/deep?k=a", "/location/cost?k=b", "/location?k=b", "/location?k=c&if=1", "/location?k=c&if=1",
    "/location?k=c&if=1"]
--- error_code eval
[200, 200, 200, 429, 200, 200, 429, 200, 429, 200, 429, 404, 404, 429]
--- response_headers eval
[("X-Zone: server1") x 4, ("X-Zone: location1") x 3, ("X-Zone: nested1") x 2, ("X-Zone: location1") x 5]



=== TEST 2: limits of http
--- http_config
rate_limit_zone $arg_k zone=http2:1m rate=2r/1h;
rate_limit zone=http2;
rate_limit_status 503;
rate_limit_headers legacy;
rate_limit_retry_after off;
--- config
location /t { try_files /index.html =404; }
location /inner { rate_limit_status 429; location /inner/t { rate_limit_headers off; try_files /index.html =404; } }
--- request eval
["GET /t?k=a", "GET /inner/t?k=a", "GET /t?k=a", "GET /inner/t?k=a"]
--- error_code eval
[200, 200, 503, 429]
--- response_headers eval
["X-RateLimit-Limit: 2\nX-RateLimit-Remaining: 1\nRateLimit: ", "X-RateLimit-Limit: ",
    "X-RateLimit-Limit: 2\nX-RateLimit-Remaining: 0\nRetry-After: ", "X-RateLimit-Limit: \nRetry-After: "]



=== TEST 3: everything else
--- http_config
rate_limit_zone $arg_k zone=all3:1m rate=1r/1h;
rate_limit_dry_run on;
rate_limit_status 420;
rate_limit_log_level notice;
rate_limit_headers off;
--- config
rate_limit zone=all3;
add_header X-Status $rate_limit_status always;
location /inherits { try_files /index.html =404; }
location /wet {
    rate_limit_dry_run off;
    location /wet/inherits { try_files /index.html =404; }
    location /wet/draft { rate_limit_headers draft; try_files /index.html =404; }
    location /wet/dry { rate_limit_dry_run on; try_files /index.html =404; }
}
--- request eval
["GET /inherits?k=a", "GET /inherits?k=a", "GET /wet/inherits?k=a", "GET /wet/draft?k=a", "GET /wet/dry?k=a"]
--- error_code eval
[200, 200, 420, 420, 200]
--- response_headers eval
["X-Status: PASSED\nRateLimit: ", "X-Status: REJECTED_DRY_RUN\nRateLimit: ", "X-Status: REJECTED\nRateLimit: ",
    'RateLimit-Policy: "all3";q=1;w=3600', "X-Status: REJECTED_DRY_RUN"]
--- log
2  [notice] limiting requests, dry run by zone "all3"
2  [notice] limiting requests by zone "all3"
4  limiting requests



=== TEST 4: places without a limit
--- http_config
rate_limit_zone $arg_k zone=none4:1m rate=1r/1h;
rate_limit_dry_run off;
rate_limit_headers legacy;
--- config
location /limited { rate_limit zone=none4; try_files /index.html =404; }
location /t { try_files /index.html =404; }
--- request eval
["GET /limited?k=a", "GET /t?k=a", "GET /t?k=a", "GET /limited?k=a"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-RateLimit-Limit: 1", ("X-RateLimit-Limit: ") x 2, "X-RateLimit-Limit: 1"]
