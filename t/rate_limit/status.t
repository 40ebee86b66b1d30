# rate_limit_status: the status of refusals.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'rate_limit';
use Gatehouse::Cases;

run_tests();

__DATA__

=== TEST 1: any error
--- http_config
rate_limit_zone $arg_k zone=status1:1m rate=1r/1h;
rate_limit_status 420;
--- config
location /default { rate_limit zone=status1; rate_limit_status 429; try_files /index.html =404; }
location /inherited { rate_limit zone=status1; try_files /index.html =404; }
location /400 { rate_limit zone=status1; rate_limit_status 400; try_files /index.html =404; }
location /503 { rate_limit zone=status1; rate_limit_status 503; try_files /index.html =404; }
location /599 { rate_limit zone=status1; rate_limit_status 599; try_files /index.html =404; }
--- cases
/default?k=a     -  200
/default?k=a     -  429
/inherited?k=a   -  420
/400?k=a         -  400
/503?k=a         -  503
/599?k=a         -  599
/503?k=b         -  200
/503?k=b         -  503
--- log
6  [error] limiting requests by zone "status1"



=== TEST 2: 429 unless set
--- http_config
rate_limit_zone $arg_k zone=status2:1m rate=1r/1h;
--- config
location /t { rate_limit zone=status2; try_files /index.html =404; }
location /page { rate_limit zone=status2; error_page 429 /index.html; try_files /index.html =404; }
location /turned { rate_limit zone=status2; error_page 429 =200 /index.html; try_files /index.html =404; }
location /moved { rate_limit zone=status2; rate_limit_status 503; error_page 503 /t; try_files /index.html =404; }
--- cases
/t?k=a       -  200
/t?k=a       -  429
/page?k=a    -  429
/turned?k=a  -  200
/moved?k=a   -  503
--- log
4  [error] limiting requests by zone "status2"



=== TEST 3: 444 is nginx's word for no answer at all
--- http_config
rate_limit_zone all zone=status3:1m rate=1r/1h;
--- config
location /t { rate_limit zone=status3; rate_limit_status 444; try_files /index.html =404; }
location /first { rate_limit zone=status3; try_files /index.html =404; }
--- raw_request eval
"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\nGET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- ignore_response
--- log
1  [error] limiting requests by zone "status3", retry after
