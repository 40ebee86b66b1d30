# Beside the other modules, in whatever order they are loaded: headers are inspected before limits
# count, bodies after what limits refuse; late, both behind all of them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose 'jwks';
use Gatehouse::Waf;
use Test::More;

my $server = <<'END';
access_log logs/seen.log seen;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS_GET:q "@streq one" "id:1,phase:1,deny"
    SecRule ARGS_POST:q "@streq two" "id:2,phase:2,deny"
    SecRule RESPONSE_HEADERS:RateLimit-Policy "@rx ." "id:3,phase:3,pass,log"
    SecRule RESPONSE_BODY "@contains top secret" "id:4,phase:4,deny"';
location /rate/ { rate_limit zone=rate; proxy_pass APPLICATION:/; }
location /late/ { rate_limit zone=rate; modsecurity_phase late; proxy_pass APPLICATION:/; }
location /held/ { connection_limit zone=held max=1 by=request; proxy_pass http://unix:$PREFIX/slow.sock; }
location /jwt/  { auth_jwt site; auth_jwt_key_file $PREFIX/keys.jwks; proxy_pass APPLICATION:/; }
location /jwt/late/ {
    modsecurity_phase late;
    auth_jwt site;
    auth_jwt_key_file $PREFIX/keys.jwks;
    proxy_pass APPLICATION:/;
}
location /gzip/ { gzip on; gzip_min_length 1; gzip_types *; proxy_pass APPLICATION:/; }
location /sub/  { sub_filter works "top secret"; proxy_pass APPLICATION:/; }
END

my $http = <<'END';
log_format seen "$uri $status $modsecurity_status";
rate_limit_zone $http_x_key zone=rate:1m rate=2r/1h;
connection_limit_zone $http_x_key zone=held:1m;
END

my $form = 'Content-Type: application/x-www-form-urlencoded';
my @all  = qw(rate_limit connection_limit jwt);

for my $modules ([@all], [reverse @all]) {
    my $waf = Gatehouse::Waf->new($server, http => $http, modules => $modules, files => { 'keys.jwks' => jwks('hs256') });
    my $post = sub ($uri, $body, @lines) { $waf->post($uri, $body, $form, @lines)->{status} };

    subtest "rate_limit: @$modules" => sub {
        is $waf->status('/rate/?q=one', 'X-Key: a'), 403, 'headers that are refused' for 1 .. 4;
        is $waf->status('/rate/', 'X-Key: a'), 200, 'have not been counted' for 1, 2;
        is $waf->status('/rate/', 'X-Key: a'), 429, 'others have';
        is $post->('/rate/', 'q=two', 'X-Key: a'), 429, 'nor is the body read of what is too much';
        is $post->('/rate/', 'q=two', 'X-Key: b'), 403, 'bodies that are refused' for 1, 2;
        is $post->('/rate/', 'q=two', 'X-Key: b'), 429, 'have been counted';
        is $waf->status('/rate/?q=one', 'X-Key: b'), 403, 'headers come first';
        is $waf->status('/late/?q=one', 'X-Key: b'), 429, 'late: limits come first';
        is $waf->status('/late/?q=one', 'X-Key: c'), 403, 'late: within the limit';
        is $post->('/late/', 'q=two', 'X-Key: c'), 403, 'late: the body';
        is $waf->status('/late/', 'X-Key: c'), 429, 'late: both have been counted';
    };

    subtest "connection_limit: @$modules" => sub {
        my $upstream = Gatehouse::Wire::upstream($waf->file('slow.sock'));
        my $client   = $waf->nginx->client('/held/', 'X-Key: a');
        my $asked    = $upstream->next_request;
        is $waf->status('/held/', 'X-Key: a'), 503, 'one is too many';
        is $post->('/held/', 'q=two', 'X-Key: a'), 503, 'whatever its body';
        is $waf->status('/held/?q=one', 'X-Key: a'), 403, 'headers come first';
        $asked->answer(200, 'top secret');
        $client->leave;
        is $post->('/held/', 'q=two', 'X-Key: a'), 403, 'a refusal';
        $client = $waf->nginx->client('/held/', 'X-Key: a');
        $upstream->next_request->answer(200, 'fine');
        is $client->response->{status}, 200, 'gives its place back';
        $client->leave;
    };

    subtest "jwt: @$modules" => sub {
        is_deeply [$waf->differing('/jwt/' => 401, '/jwt/?q=one' => 403, '/jwt/late/?q=one' => 401)], [], 'before and, late, after';
    };

    subtest "filters: @$modules" => sub {
        my $answer = $waf->get('/gzip/', 'Accept-Encoding: gzip');
        is $answer->{headers}{'content-encoding'}[0], 'gzip', 'compressed';
        is $waf->status('/gzip/secret', 'Accept-Encoding: gzip'), 'cut', 'after it was inspected';
        is $waf->status('/sub/'), 'cut', 'as it has become';
    };

    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
}

done_testing;
