# A disruptive action in each phase: what the client gets, error pages, redirects, and what the audit
# log has of it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', files => { 'html/large.html' => ('x' x 300_000) . ' top secret', 'html/blocked.html' => 'Blocked: MARK' });
root html;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecResponseBodyLimit 10000000
    SecAuditEngine RelevantOnly
    SecAuditLogParts ABCEFHZ
    SecAuditLogFormat JSON
    SecAuditLog $PREFIX/logs/audit.log
    SecRule ARGS_GET:q "@streq one" "id:1,phase:1,deny,status:406"
    SecRule ARGS_GET:q "@streq away" "id:2,phase:1,redirect:http://other.example/away?a=1"
    SecRule ARGS_GET:q "@streq moved" "id:3,phase:1,status:301,redirect:http://other.example/"
    SecRule ARGS_GET:q "@streq two" "id:4,phase:2,deny"
    SecRule ARGS_POST:q "@streq two" "id:5,phase:2,deny"
    SecRule ARGS_POST:q "@streq away" "id:6,phase:2,redirect:http://other.example/"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:7,phase:3,deny,status:405"
    SecRule RESPONSE_STATUS "@streq 500" "id:8,phase:3,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:9,phase:4,deny,status:404"
    SecRule ARGS_GET:q "@streq none" "id:10,phase:1,deny,status:0"
    SecRule ARGS_GET:q "@streq drop" "id:11,phase:1,drop"';
location / { proxy_pass APPLICATION; }
location = /return  { return 200 "returned\n"; }
location = /moved   { return 301 /elsewhere; }
location = /rewrite { rewrite ^ /return last; }
location = /break   { rewrite ^ /index.html break; }
location /static/   { alias html/; }
location = /secret/return { default_type text/html; return 200 "top secret"; }
location /page/ {
    error_page 403 404 405 406 /blocked.html;
    proxy_pass APPLICATION:/;
}
location = /blocked.html { internal; }
location /buffer/ {
    modsecurity_response_buffer on;
    error_page 404 /blocked.html;
    proxy_pass APPLICATION:/;
}
location /held/ { modsecurity_response_buffer on; alias html/; }
location = /held/204 { modsecurity_response_buffer on; return 204; }
location = /held/301 { modsecurity_response_buffer on; return 301 /; }
location /small/ { modsecurity_response_buffer on max=10k; proxy_pass APPLICATION:/; }
END

my $form = 'Content-Type: application/x-www-form-urlencoded';

subtest 'phase 1' => sub {
    is_deeply [$waf->differing(map { ($_ => 200, "$_?q=one" => 406) } qw(/ /return /rewrite /break /static/index.html))], [], 'each kind of location';
    is_deeply [$waf->differing('/moved' => 301, '/moved?q=one' => 406, '/none' => 200, '/static/none' => 404)], [], 'others';
    is $waf->get('/?q=drop')->{status}, 'cut', 'drop';
    is $waf->get('/?q=none')->{status}, 403, 'a status that is none';
    is $waf->ask('HEAD', '/?q=one')->{status}, 406, 'HEAD';
    is $waf->ask($_, '/?q=one')->{status}, 406, $_ for qw(POST PUT PATCH DELETE OPTIONS PROPFIND);
};

subtest 'phase 2' => sub {
    is_deeply [$waf->differing(map { ("$_?q=two" => 403) } qw(/ /static/index.html /break))], [], 'without a body';
    is $waf->post('/', "q=$_->[0]", $form)->{status}, $_->[1], "q=$_->[0]" for ['one', 200], ['two', 403], ['away', 302];
    is $waf->post('/static/index.html', 'q=two', $form)->{status}, 403, 'static content';
};

subtest 'redirects' => sub {
    my ($found, $moved) = map { $waf->get("/?q=$_") } qw(away moved);
    is_deeply [@$found{'status'}, $found->{headers}{location}], [302, ['http://other.example/away?a=1']], 'where it says';
    is_deeply [@$moved{'status'}, $moved->{headers}{location}], [301, ['http://other.example/']], 'as it says';
};

subtest 'phase 3' => sub {
    my $answer = $waf->get('/header');
    is $answer->{status}, 405, 'a header';
    is $answer->{headers}{'x-secret'}, undef, 'does not get out';
    unlike $answer->{body}, qr/It works/, 'nor the body';
    is $waf->status('/fails'), 403, 'a status';
    is $waf->ask('HEAD', '/header')->{status}, 405, 'HEAD';
};

subtest 'phase 4' => sub {
    my $answer = $waf->get('/secret');
    is $answer->{status}, 'cut', 'the connection ends';
    is $waf->status('/secret/return'), 'cut', 'of what nginx says itself, too';
    is $waf->status('/files/large.html'), 'cut', 'at the end of much';
    is $waf->ask('HEAD', '/secret')->{status}, 200, 'HEAD has no body to inspect';
};

subtest 'modsecurity_response_buffer' => sub {
    my $answer = $waf->get('/buffer/secret');
    is $answer->{status}, 404, 'the status';
    is $answer->{body}, 'Blocked: MARK', 'the error page';
    is $waf->get('/buffer/')->{body}, "It works!\n", 'what is fine';
    is $waf->status('/buffer/header'), 405, 'phase 3';
    is $waf->ask('HEAD', '/buffer/')->{status}, 200, 'HEAD';
    is_deeply [$waf->differing('/held/204' => 204, '/held/301' => 301, '/held/none' => 404)], [], 'without a body, or with one of nginx';
    my $page = $waf->get('/held/blocked.html');
    is $page->{body}, 'Blocked: MARK', 'a file';
    is $waf->status('/held/blocked.html', "If-None-Match: $page->{headers}{etag}[0]"), 304, 'that has not changed';
    my $part = $waf->get('/held/blocked.html', 'Range: bytes=0-6');
    is_deeply [@$part{qw(status body)}, $part->{headers}{'accept-ranges'}], [200, 'Blocked: MARK', undef], 'no part of it';
    is $waf->status('/buffer/files/large.html'), 404, 'much';
    is $waf->get('/small/secret')->{status}, 404, 'less than max';
    is $waf->status('/small/files/large.html'), 'cut', 'more than max: streamed, and cut';
    $waf->wait_log(qr{\[id "9"\].*"GET /small/files/large\.html});
    $waf->file('html/fine.html', 'y' x 300_000);
    is length $waf->get("/$_/files/fine.html")->{body}, 300_000, "$_: complete" for qw(buffer small);
};

subtest 'error_page' => sub {
    for my $case (['/page/?q=one' => 406], ['/page/?q=two' => 403], ['/page/header' => 405]) {
        my ($uri, $status) = @$case;
        my $answer = $waf->get($uri);
        is "$answer->{status} $answer->{body}", "$status Blocked: MARK", $uri;
    }
};

subtest 'audit log' => sub {
    my @page;
    $waf->nginx->until(sub {
        @page = grep { $_->{request}{uri} =~ m{^/page/} } $waf->wait_audit('audit.log', 1);
        return @page >= 3;
    }, 'entries of /page/');
    is_deeply [map { [$_->{request}{uri}, $_->{response}{http_code}, $_->{messages}[0]{details}{ruleId}] } @page],
        [['/page/?q=one', 406, 1], ['/page/?q=two', 403, 4], ['/page/header', 405, 7]], 'one entry each';
    is_deeply [map { $_->{response}{headers}{'Content-Length'} } @page], [13, 13, 13], 'with the headers of the error page';
    is $page[2]{response}{headers}{'X-Secret'}, undef, 'and not with those that were refused';
    is_deeply [map { $_->{request}{headers}{Host} } @page], [('localhost') x 3], 'and those of the request';
    like $_->{unique_id}, qr/./, 'and an id' for @page;
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
