# A response that is not sent after all, and what comes in its place: that is inspected unless it is
# the answer of a refusal, and comes whole, also where there is no body.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(client upstream);
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP', files => { 'html/page.html' => "A page.\n", 'html/file.html' => 'x' x 5000 });
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html text/plain
    SecRule RESPONSE_HEADERS:X-Leak "@streq yes" "id:3,phase:3,deny,status:403"
    SecRule RESPONSE_BODY "@contains leak" "id:4,phase:4,deny,status:403"';
modsecurity_response_buffer on;
root html;
default_type text/html;
location /broken/body/   { proxy_pass http://unix:$PREFIX/stream.sock; error_page 502 = @body; }
location /broken/header/ { proxy_pass http://unix:$PREFIX/stream.sock; error_page 502 = @header; }
location /broken/fine/   { proxy_pass http://unix:$PREFIX/stream.sock; error_page 502 = @fine; }
location @body   { proxy_pass http://unix:$PREFIX/other.sock; rewrite ^ /body break; }
location @header { proxy_pass http://unix:$PREFIX/other.sock; rewrite ^ /header break; }
location @fine   { proxy_pass http://unix:$PREFIX/other.sock; rewrite ^ /fine break; }
location /ssi    { ssi on; proxy_pass http://unix:$PREFIX/other.sock; }
location = /part { proxy_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }

add_header X-Leak $arg_leak always;
location /own/     { alias html/; }
location /proxied/ { alias html/; error_page 403 /denied; }
location = /denied { proxy_pass http://unix:$PREFIX/other.sock; proxy_set_header If-None-Match ""; add_header X-Any thing; }
location /put/     { rewrite ^/put/(.*) /$1 break; dav_methods PUT; }
END
server {
    listen unix:$PREFIX/other.sock;
    default_type text/html;
    location = /body   { return 200 "a leak"; }
    location = /header { add_header X-Leak yes; return 200 "a header"; }
    location = /fine   { return 200 "fine"; }
    location = /denied { return 200 "You may not."; }
    location = /ssi    { return 200 'before <!--# include virtual="/part" --> after'; }
}
HTTP
my $upstream = upstream($waf->file('stream.sock'));

# The answer after the upstream has broken off.
sub broken ($uri) {
    my $client = client("GET $uri HTTP/1.1\r\nHost: localhost\r\n\r\n", $waf->file('nginx.sock'));
    my $asked  = $upstream->next_request;
    $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nleak");
    $asked->leave;
    my $answer = $client->response;
    $client->leave;
    return "$answer->{status} $answer->{body}" =~ s/\s*<html>.*//sr;
}
is broken('/broken/fine/'), '200 fine', 'the answer of another upstream, and nothing of the first';
is broken('/broken/body/'), '403', 'is inspected';
is broken('/broken/header/'), '403', 'from its header on';

subtest 'a part that is not buffered' => sub {
    my $client = client("GET /ssi HTTP/1.1\r\nHost: localhost\r\n\r\n", $waf->file('nginx.sock'));
    my $asked  = $upstream->next_request;
    $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 8\r\n\r\nhalf");
    select undef, undef, undef, 0.1;
    $asked->send('half');
    $asked->leave;
    my $answer = $client->response;
    is "$answer->{status} $answer->{body}", '200 before halfhalf after', 'is no end';
    $client->leave;
};

# Each on a connection that goes on.
sub headers_only ($request, $line = 'Accept: */*') {
    my $client = client("$request HTTP/1.1\r\nHost: localhost\r\n$line\r\n\r\n", $waf->file('nginx.sock'));
    my $head   = $client->take_head;
    my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
    $client->take($1) if $request !~ /\AHEAD/ && $head =~ /^Content-Length: (\d+)/m;
    my $next = $client->send("GET /own/page.html HTTP/1.1\r\nHost: localhost\r\n\r\n")->response;
    $client->leave;
    return "$status, then $next->{status}";
}
for my $place (qw(own proxied)) {
    is headers_only("HEAD /$place/file.html"), '200, then 200', "$place: HEAD";
    is headers_only("HEAD /$place/file.html?leak=yes"), '403, then 200', "$place: HEAD, refused";
    is headers_only("GET /$place/file.html", 'If-None-Match: *'), '304, then 200', "$place: 304";
    is headers_only("GET /$place/file.html?leak=yes", 'If-None-Match: *'), '403, then 200', "$place: 304, refused";
    is headers_only("GET /$place/file.html?leak=yes"), '403, then 200', "$place: a body, refused";
}

chmod 0777, $waf->file('html/page.html') =~ s{/[^/]*$}{}r;    # for workers that are nobody
is $waf->ask('PUT', '/put/a.txt', 'Content-Type: text/plain', \'a')->{status}, 201, 'PUT';
my $answer = $waf->ask('PUT', '/put/b.txt?leak=yes', 'Content-Type: text/plain', \'a');
is $answer->{status}, 403, 'PUT, refused too late';
like $answer->{body}, qr/403 Forbidden/, 'with the whole page';

is_deeply [$waf->complaints], [], 'no harm done';
is $waf->stop, 0, 'an orderly end';

done_testing;
