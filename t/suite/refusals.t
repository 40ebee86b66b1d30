# What the modules say of their refusals to each other: connection_limit_ban with each cause, all
# four modules in one nginx, wherever the refusal happens and wherever an error_page leads then.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Jose qw(jwks jwt);
use Test::More;

my $site = Gatehouse::Connections->new(modules => [qw(rate_limit jwt waf)]);
$site->file('keys.jwks', jwks('hs256'));
$site->file('html/secret.html', 'a top secret page');
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $arg_k zone=key:1m;
rate_limit_zone $binary_remote_addr zone=slow:1m rate=1r/1d;
log_format words '$uri $status $connection_limit_status $rate_limit_status $auth_jwt_status $modsecurity_status';
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS_GET:q "@streq bad" "id:1,phase:1,deny"
    SecRule ARGS_POST:q "@streq bad" "id:2,phase:2,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:3,phase:4,deny"
    SecRule ARGS_GET:q "@streq odd" "id:4,phase:1,pass"';
server {
    listen 127.0.0.1:PORT;
    root html;
    access_log logs/words.log words;
    auth_jwt_key_file keys.jwks;
    location = /t { connection_limit_ban zone=address after=9/1h for=1h; try_files /index.html =404; }

    location /waf {
        connection_limit_ban zone=address after=2/1h for=1h on=waf;
        modsecurity on;
        try_files $uri /index.html =404;

        location = /waf/late   { modsecurity_phase late; try_files /index.html =404; }
        location = /waf/secret { rewrite ^ /waf/other break; try_files /secret.html =404; }
        location = /waf/dry    { modsecurity_dry_run on; try_files /index.html =404; }
        location = /waf/detect { modsecurity detect; try_files /index.html =404; }
        location = /waf/page   { error_page 403 /page; try_files /index.html =404; }
        location = /waf/ok     { error_page 403 =200 /page; try_files /index.html =404; }
        location = /waf/named  { error_page 403 = @named; try_files /index.html =404; }
        location = /waf/other_ban { error_page 403 /other_ban; try_files /index.html =404; }
        location = /waf/return { return 200 "answered\n"; }
        location = /waf/moved  { rewrite ^ /unbanned last; }
    }
    location = /page      { try_files /index.html =404; }
    location @named       { return 403 "named\n"; }
    location = /other_ban { connection_limit_ban zone=address after=1/1h for=1h on=limit; try_files /index.html =404; }
    location = /unbanned  { modsecurity on; try_files /index.html =404; }
    location = /waf_bypassed {
        modsecurity on;
        connection_limit_bypass $arg_b;
        connection_limit_ban zone=address after=1/1h for=1h on=waf;
        try_files /index.html =404;
    }
    location = /jwt {
        auth_jwt site;
        error_page 401 /other_ban;
        connection_limit_ban zone=address after=2/1h for=1h on=jwt;
        try_files /index.html =404;
    }
    location = /rate {
        rate_limit zone=slow;
        error_page 429 /other_ban;
        connection_limit_ban zone=address after=2/1h for=1h on=rate_limit;
        try_files /index.html =404;
    }
    location = /all {
        modsecurity on;
        modsecurity_phase late;
        connection_limit zone=key max=1 by=request;
        auth_jwt site;
        rate_limit zone=slow;
        connection_limit_ban zone=address after=4/1h for=1h on=limit,rate_limit,waf,jwt;
        proxy_pass HOLD;
    }
}
END

my $bearer = 'Authorization: Bearer ' . jwt(alg => 'HS256', claims => { sub => 'alice' });

sub statuses ($count, $from, $uri, @lines) { return [map { $site->status_from($from, $uri, @lines) } 1 .. $count] }

# A ban that comes of a request's end is there a moment after the answer.
sub until_banned ($from, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->until(sub { $site->status_from($from, '/t') == 503 }, "ban of $from");
    return pass "$name: a ban";
}
sub not_banned ($from, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is $site->status_from($from, '/t'), 200, "$name: no ban";
}

my $address = 0;
sub next_address () { return '127.32.1.' . ++$address }

subtest 'on=waf' => sub {
    for ([early => '/waf/x', 403], [late => '/waf/late', 403], ['error_page' => '/waf/page', 403],
        ['error_page =200' => '/waf/ok', 200], ['a named location' => '/waf/named', 403],
        ['a page with bans of its own' => '/waf/other_ban', 403], ['return' => '/waf/return', 403]) {
        my ($name, $uri, $status) = @$_;
        my $from = next_address;
        is_deeply statuses(3, $from, $uri), [(200) x 3], "$name: good requests";
        is_deeply statuses(1, $from, "$uri?q=bad"), [$status], "$name: a refused one";
        not_banned($from, $name);
        is_deeply statuses(1, $from, "$uri?q=bad"), [$status], "$name: the second";
        until_banned($from, $name);
    }
};

subtest 'on=waf: bodies' => sub {
    my $from = next_address;
    my $post = "POST /waf/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n\r\nq=bad";
    is $site->connect($from, $post)->response->{status}, 403, 'of requests' for 1, 2;
    until_banned($from, 'requests');

    $from = next_address;
    for (1, 2) {
        my $client = $site->ask($from, '/waf/secret', 'Connection: close');
        1 while $client->more;
        $client->leave;
    }
    until_banned($from, 'responses');
};

subtest 'on=waf: what is no refusal' => sub {
    for (['a dry run' => '/waf/dry?q=bad'], [detect => '/waf/detect?q=bad'], ['a match' => '/waf/x?q=odd'],
        ['a place without bans' => '/unbanned?q=bad', 403], ['rewritten to one' => '/waf/moved', 200],
        ['a bypass' => '/waf_bypassed?q=bad&b=1', 403]) {
        my ($name, $uri, $status) = (@$_, 200);
        my $from = next_address;
        is_deeply statuses(3, $from, $uri), [($status) x 3], $name;
        not_banned($from, $name);
    }
    my $from = next_address;
    is_deeply statuses(1, $from, '/waf_bypassed?q=bad'), [403], 'without the bypass';
    until_banned($from, 'one is enough');
};

subtest 'an error_page with bans of its own' => sub {
    my ($jwt, $rate) = (next_address, next_address);
    is_deeply statuses(2, $jwt, '/jwt'), [401, 401], 'refused tokens';
    until_banned($jwt, 'jwt');
    is_deeply statuses(3, $rate, '/rate'), [200, 429, 429], 'too many requests';
    until_banned($rate, 'rate_limit');
};

subtest 'all causes in one place' => sub {
    my $from = next_address;
    is_deeply statuses(1, $from, '/all'), [401], 'jwt';
    is_deeply statuses(1, $from, '/all', $bearer), [429], 'rate_limit';
    my $held = $site->hold(my $other = next_address, '/all?k=a', $bearer);
    is_deeply statuses(1, $from, '/all?k=a', $bearer), [503], 'limit';
    not_banned($from, 'three');
    my $third = next_address;
    is_deeply statuses(1, $third, '/all?q=bad', $bearer), [403], 'waf';
    is_deeply statuses(1, $from, '/all', $bearer), [429], 'the fourth';
    until_banned($from, 'all');
    $held->asked->answer(200, 'done');
    is $held->response->{status}, 200, 'a good one';
    $held->leave;

    my @said = grep { m{^/all } } do { open my $log, '<', $site->file('logs/words.log') or die "open: $!"; <$log> };
    chomp @said;
    is_deeply [@said[0 .. 3]], [
        '/all 401 PASSED PASSED REJECTED -', '/all 429 PASSED REJECTED - -',
        '/all 503 REJECTED - - -', '/all 403 PASSED PASSED PASSED BLOCKED',
    ], 'the words of each';
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
