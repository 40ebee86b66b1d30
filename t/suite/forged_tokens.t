# Tokens that are refused beside limits and rules: what was proven is a key for limits, what was not
# is counted by address and brings bans, and what a limit refuses is answered first. In memory and in
# Redis, with either order of load_module.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Jose qw(flip_bit jwks jwt);
use Gatehouse::Redis;
use Test::More;

my %token  = map { ($_ => jwt(alg => 'HS256', claims => { sub => $_ })) } qw(alice bob);
my $forged = 'Authorization: Bearer ' . flip_bit($token{alice});
my $alice  = "Authorization: Bearer $token{alice}";
my $bob    = "Authorization: Bearer $token{bob}";

my $http = <<'END';
# Whoever has proven who they are is counted as that, the others by their address.
map $jwt_verified_claim_sub $client { "" $binary_remote_addr; default "sub:$jwt_verified_claim_sub"; }
map "$auth_jwt_status/$jwt_verified/$jwt_claim_sub" $seen { volatile; default $auth_jwt_status/$jwt_verified/$jwt_claim_sub; }
map $seen $refused { REJECTED// 1; default ""; }

rate_limit_zone $binary_remote_addr zone=address:1m rate=5r/1d STORE;
rate_limit_zone $client zone=client:1m rate=2r/1d STORE;
rate_limit_zone $refused$binary_remote_addr zone=refused:1m rate=5r/1d STORE;
limit_req_zone $binary_remote_addr zone=nginx:1m rate=1r/m;
connection_limit_zone $binary_remote_addr zone=bans:1m;
connection_limit_zone $binary_remote_addr zone=held:1m;
limit_req_status 420;

server {
    listen 127.0.0.1:PORT;
    root html;
    auth_jwt site;
    auth_jwt_key_file keys.jwks;
    auth_jwt_phase preaccess;
    auth_jwt_strip on;

    location = /address   { rate_limit zone=address; try_files /index.html =404; }
    location = /access    { auth_jwt_phase access; rate_limit zone=address; try_files /index.html =404; }
    location = /client    { rate_limit zone=client; try_files /index.html =404; }
    location = /status    { rate_limit zone=refused; add_header X-Seen $seen always; try_files /index.html =404; }
    location = /nginx     { limit_req zone=nginx burst=4 nodelay; try_files /index.html =404; }
    location = /any       { satisfy any; allow all; rate_limit zone=address; try_files /index.html =404; }
    location = /scope     { auth_jwt_scope admin; rate_limit zone=address; try_files /index.html =404; }
    location = /dry       { auth_jwt_dry_run on; rate_limit zone=address; try_files /index.html =404; }
    location = /off       { auth_jwt off; rate_limit zone=address; try_files /index.html =404; }
    location = /bypassed  { rate_limit_bypass 1$uri; rate_limit zone=address; try_files /index.html =404; }
    location = /rate_dry  { rate_limit_dry_run on; rate_limit zone=address; try_files /index.html =404; }
    location = /keys      { internal; auth_jwt off; alias $PREFIX/keys.jwks; }
    location = /requested { auth_jwt_key_request /keys; rate_limit zone=address; try_files /index.html =404; }
    location = /no_keys   { auth_jwt_key_request /none; rate_limit zone=address; try_files /index.html =404; }

    location = /same_status { rate_limit_status 401; rate_limit zone=address; try_files /index.html =404; }
    location = /page        { auth_jwt off; return 200 "a page"; }
    location = /pages       { error_page 429 =230 /page; error_page 401 =231 /page; rate_limit zone=address; try_files /index.html =404; }
    location = /named       { error_page 429 =230 @named; error_page 401 =231 @named; rate_limit zone=address; try_files /index.html =404; }
    location @named         { auth_jwt off; return 200 "a page"; }
    location = /guarded     { error_page 429 /address; rate_limit zone=address; try_files /index.html =404; }

    location = /ask         { auth_jwt off; auth_request /asked; rate_limit zone=address; try_files /index.html =404; }
    location = /asked       { rate_limit zone=client; try_files /index.html =404; }
    location = /held        { connection_limit zone=held max=1 by=request; proxy_pass HOLD; }

    location = /bans        { rate_limit zone=address; connection_limit_ban zone=bans after=8/1h for=1h on=jwt; try_files /index.html =404; }
    location = /bans/once   { rate_limit zone=address; connection_limit_ban zone=bans after=8/1h for=1h on=rate_limit,jwt; try_files /index.html =404; }
    location = /bans/held   {
        connection_limit zone=held max=1 by=request;
        connection_limit_ban zone=bans after=3/1h for=1h on=limit,jwt;
        proxy_pass HOLD;
    }
    location = /banned      { auth_jwt off; connection_limit_ban zone=bans after=8/1h for=1h; try_files /index.html =404; }

    modsecurity_rules 'SecRuleEngine On
        SecRequestBodyAccess On
        SecRule ARGS_GET:q "@streq one" "id:1,phase:1,deny,status:406"
        SecRule ARGS_POST:q "@streq two" "id:2,phase:2,deny,status:406"';
    location = /waf         { modsecurity on; rate_limit zone=address; proxy_pass HOLD; }
    location = /waf/late    { modsecurity on; modsecurity_phase late; rate_limit zone=address; proxy_pass HOLD; }
}
END

my $site;

sub statuses ($count, $from, $uri, @lines) { return join ' ', map { $site->status_from($from, $uri, @lines) } 1 .. $count }

# An address that nothing has counted yet.
sub somebody () { state $last = 0; $last++; return '127.30.' . int($last / 250) . '.' . (1 + $last % 250) }

# A POST of which only the header has been sent.
sub half_a_post ($from, $uri, @lines) {
    my $client = $site->connect($from, join "\r\n", "POST $uri HTTP/1.1", 'Host: localhost', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 5', @lines, '', '');
    my $status = $client->response->{status};
    $client->leave;
    return $status;
}

my $five  = join ' ', (401) x 5, (429) x 5;
my @tests = (
    'ten forged tokens' => sub {
        for my $uri (qw(/address /access /any /requested /requested)) {
            my $from = somebody();
            is statuses(10, $from, $uri, $forged), $five, $uri;
            is statuses(1, $from, $uri, $alice), 429, 'a good one from there is too much as well';
            is statuses(5, somebody(), $uri, $alice), '200 200 200 200 200', 'but not from elsewhere';
        }
        is statuses(10, somebody(), '/address'), $five, 'no token at all';
        is statuses(10, somebody(), '/scope', $alice), '403 403 403 403 403 429 429 429 429 429', 'without the scope';
        is statuses(6, somebody(), '/no_keys', $alice), '500 500 500 500 500 429', 'without keys';
        is statuses(6, somebody(), '/nginx', $forged), '401 401 401 401 401 420', 'limit_req';
    },
    'whose limit is no limit' => sub {
        is statuses(7, somebody(), '/bypassed', $forged), join(' ', (401) x 7), 'bypassed';
        is statuses(7, somebody(), '/rate_dry', $forged), join(' ', (401) x 7), 'in a dry run of the limit';
        is statuses(6, somebody(), '/dry', $forged), '200 200 200 200 200 429', 'in a dry run of the tokens';
        is statuses(6, somebody(), '/off', $forged), '200 200 200 200 200 429', 'without auth_jwt';
    },
    'keys' => sub {
        my @from = map { somebody() } 1 .. 3;
        is statuses(3, $from[0], '/client', $alice), '200 200 429', 'a subject';
        is statuses(1, $from[1], '/client', $alice), '429',         'is the same from elsewhere';
        is statuses(3, $from[0], '/client', $bob),   '200 200 429', 'another one from the same address';
        is statuses(3, $from[2], '/client', $forged), '401 401 429', 'who proves nothing is an address';
        is statuses(3, $from[0], '/client', $forged), '401 401 429', 'and spends nothing of the subject';
        my $from = somebody();
        is_deeply [map { my $answer = $site->ask($from, '/status', $forged)->response; [$answer->{status}, $answer->{headers}{'x-seen'}[0]] } 1 .. 6],
            [([401, 'REJECTED//alice']) x 5, [429, 'REJECTED//alice']], 'the limit has seen the status and no claim, the page both';
        is statuses(6, $from, '/status', $alice), '200 200 200 200 200 429', 'it is another one with a good token';
    },
    'what is answered' => sub {
        my $from = somebody();
        my @answers = map { $site->ask($from, '/same_status', $forged)->response } 1 .. 6;
        is $answers[4]{headers}{'www-authenticate'}[0], 'Bearer realm="site", error="invalid_token"', 'a challenge';
        is "$answers[5]{status} " . ($answers[5]{headers}{'www-authenticate'} // 'none'), '401 none', 'none from the limit, whatever its status';
        is statuses(6, somebody(), $_, $forged), '231 231 231 231 231 230', "pages: $_" for qw(/pages /named);
        is statuses(7, somebody(), '/guarded', $forged), '401 401 401 401 401 401 401', 'a page that wants a token, too';
    },
    'subrequests' => sub {
        is statuses(6, somebody(), '/ask', $forged), '401 401 401 401 401 429', 'auth_request';
        is statuses(1, somebody(), '/ask', $alice), 200, 'with a good token';
    },
    'connections' => sub {
        my $from = somebody();
        my $held = $site->hold($from, '/held', $alice);
        is statuses(3, $from, '/held', $forged), '503 503 503', 'by the limit';
        $held->asked->answer(200, 'done');
        is $held->response->{status}, 200, 'the one that is held';
        $held->leave;
        $site->until_held(held => $from, 0);
        is statuses(3, $from, '/held', $forged), '401 401 401', 'by the token, which holds nothing';
    },
    'bans' => sub {
        for my $uri ('/bans', '/bans/once') {
            my $from = somebody();
            is statuses(7, $from, $uri, $forged), '401 401 401 401 401 429 429', "$uri: seven";
            is statuses(1, $from, '/banned'), 200, 'no ban yet';
            is statuses(1, $from, $uri, $forged), 429, 'the eighth';
            $site->until(sub { $site->status_from($from, '/banned') == 503 }, 'ban');
            is statuses(3, $from, $uri, $alice), '503 503 503', 'a ban';
            is statuses(3, somebody(), $uri, $alice), '200 200 200', 'of nobody else';
        }
        my $from = somebody();
        my $held = $site->hold($from, '/held', $alice);
        is statuses(2, $from, '/bans/held', $forged), '503 503', 'refused by a limit, with a bad token';
        is statuses(1, $from, '/banned'), 200, 'is one refusal each';
        is statuses(1, $from, '/bans/held', $forged), 503, 'and one more';
        is statuses(1, $from, '/banned'), 503, 'a ban';
        $held->leave;
    },
    'rules' => sub {
        for my $uri ('/waf', '/waf/late') {
            my $from = somebody();
            is join(' ', map { half_a_post($from, $uri, $forged) } 1 .. 6), '401 401 401 401 401 429', "$uri: before the body is there";
            my $early = $uri eq '/waf';
            is statuses(1, somebody(), "$uri?q=one", $forged), $early ? 406 : 401, 'rules for the header';
            is statuses(1, somebody(), "$uri?q=one", $alice), 406, 'with a good token';
        }
    },
);

my $redis = Gatehouse::Redis->new->start;
my @all   = qw(rate_limit jwt waf);
for my $case ([@all], [reverse(@all), 'redis=main']) {
    my ($modules, $store) = ([grep { !/=/ } @$case], (grep { /=/ } @$case)[0] // '');
    subtest "load_module: connection_limit @$modules $store" => sub {
        $site = Gatehouse::Connections->new(modules => $modules);
        $site->file('keys.jwks', jwks('hs256'));
        $site->configure("rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }\n"
            . $http =~ s/\bSTORE\b/$store/gr)->start;
        my @left = @tests;
        while (my ($name, $test) = splice @left, 0, 2) {
            subtest $name => $test;
        }
        is $site->stop, 0, 'nginx ends';
        unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';
    };
}

done_testing;
