# Which responses are inspected, and what is done to those that are not: those of subrequests, by
# type and length, streams; HTTP/2 without Host.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(upstream h2_start h2_get);
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP', files => { 'html/ssi.html' => '<!--# include virtual="/part" -->', 'html/page.html' => 'A page.' });
listen unix:$PREFIX/http2.sock http2;
access_log logs/seen.log seen;
root html;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule REQUEST_URI "@contains /" "id:1,phase:1,pass,log"
    SecRule ARGS:q "@streq one" "id:2,phase:1,deny"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny"
    SecRule RESPONSE_CONTENT_TYPE "@unconditionalMatch" "id:8,phase:4,pass,log,logdata:%{RESPONSE_CONTENT_TYPE}"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"
    SecRule REQUEST_HEADERS:Host "@streq localhost" "id:6,phase:1,pass,log"
    SecRule REQUEST_URI "@contains part" "id:7,phase:1,deny"';
modsecurity_response_buffer on;
location /            { proxy_pass APPLICATION; }
location = /page      { try_files /page.html =404; }
location = /ssi       { ssi on; try_files /ssi.html =404; }
location = /part      { proxy_pass APPLICATION:/; }
location = /mirror    { mirror /part; proxy_pass APPLICATION:/; }
location = /off       { modsecurity off; proxy_pass APPLICATION:/secret; }
location = /no/body   { modsecurity_response_body off; proxy_pass APPLICATION:/secret; }
location = /no/header { modsecurity_response_body off; proxy_pass APPLICATION:/header; }
location = /type      { modsecurity_response_body text/css; proxy_pass APPLICATION:/secret; }
location /typed/      { modsecurity_response_body text/css Application/JSON; proxy_pass http://unix:$PREFIX/types.sock; }
location /listed/     { proxy_pass http://unix:$PREFIX/types.sock; }
location = /max       { modsecurity_response_body max=5; proxy_pass APPLICATION:/secret; }
location /stream/     { proxy_pass http://unix:$PREFIX/stream.sock; }
location = /stream/off { modsecurity off; proxy_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
location = /stream/no { modsecurity_response_body off; proxy_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
END
server {
    listen unix:$PREFIX/types.sock;
    default_type text/plain;
    location ~ /css$   { default_type text/css; return 200 "top secret"; }
    location ~ /json$  { default_type application/json; return 200 "top secret"; }
    location ~ /upper$ { default_type Application/Json; return 200 "top secret"; }
    location ~ /html$  { default_type text/html; return 200 "top secret"; }
    location ~ /HTML$  { default_type Text/HTML; return 200 "top secret"; }
    location ~ /png$   { default_type image/png; return 200 "top secret"; }
}
log_format seen "$request_uri $modsecurity_status $modsecurity_rules";
server {
    listen unix:$PREFIX/none.sock;
    modsecurity on;
    access_log logs/none.log seen;
    location / { proxy_pass APPLICATION; }
    location = /off { modsecurity on; modsecurity_rules 'SecRuleEngine Off
        SecRule REQUEST_URI "@contains /" "id:1,phase:1,deny"'; proxy_pass APPLICATION; }
}
HTTP

sub matches_type ($type) { return $waf->log =~ /\[id "8"\] .*\[data "\Q$type\E"\]/ ? 1 : 0 }
sub matches ($uri) { return scalar(() = $waf->log =~ /\[info\].*\[id "1"\].*request: "GET \Q$uri\E /g) }

subtest 'other subrequests' => sub {
    is $waf->get('/ssi')->{body}, "It works!\n", 'SSI: not inspected';
    is $waf->status('/mirror'), 200, 'mirror';
    is $waf->status('/part'), 403, 'as a request of its own';
    is matches($_), 1, "$_: once" for qw(/ssi /mirror);
};

subtest 'what is not inspected' => sub {
    is_deeply [$waf->differing('/off?q=one' => 200)], [], 'modsecurity off';
    is_deeply [$waf->differing('/no/body' => 200, '/no/header' => 403, '/no/body?q=one' => 403)], [], 'modsecurity_response_body off';
    is_deeply [$waf->differing('/type' => 200, '/max' => 200)], [], 'types and lengths';
    is_deeply [$waf->differing(map { ("/typed/$_" => 403) } qw(css json upper))], [], 'types of the directive';
    is_deeply [$waf->differing(map { ("/typed/$_" => 200) } qw(html HTML png))], [], 'and no others';
    is_deeply [$waf->differing(map { ("/listed/$_" => 403) } qw(html HTML))], [], 'types of the rules, however they are written';
    is_deeply [$waf->differing(map { ("/listed/$_" => 200) } qw(css json upper png))], [], 'and no others';
    is matches_type($_), 1, "RESPONSE_CONTENT_TYPE: $_" for 'application/json', 'Application/Json', 'Text/HTML';
    my ($off) = grep { m{^/off} } $waf->wait_lines('seen.log', 10);
    is $off, '/off?q=one - -', 'and it does not say that it was';
    for my $uri ('/?q=one', '/off') {
        my $client = Gatehouse::Wire::client(Gatehouse::Wire::get($uri), $waf->file('none.sock'));
        is $client->response->{status}, 200, "no rules, or none in effect: $uri";
        $client->leave;
    }
    is_deeply [$waf->wait_lines('none.log', 2)], ['/?q=one - -', '/off - -'], 'nothing happens';
};

subtest 'responses that are streamed' => sub {
    my $upstream = upstream($waf->file('stream.sock'));
    for my $name (qw(off no)) {
        my $client = $waf->nginx->client("/stream/$name");
        my $asked  = $upstream->next_request;
        $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10\r\n\r\nfirst");
        like $client->take_head, qr{^HTTP/1.1 200}, "$name: the header";
        is $client->take(5), 'first', "$name: the half that is there";
        $asked->send('other');
        is $client->take(5), 'other', "$name: the other half";
        $_->leave for $asked, $client;
    }
    my $client = $waf->nginx->client('/stream/on');
    my $asked  = $upstream->next_request;
    $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\na top ");
    is $waf->status('/page'), 200, 'others are served meanwhile';
    ok !IO::Select->new($client->{socket})->can_read(0), 'inspected: nothing goes out';
    $asked->send('secret...');
    is $client->response->{status}, 403, 'inspected: refused';
    $_->leave for $asked, $client;

    $client = $waf->nginx->client('/stream/image');
    $asked  = $upstream->next_request;
    $asked->answer(200, 'top secret', 'Content-Type: image/png');
    is $client->response->{body}, 'top secret', 'another type';
    $client->leave;
};

subtest 'HTTP/2' => sub {
    my $client = Gatehouse::Wire::client(h2_start() . h2_get(1, '/h2') . h2_get(3, '/h2?q=one'), $waf->file('http2.sock'));
    my %good = map { $client->h2_response } 1, 2;
    is_deeply \%good, { 1 => 1, 3 => 0 }, 'one is served, one refused';
    $waf->wait_log(qr/\[id "6"\].*request: "GET \/h2 HTTP\/2\.0"/);
    pass 'rules see a Host';
    $client->leave;
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
