# modsecurity_phase late: what is refused for another reason never reaches the rules; what is not,
# does.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP', files => { 'html/page.html' => 'A page.' });
access_log logs/seen.log seen;
modsecurity on;
modsecurity_phase late;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_URI "@contains /" "id:1,phase:1,pass,log"
    SecRule ARGS_GET:q "@streq one" "id:2,phase:1,deny"
    SecRule ARGS_POST:q "@streq two" "id:3,phase:2,deny"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny"';
location /late/         { proxy_pass APPLICATION:/; }
location /static/       { alias html/; }
location = /late/deny   { deny all; proxy_pass APPLICATION; }
location = /late/auth   { auth_request /refuses; proxy_pass APPLICATION; }
location = /late/limit  { limit_req zone=one; proxy_pass APPLICATION:/; }
location = /late/return { return 204; }
location = /refuses     { internal; return 401; }
location = /early/deny  { modsecurity_phase early; deny all; proxy_pass APPLICATION; }
location = /early/limit { modsecurity_phase early; limit_req zone=two; proxy_pass APPLICATION:/; }
location = /early/return { modsecurity_phase early; return 204; }
location = /late/try    { try_files /none /late/; }
location = /satisfy     { satisfy any; allow all; deny all; auth_request /refuses; proxy_pass APPLICATION:/; }
END
log_format seen "$uri $status $modsecurity_status $modsecurity_rules";
limit_req_zone $host zone=one:1m rate=1r/m;
limit_req_zone $host zone=two:1m rate=1r/m;
HTTP

my $form  = 'Content-Type: application/x-www-form-urlencoded';
my $asked = 0;

sub seen ($uri) {
    $waf->status($uri);
    return ($waf->wait_lines('seen.log', ++$asked))[-1] =~ s/^\S+ //r;
}

is seen('/late/'),           '200 DETECTED 1', 'what gets through';
is seen('/late/?q=one'),     '403 BLOCKED 1,2', 'refused';
is seen('/late/header'),     '403 BLOCKED 1,4', 'refused for its response';
is seen('/late/deny?q=one'), '403 - -', 'behind access rules';
is seen('/late/auth?q=one'), '401 - -', 'behind authentication';
is seen('/late/limit'),      '200 DETECTED 1', 'within the limit';
is seen('/late/limit?q=one'), '503 - -', 'behind limits';
is seen('/late/return?q=one'), '204 - -', 'behind what answers at once';
is seen('/satisfy?q=one'),   '403 BLOCKED 1,2', 'satisfy any does not skip it';
is seen('/late/try?q=one'),  '403 BLOCKED 1,2', 'before try_files';
is seen('/early/deny?q=one'), '403 BLOCKED 1,2', 'early: before access rules';
is seen('/early/limit'),     '200 DETECTED 1', 'early: the limit';
is seen('/early/limit?q=one'), '403 BLOCKED 1,2', 'early: headers before limits';
is seen('/early/return?q=one'), '403 BLOCKED 1,2', 'early: before what answers at once';

subtest 'bodies' => sub {
    for my $size (10, 100_000) {
        my $long = 'a=' . 'x' x $size;
        is $waf->post('/late/', "$long&q=$_->[0]", $form)->{status}, $_->[1], "$size octets, q=$_->[0]" for ['fine', 200], ['two', 403];
        is $waf->post('/static/page.html', "$long&q=two", $form)->{status}, 403, "$size octets for static content";
    }
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
