# The same as regression.t with the usual connector, as Debian packages it: what is expected of the
# module is what the connector does, and the tests know how to tell.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crs 'check_regression';
use Test::More;

plan skip_all => 'the packaged connector fits the packaged nginx only' if $ENV{TEST_NGINX_BINARY};
check_regression('/usr/lib/nginx/modules/ngx_http_modsecurity_module.so');
