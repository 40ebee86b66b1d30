# Bodies of requests: however they come, the rules see them, up to their limits; and where nobody
# wants to see them, they are passed on as they come in.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::Wire 'upstream';
use Test::More;

my $form = 'Content-Type: application/x-www-form-urlencoded';

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP');
listen unix:$PREFIX/http2.sock http2;
client_max_body_size 0;
client_body_buffer_size 16k;
modsecurity on;
proxy_http_version 1.1;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRequestBodyNoFilesLimit 100000000
    SecRule ARGS_POST:q "@streq bad" "id:1,phase:2,deny"
    SecRule FILES "@streq evil.php" "id:2,phase:2,deny,status:406"
    SecRule REQUEST_HEADERS:Content-Type "@streq text/plain" "id:3,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
    SecRule REQUEST_BODY "@contains top secret" "id:4,phase:2,deny,status:405"
    SecRule REQUEST_HEADERS:X-Skip "@streq yes" "id:5,phase:1,pass,nolog,ctl:requestBodyAccess=Off"';
location / { proxy_pass APPLICATION; }
location = /auth { auth_request /allowed; proxy_pass APPLICATION:/; }
location = /allowed { internal; return 204; }
location = /file { client_body_in_file_only clean; proxy_pass APPLICATION:/; }
location = /single { client_body_in_single_buffer on; proxy_pass APPLICATION:/; }
location = /unbuffered { proxy_request_buffering off; proxy_pass APPLICATION:/; }
location = /static { alias html/index.html; error_page 405 =200 /static; }
location = /reject  { modsecurity_rules 'SecRequestBodyLimit 20000
    SecRequestBodyLimitAction Reject'; proxy_pass APPLICATION:/; }
location = /partial { modsecurity_rules 'SecRequestBodyLimit 20000
    SecRequestBodyLimitAction ProcessPartial'; proxy_pass APPLICATION:/; }
location = /max     { modsecurity_request_body max=20000; proxy_pass APPLICATION:/; }
location /off/      { modsecurity_request_body off; proxy_request_buffering off; proxy_pass APPLICATION:/; }
location = /rule_off { modsecurity_rules 'SecRequestBodyAccess Off'; proxy_pass APPLICATION:/; }
location = /stream/off  { modsecurity_request_body off; proxy_request_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
location = /stream/rule { modsecurity_rules 'SecRequestBodyAccess Off'; proxy_request_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
location = /stream/none { modsecurity off; proxy_request_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
location /dav/      { root html; rewrite ^/dav/(.*) /$1 break; dav_methods PUT; }
location = /stream/on   { proxy_request_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
END
server {
    listen unix:$PREFIX/ruleless.sock;
    modsecurity on;
    modsecurity_rules 'SecRuleEngine On
        SecRequestBodyAccess On
        SecRequestBodyLimit 10
        SecRequestBodyLimitAction Reject';
    location / { proxy_pass APPLICATION; }
}
HTTP

# From octets in the header's buffer to several pieces of a temporary file.
my %size = (short => 100, buffer => 15_000, file => 40_000, long => 1_000_000);
my %bodies = map { ($_ => 'a=' . ('x' x $size{$_}) . '&q=') } keys %size;

for my $size (sort { $size{$a} <=> $size{$b} } keys %size) {
    subtest "$size{$size} octets" => sub {
        my ($bad, $good) = map { $bodies{$size} . $_ } qw(bad good);
        for my $uri (qw(/ /auth /file /single /unbuffered)) {
            is $waf->post($uri, $good, $form)->{status}, 200, "$uri: good";
            is $waf->post($uri, $bad, $form)->{status}, 403, "$uri: bad";
        }
        for my $chunk (1000, 50_000) {
            my ($bad, $good) = map { Gatehouse::Waf::chunked($_, $chunk) } $bad, $good;
            is $waf->post('/', $good, $form, 'Transfer-Encoding: chunked')->{status}, 200, "chunks of $chunk: good";
            is $waf->post('/', $bad, $form, 'Transfer-Encoding: chunked')->{status}, 403, "chunks of $chunk: bad";
        }
        my $text = ('x' x $size{$size}) . ' top secret';
        is $waf->post('/', $text, 'Content-Type: text/plain')->{status}, 405, 'as a text';
    };
}

subtest 'methods' => sub {
    is $waf->ask($_, '/', $form, \'q=bad')->{status}, 403, $_ for qw(GET PUT PATCH DELETE OPTIONS PROPFIND);
    is $waf->post('/static', 'q=bad', $form)->{status}, 403, 'static content';
};

subtest 'a file in a form' => sub {
    my $multipart = sub ($name, $size) {
        return join "\r\n", '--x', qq(Content-Disposition: form-data; name="f"; filename="$name"), '', 'x' x $size, '--x--', '';
    };
    for my $size (10, 200_000) {
        is $waf->post('/', $multipart->('good.txt', $size), 'Content-Type: multipart/form-data; boundary=x')->{status}, 200, "good, $size";
        is $waf->post('/', $multipart->('evil.php', $size), 'Content-Type: multipart/form-data; boundary=x')->{status}, 406, "evil, $size";
    }
};

subtest 'slowly' => sub {
    my $client = Gatehouse::Wire::client("POST / HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: 5\r\n\r\nq=", $waf->file('nginx.sock'));
    $client->send('b')->send('ad');
    is $client->response->{status}, 403, 'piece by piece';
    $client->leave;
};

subtest 'connections that stay' => sub {
    my @both = map { "POST / HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: 5\r\n\r\nq=$_" } qw(bad top bad);
    my $client = Gatehouse::Wire::client(join('', @both), $waf->file('nginx.sock'));
    is_deeply [map { $client->response->{status} } 1 .. 3], [403, 200, 403], 'each request for itself';
    $client->leave;
};

# A POST in frames of HTTP/2, its body in pieces.
sub h2_post ($stream, $body) {
    my @fields = ([':method', 'POST'], [':scheme', 'http'], [':path', '/'], [':authority', 'localhost'],
        ['content-type', 'application/x-www-form-urlencoded']);
    my @pieces = $body =~ /(.{1,10000})/gs;
    return join '', Gatehouse::Wire::h2_frame(1, 0x4, $stream, join '', map { ("\0", map { Gatehouse::Wire::h2_string($_) } @$_) } @fields),
        map { Gatehouse::Wire::h2_frame(0, $_ == $#pieces ? 1 : 0, $stream, $pieces[$_]) } keys @pieces;
}

subtest 'HTTP/2' => sub {
    for my $size (qw(short buffer file)) {
        my $text = Gatehouse::Wire::h2_start() . h2_post(1, "$bodies{$size}good") . h2_post(3, "$bodies{$size}bad");
        my $client = Gatehouse::Wire::client($text, $waf->file('http2.sock'));
        is_deeply { map { $client->h2_response } 1, 2 }, { 1 => 1, 3 => 0 }, "$size{$size} octets";
        $client->leave;
    }
};

subtest 'limits' => sub {
    my ($early, $late) = map { "$_$bodies{file}$_" } 'q=bad&', '';
    $late .= 'bad';
    is $waf->post($_, "a=b", $form)->{status}, 200, "$_: short" for qw(/reject /partial /max);
    is $waf->post('/reject', $bodies{file} . 'good', $form)->{status}, 403, 'Reject';
    is $waf->post('/reject', Gatehouse::Waf::chunked($bodies{file}, 1000), $form, 'Transfer-Encoding: chunked')->{status}, 403, 'in chunks, too';
    for my $uri (qw(/partial /max)) {
        is $waf->post($uri, $early, $form)->{status}, 403, "$uri: what is before the limit";
        is $waf->post($uri, $late, $form)->{status}, 200, "$uri: what is behind it";
    }
};

subtest 'files that are put' => sub {
    chmod 0777, $waf->file("html/index.html") =~ s{/[^/]*$}{}r;    # for workers that are nobody
    for my $size (qw(short file)) {
        is $waf->ask('PUT', "/dav/$size.txt", $form, \"$bodies{$size}good")->{status}, 201, "$size: good";
        is slurp($waf->file("html/$size.txt")), "$bodies{$size}good", "$size: all of it";
        is $waf->ask('PUT', "/dav/$size.bad", $form, \"$bodies{$size}top secret")->{status}, 405, "$size: bad";
        ok !-e $waf->file("html/$size.bad"), "$size: nothing of it";
    }
};

subtest 'limits without rules' => sub {
    for (['a=b', 200], ['a=bcdefghijk', 403]) {
        my ($body, $due) = @$_;
        my $client = Gatehouse::Wire::client(join("\r\n", 'POST / HTTP/1.1', 'Host: localhost', $form, 'Content-Length: ' . length $body, '', $body),
            $waf->file('ruleless.sock'));
        is $client->response->{status}, $due, "$body";
        $client->leave;
    }
};

subtest 'bodies that are not to be read' => sub {
    is $waf->post('/off/', 'q=bad', $form)->{status}, 200, 'modsecurity_request_body off';
    is $waf->post('/rule_off', 'q=bad', $form)->{status}, 200, 'SecRequestBodyAccess Off';
    is $waf->post('/', 'q=bad', $form, 'X-Skip: yes')->{status}, 200, 'ctl:requestBodyAccess=Off';
};

subtest 'streams' => sub {
    my $upstream = upstream($waf->file('stream.sock'));
    for my $name (qw(none off rule)) {
        my $client = Gatehouse::Wire::client("POST /stream/$name HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: 10\r\n\r\nq=bad", $waf->file('nginx.sock'));
        my $asked = $upstream->next_request;
        is $asked->take(5), 'q=bad', "$name: the half that is there";
        $client->send('other');
        is $asked->take(5), 'other', "$name: the other half";
        $asked->answer(200, '');
        is $client->response->{status}, 200, $name;
        $client->leave;
    }
    my $client = Gatehouse::Wire::client("POST /stream/on HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: 5\r\n\r\nq=", $waf->file('nginx.sock'));
    is $waf->status('/'), 200, 'others are served meanwhile';
    ok $upstream->nobody_waits, 'on: nothing before it is inspected';
    $client->send('bad');
    is $client->response->{status}, 403, 'on: refused';
    ok $upstream->nobody_waits, 'nor after';
    $client->leave;
};

subtest 'a client that leaves' => sub {
    my $client = Gatehouse::Wire::client("POST / HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: 5\r\n\r\nq=", $waf->file('nginx.sock'));
    $client->leave;
    is $waf->post('/', 'q=bad', $form)->{status}, 403, 'is nobody to wait for';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
