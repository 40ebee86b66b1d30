# A checkout of version 4 of the Core Rule Set, made up of three tests: its layout, and responses that
# the application is told to give. CRS_MODULE is the module under test, as in regression.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path 'make_path';
use File::Temp ();
use Gatehouse::Crs;
use Gatehouse::CrsTests 'crs_tests';
use Gatehouse::Jose::Keys qw(spew test_dir);
use MIME::Base64 'encode_base64';
use Test::More;

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$FindBin::Bin/../../out/modules";
my $module  = $ENV{CRS_MODULE} // "$modules/ngx_http_gatehouse_waf_module.so";
my $impediment = Gatehouse::Crs::impediment($module);
plan skip_all => $impediment if defined $impediment;

my $checkout = File::Temp->newdir('crs-XXXXXX', DIR => test_dir());
my $folder   = "$checkout/tests/RESPONSE-951-DATA-LEAKAGES-SQL";
make_path($folder);
spew("$checkout/nginx-overrides.yaml", "test_overrides: []\n");

# A stage: what the application is asked for, and where, and what has to come of it.
sub stage ($output, $data, $uri = '/reflect') {
    return <<"END";
      - input:
          headers: {Host: localhost, User-Agent: tests, Accept: "*/*", Content-Type: application/json}
          method: POST
          uri: $uri
          data: '$data'
        output: $output
END
}

my $leak    = 'Warning: pg_query(): supplied argument is not a valid PostgreSQL link resource in x.php';
my $encoded = encode_base64($leak, '');
spew("$folder/951240.yaml", join '', "meta: {author: nobody}\nrule_id: 951240\ntests:\n",
    "  - test_id: 1\n    stages:\n",
    stage('{status: 200, response_contains: PostgreSQL, log: {expect_ids: [951240]}}', qq({"body": "$leak"})),
    "  - test_id: 2\n    stages:\n",
    stage('{status: 404, response_contains: "X-Any: thing", log: {expect_ids: [951240]}}',
        qq({"encodedBody": "$encoded", "status": 404, "headers": {"X-Any": "thing"}})),
    "  - test_id: 3\n    stages:\n",
    stage('{log: {no_expect_ids: [951240]}}', '{"body": "all is well"}'),
    stage('{status: 400}', 'no JSON'),
    stage('{log: {expect_ids: [951240]}}', qq({"body": "$leak"}), '/'));

my $crs    = Gatehouse::Crs->new(module => $module);
my %differ = $crs->run(crs_tests($checkout));
is_deeply \%differ, { '951240-3' => '951240 did not trigger' }, 'what was expected in vain is named';
is $crs->stop, 0, 'an orderly end';

done_testing;
