# A response is refused for its header, or, held back, while more of it is to come or when it is
# complete: the answer is a whole one, whatever makes the response and whatever makes the answer, and
# the connection goes on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys qw(key openssl);
use Gatehouse::Waf;
use Gatehouse::Wire qw(client get upstream);
use Test::More;

my $key = key('ec256');

# What makes the response.
my %sources = (
    http       => 'proxy_pass APPLICATION:/files/;',
    https      => 'proxy_pass https://unix:$PREFIX/https.sock:/files/;',
    unbuffered => 'proxy_buffering off; proxy_pass APPLICATION:/files/;',
    unbuffered_https => 'proxy_buffering off; proxy_pass https://unix:$PREFIX/https.sock:/files/;',
    cache      => 'proxy_cache pages; proxy_cache_valid 1h; proxy_pass APPLICATION:/files/;',
    file       => 'alias html/;',
    threads    => 'aio threads; aio_write on; alias html/;',
    directio   => 'directio 512; aio threads; alias html/;',
    ssi        => 'ssi on; alias html/;',
    ssi_proxy  => 'ssi on; proxy_pass APPLICATION:/files/;',
    after      => 'add_after_body /added; alias html/;',
);

# What makes the answer: the status and the length of the body, 0: of nginx's own.
my %answers = (
    plain   => ['', 0],
    page    => ['error_page 403 /page.html;', 300_000],
    proxied => ['error_page 403 /proxied.html;', 300_000],
    named   => ['error_page 403 @named;', 300_000],
);
my $locations = join "\n", map {
    my $source = $_;
    map {
        my $rest = "{ $sources{$source} $answers{$_}[0]";
        ("location /$source/$_/ $rest }", "location /third/$source/$_/ $rest add_header X-Leak yes; }")
    } sort keys %answers;
} sort keys %sources;

my $waf = Gatehouse::Waf->new(<<"END", http => <<"HTTP", modules => ['rate_limit'], files => files());
listen unix:\$PREFIX/http2.sock http2;
root html;
sendfile on;
default_type text/html;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecResponseBodyLimit 10000000
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny,status:403"
    SecRule RESPONSE_BODY "\@contains moved" "id:2,phase:4,redirect:http://other.example/"
    SecRule RESPONSE_HEADERS:X-Leak "\@streq yes" "id:4,phase:3,deny,status:403"
    SecRule RESPONSE_BODY "\@contains hang up" "id:3,phase:4,deny,status:444"';
modsecurity_response_buffer on max=10m;
modsecurity_response_body max=2000;
location = /page.html    { internal; }
location = /proxied.html { internal; proxy_pass APPLICATION:/files/page.html; }
location \@named         { rewrite ^ /files/page.html break; proxy_pass APPLICATION; }
location = /added        { alias html/good.html; }
location /whole/         { modsecurity_response_body on; proxy_pass https://unix:\$PREFIX/https.sock:/files/; }
location /counted/       { rate_limit zone=rate; proxy_pass APPLICATION:/files/; }
location /stream/        { proxy_pass http://unix:\$PREFIX/stream.sock; error_page 502 /page.html; }
location /stream/fastcgi/ { fastcgi_pass unix:\$PREFIX/stream.sock; }
location /stream/raw/    { proxy_buffering off; proxy_pass http://unix:\$PREFIX/stream.sock; }
$locations
END
rate_limit_zone \$http_x_key zone=rate:1m rate=9r/1h;
proxy_cache_path \$PREFIX/temp/cache keys_zone=pages:1m;
server {
    listen unix:\$PREFIX/https.sock ssl;
    ssl_certificate certificate.pem;
    ssl_certificate_key $key;
    default_type text/html;
    location /files/ { alias \$PREFIX/html/; }
}
HTTP

sub files {
    my $rest = 'x' x 1_000_000;
    return {
        'certificate.pem'  => openssl('', qw(req -x509 -new -sha256 -days 2 -subj /CN=localhost -key), $key),
        'html/early.html'  => "secret $rest",
        'html/late.html'   => "$rest secret",
        'html/good.html'   => "good $rest",
        'html/part.html'   => 'secret ' . 'x' x 20_000,
        'html/main.html'   => qq{<!--# include virtual="/ssi/plain/part.html" -->$rest},
        'html/page.html'   => 'p' x 300_000,
        'html/moved.html'  => "moved $rest",
        'html/hangup.html' => "hang up $rest",
    };
}

# On one connection: a refusal, then what is fine.
sub refused ($place, $page, $length, $next = $place) {
    my $client = client(get("$place/$page.html"), $waf->file('nginx.sock'));
    my $answer = $client->response;
    my $good   = $answer->{headers}{connection}[0] eq 'keep-alive'
        ? $client->send(get("$next/good.html"))->response : { status => 'closed', body => '' };
    $client->leave;
    my $right = $length ? $answer->{body} eq 'p' x $length : $answer->{body} =~ /403 Forbidden/;
    my $whole = $good->{body} =~ /\Agood x+(?:good x+)?\z/ ? 'whole' : 'not whole';
    return "$answer->{status} " . ($right ? 'right' : 'wrong') . ", $good->{status} $whole";
}

for my $source (sort keys %sources) {
    is_deeply { map { ($_ => refused("/$source/$_", 'early', $answers{$_}[1])) } sort keys %answers },
        { map { ($_ => '403 right, 200 whole') } sort keys %answers }, "$source: refused, and the next one is not";
}

subtest 'for its header' => sub {
    for my $source (sort keys %sources) {
        is_deeply { map { ($_ => refused("/third/$source/$_", 'good', $answers{$_}[1], "/$source/$_")) } sort keys %answers },
            { map { ($_ => '403 right, 200 whole') } sort keys %answers }, $source;
    }
    is $waf->ask('HEAD', "/third/$_/plain/good.html")->{status}, 403, "HEAD, $_" for qw(http file);
};

subtest 'inside of SSI' => sub {
    is refused("/ssi/$_", 'main', $answers{$_}[1]), '403 right, 200 whole', $_ for sort keys %answers;
};

subtest 'other answers' => sub {
    is_deeply [$waf->get('/https/plain/moved.html')->@{'status'}, $waf->get('/https/plain/moved.html')->{headers}{location}],
        [302, ['http://other.example/']], 'a redirect';
    is $waf->status("/$_/plain/hangup.html"), 'cut', "$_: no answer" for qw(https file);
    is $waf->status('/whole/late.html'), 403, 'at the end';
    is $waf->status('/cache/plain/part.html'), 403, "in the cache: $_" for 1, 2;
    is $waf->ask('HEAD', '/https/plain/early.html')->{status}, 200, 'HEAD';
};

subtest 'what other modules know of the request' => sub {
    for my $page (qw(early.html good.html)) {
        my $headers = $waf->get("/counted/$page", 'X-Key: a')->{headers};
        is scalar $headers->{'ratelimit-policy'}->@*, 1, "a field of theirs: $page";
    }
};

subtest 'HTTP/2' => sub {
    my $client = client(Gatehouse::Wire::h2_start() . Gatehouse::Wire::h2_get(1, '/https/proxied/early.html'), $waf->file('http2.sock'));
    is_deeply [$client->h2_response], [1, 0], 'refused';
    $client->leave;
};

sub asked_by_fastcgi ($upstream) {
    Gatehouse::Wire::wait_readable($upstream->{socket}, 'connection from nginx');
    return bless { socket => scalar $upstream->{socket}->accept, buffer => '' }, 'Gatehouse::Wire::Peer';
}

# As FCGI_STDOUT.
sub fastcgi ($text) {
    return join '', map { pack('CCnnn', 1, 6, 1, length, 0) . $_ } $text =~ /.{1,30000}/gs;
}

# Nobody waits for the end of a response that is refused.
subtest 'endless' => sub {
    my $upstream = upstream($waf->file('stream.sock'));
    for my $uri (qw(/stream/ /stream/raw/ /stream/fastcgi/)) {
        my $client = $waf->nginx->client($uri);
        my $asked  = $uri =~ /fastcgi/ ? asked_by_fastcgi($upstream) : $upstream->next_request;
        my $answer = "Content-Type: text/html\r\n\r\nsecret" . 'x' x 100_000;
        $asked->send($uri =~ /fastcgi/ ? fastcgi($answer) : "HTTP/1.1 200 OK\r\n$answer");
        is $client->response->{status}, 403, "$uri: refused at once";
        ok $asked->is_left, "$uri: the upstream is left";
        $_->leave for $asked, $client;
    }
    my $early = $waf->nginx->client('/stream/leak');
    my $mute  = $upstream->next_request;
    $mute->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Leak: yes\r\n\r\n");
    is $early->response->{status}, 403, 'before there is a body';
    ok $mute->is_left, 'the upstream is left';
    $_->leave for $early, $mute;
    my $inner = $waf->nginx->client('/stream/accel');
    $upstream->next_request->answer(200, '', 'X-Accel-Redirect: /threads/proxied/early.html');
    is length $inner->response->{body}, 300_000, 'a file in place of the response';
    $inner->leave;
    for my $case (['/stream/', 'p' x 300_000], ['/stream/raw/', qr/502 Bad Gateway/]) {
        my ($uri, $due) = @$case;
        my $client = $waf->nginx->client($uri);
        my $asked  = $upstream->next_request;
        $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 500\r\n\r\nhalf of it");
        $asked->leave;
        my $answer = $client->response;
        is $answer->{status}, 502, "$uri: an upstream that breaks off";
        ref $due ? like $answer->{body}, $due, 'the page' : is $answer->{body}, $due, 'the page';
        $client->leave;
    }
    $waf->wait_log(qr/upstream prematurely closed connection/);
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
