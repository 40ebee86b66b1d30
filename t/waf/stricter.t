# A request that goes on elsewhere is inspected as strictly as there: what an earlier place was
# lenient about, or had not come to yet, is made up for.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP');
access_log logs/seen.log seen;
modsecurity on;
location @strict { proxy_pass APPLICATION; }
location /detect/ { modsecurity detect; try_files /none @strict; }
location /dry/    { modsecurity_dry_run on; error_page 404 = @strict; root /none; }
location /nobody/ { modsecurity_request_body off; try_files /none @strict; }
location /few/    { modsecurity_request_body max=3; error_page 404 = @strict; root /none; }
location /stay/   { modsecurity detect; proxy_pass APPLICATION; }
location @lenient { modsecurity detect; proxy_pass APPLICATION; }
location /strict/ { try_files /none @lenient; }

location /inner/ {
    modsecurity_rules 'SecRule ARGS "@streq inner" "id:2,phase:2,deny,status:406"';
    rewrite ^ /outer/ last;
}
location /inner/late/ {
    modsecurity_phase late;
    modsecurity_rules 'SecRule ARGS "@streq inner" "id:2,phase:2,deny,status:406"';
    rewrite ^ /outer/ last;
}
location /inner/off/ {
    modsecurity_rules 'SecRule ARGS "@streq inner" "id:2,phase:2,deny,status:406"';
    rewrite ^ /off/ last;
}
location /off/ { modsecurity off; proxy_pass APPLICATION; }
location /outer/ {
    modsecurity_rules 'SecRule ARGS "@streq outer" "id:3,phase:2,deny,status:409"';
    proxy_pass APPLICATION;
}

location /set/    { set $turned on;     modsecurity $turned; proxy_pass APPLICATION; }
location /unset/  { set $turned off;    modsecurity $turned; proxy_pass APPLICATION; }
location /noticed/ { set $turned detect; modsecurity $turned; proxy_pass APPLICATION; }
location /ctl/ {
    modsecurity_rules 'SecRequestBodyAccess Off
        SecRule REQUEST_HEADERS:X-Read "@streq yes" "id:4,phase:1,pass,nolog,ctl:requestBodyAccess=On"';
    proxy_pass APPLICATION;
}
END
log_format seen "$request_uri $modsecurity_status $modsecurity_rules";
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule ARGS "@streq attack" "id:1,phase:2,deny,status:403"';
HTTP

my $form = 'Content-Type: application/x-www-form-urlencoded';
sub post ($uri, $body, @lines) { return $waf->post($uri, $body, $form, @lines)->{status} }

for my $place (qw(detect dry)) {
    is $waf->status("/$place/?q=attack"), 403, "$place, then on: the query";
    is post("/$place/", 'q=attack'), 403, "$place, then on: the body";
    is post("/$place/", 'q=fine'), 200, "$place, then on: what is harmless";
}
is post('/stay/', 'q=attack'), 200, 'detect, and nowhere else';
is $waf->status('/strict/?q=attack'), 403, 'on, then detect';

for my $place (qw(nobody few)) {
    is post("/$place/", 'q=attack'), 403, "$place, then all of the body";
    is post("/$place/", 'q=fine'), 200, "$place: what is harmless";
}

for my $place (qw(inner inner/late)) {
    my ($early, $late) = $place eq 'inner' ? (406, 406) : (200, 200);
    is $waf->status("/$place/?q=inner"), $early, "$place: rules of the place that was left";
    is post("/$place/", 'q=inner'), $early, "$place: and the body";
    is post("/$place/", 'q=' . 'x' x 100_000 . '&p=inner'), $early, "$place: which is large";
    is post("/$place/", 'q=outer'), 409, "$place: rules of the other";
    is post("/$place/", 'q=fine'), 200, "$place: what is harmless";
}

is post('/inner/off/', 'q=inner'), 406, 'rules of a place that was left for one without';
is post('/inner/off/', 'q=fine'), 200, 'what is harmless';
is post('/off/', 'q=attack'), 200, 'off';

is $waf->status('/set/?q=attack'), 403, 'a variable that the place sets';
is post('/set/', 'q=attack'), 403, 'and the body';
is $waf->status('/unset/?q=attack'), 200, 'off';
is $waf->status('/noticed/?q=attack'), 200, 'detect';
my $seen = (grep { m{^/noticed/} } $waf->wait_lines('seen.log', 29))[0];
is $seen, '/noticed/?q=attack DETECTED 1', 'as the log says';

is post('/ctl/', 'q=attack'), 200, 'bodies that are not read';
is post('/ctl/', 'q=attack', 'X-Read: yes'), 403, 'but for ctl:requestBodyAccess=On';

is_deeply [$waf->complaints], [], 'no harm done';
is $waf->stop, 0, 'an orderly end';

done_testing;
