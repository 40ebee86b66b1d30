# rate_limit_bypass: requests that are let pass uncounted, by address or by variable.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'rate_limit';

run_tests();

__DATA__

=== TEST 1: addresses and networks
--- http_config
rate_limit_zone all zone=bypass1:1m rate=1r/1h;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
--- config
location /t {
    rate_limit zone=bypass1;
    rate_limit_bypass 192.0.2.0/24 198.51.100.7;
    rate_limit_bypass 2001:db8::/32;
    add_header X-Status $rate_limit_status always;
    try_files /index.html =404;
}
--- request eval
[("GET /t") x 11]
--- more_headers eval
[map { "X-Real-IP: $_" } qw(192.0.2.0 192.0.2.255 198.51.100.7 2001:db8:ffff::1 ::ffff:192.0.2.9
    192.0.3.0 192.0.1.255 198.51.100.8 2001:db9::1 ::192.0.2.9 127.0.0.1)]
--- error_code eval
[(200) x 6, (429) x 5]
--- response_headers eval
[("X-Status: BYPASSED\nRateLimit: \nRateLimit-Policy: ") x 5, 'X-Status: PASSED', ('X-Status: REJECTED') x 5]



=== TEST 2: the address of the connection
--- http_config
rate_limit_zone all zone=bypass2:1m rate=1r/1h;
--- config
location /t {
    rate_limit zone=bypass2;
    rate_limit_bypass 127.0.0.0/8;
    try_files /index.html =404;
}
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers
X-Real-IP: 192.0.2.1
X-Forwarded-For: 192.0.2.1
--- error_code eval
[200, 200, 200]



=== TEST 3: variables: neither empty nor 0
--- http_config
rate_limit_zone all zone=bypass3:1m rate=1r/1h;
map $http_x_probe $probe { default 0; yes 1; no ''; }
--- config
location /t {
    rate_limit zone=bypass3;
    rate_limit_bypass $arg_b $probe;
    add_header X-Status $rate_limit_status always;
    try_files /index.html =404;
}
--- request eval
["GET /t?b=1", "GET /t?b=00", "GET /t?b=off", "GET /t?b=%20", "GET /t?b=0.0", "GET /t", "GET /t?b=0",
    "GET /t", "GET /t?b=", "GET /t?b=0", "GET /t"]
--- more_headers eval
[("") x 5, "X-Probe: yes", "X-Probe: yes", "", "X-Probe: no", "X-Probe: no", ""]
--- error_code eval
[(200) x 8, (429) x 3]
--- response_headers eval
[("X-Status: BYPASSED") x 7, "X-Status: PASSED", ("X-Status: REJECTED") x 3]



=== TEST 4: strings with variables, and both kinds
--- http_config
rate_limit_zone all zone=bypass4:1m rate=1r/1h;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
--- config
location /joined {
    rate_limit zone=bypass4;
    rate_limit_bypass $arg_a$arg_b;
    try_files /index.html =404;
}
location /both {
    rate_limit zone=bypass4;
    rate_limit_bypass $arg_a 192.0.2.1;
    try_files /index.html =404;
}
--- request eval
["GET /joined?a=0&b=0", "GET /both?a=1", "GET /both", "GET /joined?a=0", "GET /joined?b=0", "GET /joined", "GET /both?a=0"]
--- more_headers eval
["", "", "X-Real-IP: 192.0.2.1", "", "", "", "X-Real-IP: 192.0.2.2"]
--- error_code eval
[200, 200, 200, 200, 429, 429, 429]



=== TEST 5: inherited and replaced as a whole
--- http_config
rate_limit_zone all zone=bypass5:1m rate=1r/1h;
rate_limit_bypass $arg_outer;
--- config
rate_limit zone=bypass5;
location /inherits { try_files /index.html =404; }
location /replaces { rate_limit_bypass $arg_inner; try_files /index.html =404; }
--- request eval
["GET /inherits?outer=1", "GET /replaces?inner=1", "GET /inherits", "GET /replaces?outer=1", "GET /inherits?inner=1"]
--- error_code eval
[200, 200, 200, 429, 429]



=== TEST 6: nothing to bypass
--- http_config
rate_limit_zone all zone=bypass6:1m rate=1r/1h;
--- config
location /t {
    rate_limit_bypass $arg_b;
    add_header X-Status "[$rate_limit_status]" always;
    try_files /index.html =404;
}
--- request
GET /t?b=1
--- response_headers
X-Status: []
