# The regression tests of the OWASP Core Rule Set: requests that a rule must find, or must not. What
# the environment may say is in Gatehouse::Crs; besides, CRS_MODULE is the module under test.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crs 'check_regression';

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$FindBin::Bin/../../out/modules";
check_regression($ENV{CRS_MODULE} // "$modules/ngx_http_gatehouse_waf_module.so");
