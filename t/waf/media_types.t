# A response is inspected for what a client may take it for, however its Content-Type is written and
# wherever that comes from; one that has none, too, as clients guess it then.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Answers;
use Gatehouse::Waf;
use Test::More;

my $answers  = Gatehouse::Answers->new;
my $upstream = "proxy_pass http://127.0.0.1:@{[$answers->port]};";
my $waf = Gatehouse::Waf->new(<<"END", files => { 'html/a.page' => 'a secret', 'html/none' => 'a secret' });
root html;
modsecurity on;
modsecurity_response_buffer on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html Text/XML
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny"';
location / { $upstream }
location /own/     { modsecurity_response_body on application/json; $upstream }
location /hidden/  { proxy_hide_header Content-Type; $upstream }
location /other/   { proxy_hide_header Content-Type; add_header Content-Type text/html; $upstream }
location /plain/   { proxy_hide_header Content-Type; add_header Content-Type text/plain; $upstream }
location /second/  { add_header Content-Type "\ttext/html"; $upstream }
location /charset/ { charset utf-8; charset_types *; $upstream }
location = /a.page { types { text/html page; } }
location = /none   { types {} default_type text/html; }
location /static/  { alias html/; types {} default_type image/png; }
location /empty/   { alias html/; types {} default_type ""; }
END

# Of a field that an upstream sends, as it stands behind the colon.
my %due = (
    403 => [
        'text/html', 'text/html;charset=utf-8', 'TEXT/HTML', 'Text/Html%20;%20charset="utf-8"', 'text/html%09;x', '%09text/html',
        '%09%20text/html%09', 'text/html%20', 'text/html;', 'text/html;a="b;c"', 'text/html;a="b,c"', 'text/html,text/plain',
        'text/plain,%09text/html', 'text/plain;x=y,text/html;z', 'text/xml', '', '%20', 'text', '/', 'text/', '/html', ';text/html',
        'text/html%20charset=utf-8', 'text/html/x', '*/*', 'unknown/unknown', 'Application/Unknown', ',',
    ],
    200 => ['text/plain', 'image/png', 'image/png;a="text/html"', 'text/htmlx', 'xtext/html', 'text/plain;text/html', 'image/png;a="b,c"'],
);

for my $status (sort keys %due) {
    is_deeply [grep { fetch($waf, "/?text=secret&type=$_")->{status} ne $status } $due{$status}->@*], [], $status == 403 ? 'inspected' : 'not inspected';
}

is_deeply [$waf->differing(
    '/?text=secret&bare=yes'              => 403,
    '/own/?text=secret&type=%09application/JSON%09;x' => 403,
    '/own/?text=secret&type=text/html'    => 200,
    '/own/?text=secret&bare=yes'          => 403,
    '/hidden/?text=secret&type=image/png' => 403,
    '/other/?text=secret&type=image/png'  => 403,
    '/plain/?text=secret&type=text/html'  => 200,
    '/second/?text=secret&type=image/png' => 403,
    '/charset/?text=secret&type=text/html' => 403,
    '/charset/?text=secret&type=text/plain' => 200,
    '/a.page'                             => 403,
    '/none'                               => 403,
    '/static/a.page'                      => 200,
    '/empty/a.page'                       => 403,
)], [], 'from elsewhere';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
