# What brings a ban, and what does not: refusals of other modules by on=, dry runs, bypasses, lists.
# (Those of the WAF, and all modules in one place: t/suite/refusals.t.)

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Jose qw(jwks jwt);
use Test::More;

my $token = jwt(alg => 'HS256', claims => { sub => 'alice' });
my $site  = Gatehouse::Connections->new(modules => [qw(rate_limit jwt)]);
$site->file('keys.jwks', jwks('hs256'));
$site->file('allowed', "127.12.5.0/24\n");
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $binary_remote_addr zone=exempt:1m;
connection_limit_zone $arg_k zone=key:1m;
rate_limit_zone $binary_remote_addr zone=slow:1m rate=1r/1d;
rate_limit_status 429;
add_header X-Status "$connection_limit_status" always;
server {
    listen 127.0.0.1:PORT;
    root html;
    auth_jwt_key_file keys.jwks;
    connection_limit_list zone=exempt allowed action=allow;

    location = /t          { connection_limit_ban zone=address after=9/1h for=1h; try_files /index.html =404; }
    location = /exempt     { connection_limit_ban zone=exempt after=9/1h for=1h; try_files /index.html =404; }

    location = /rate {
        rate_limit zone=slow;
        connection_limit_ban zone=address after=3/1h for=1h on=rate_limit;
        try_files /index.html =404;
    }
    location = /rate/limit {
        rate_limit zone=slow;
        connection_limit_ban zone=address after=3/1h for=1h;
        try_files /index.html =404;
    }
    location = /rate/dry   {
        rate_limit zone=slow;
        rate_limit_dry_run on;
        connection_limit_ban zone=address after=1/1h for=1h on=rate_limit;
        try_files /index.html =404;
    }
    location = /rate/page  {
        rate_limit zone=slow;
        error_page 429 = /page;
        connection_limit_ban zone=address after=1/1h for=1h on=rate_limit;
        try_files /index.html =404;
    }
    location = /page       { try_files /index.html =404; }
    location = /jwt {
        auth_jwt site;
        connection_limit_ban zone=address after=3/1h for=1h on=jwt;
        try_files /index.html =404;
    }
    location = /jwt/early  {
        auth_jwt site;
        auth_jwt_phase preaccess;
        connection_limit_ban zone=address after=3/1h for=1h on=jwt;
        try_files /index.html =404;
    }
    location = /jwt/limit {
        auth_jwt site;
        connection_limit_ban zone=address after=1/1h for=1h on=limit,rate_limit,waf;
        try_files /index.html =404;
    }
    location = /any        {
        connection_limit zone=key max=1 by=request;
        auth_jwt site;
        rate_limit zone=slow;
        connection_limit_ban zone=address after=4/1h for=1h on=limit,rate_limit,waf,jwt;
        proxy_pass HOLD;
    }
    location = /no_limit   {
        connection_limit zone=key max=1 by=request;
        connection_limit_ban zone=address after=1/1h for=1h on=rate_limit,waf,jwt;
        proxy_pass HOLD;
    }
    location = /hold       { connection_limit zone=key max=1 by=request; proxy_pass HOLD; }
    location = /dry        {
        connection_limit zone=key max=1 by=request;
        connection_limit_dry_run on;
        connection_limit_ban zone=address after=1/1h for=1h;
        try_files /index.html =404;
    }
    location = /dry/banned {
        connection_limit_dry_run on;
        connection_limit_ban zone=address after=1/1h for=1h;
        try_files /index.html =404;
    }
    location = /bypassed   {
        connection_limit_bypass $arg_b;
        rate_limit zone=slow;
        auth_jwt site;
        connection_limit_ban zone=address after=1/1h for=1h on=limit,rate_limit,jwt;
        try_files /index.html =404;
    }
    location = /allowed    {
        rate_limit zone=slow;
        connection_limit zone=key max=1 by=request;
        connection_limit_ban zone=exempt after=1/1h for=1h on=limit,rate_limit;
        try_files /index.html =404;
    }
    location = /refused    { connection_limit_ban zone=address after=1/1h for=1h; deny all; }
}
END

sub statuses ($count, $from, $uri, @lines) { return [map { $site->status_from($from, $uri, @lines) } 1 .. $count] }

# A ban that comes of a request's end is there a moment after the answer.
sub until_banned ($from, $uri = '/t') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->until(sub { $site->status_from($from, $uri) == 503 }, "ban of $from");
    return pass "$from is banned";
}
sub not_banned ($from, $uri = '/t') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is $site->status_from($from, $uri), 200, "$from is not banned";
}
my $bearer = "Authorization: Bearer $token";

subtest 'on=rate_limit' => sub {
    is_deeply statuses(3, '127.12.1.1', '/rate'), [200, 429, 429], 'refused by the rate';
    not_banned('127.12.1.1');
    is_deeply statuses(1, '127.12.1.1', '/rate'), [429], 'the third';
    until_banned('127.12.1.1');
    not_banned('127.12.1.2');
    is_deeply statuses(6, '127.12.1.3', '/rate/limit'), [200, (429) x 5], 'not without it';
    not_banned('127.12.1.3');
    is_deeply statuses(3, '127.12.1.4', '/rate/dry'), [(200) x 3], 'nor by a dry run of it';
    not_banned('127.12.1.4');
    is_deeply statuses(2, '127.12.1.5', '/rate/page'), [200, 200], 'an error page is no way out';
    until_banned('127.12.1.5');
};

for my $uri ('/jwt', '/jwt/early') {
    subtest "on=jwt: $uri" => sub {
        my $net = $uri eq '/jwt' ? '127.12.2' : '127.12.3';
        is_deeply statuses(5, "$net.1", $uri, $bearer), [(200) x 5], 'good tokens';
        is_deeply statuses(2, "$net.1", $uri, "${bearer}x"), [(401) x 2], 'refused ones';
        not_banned("$net.1");
        is_deeply statuses(1, "$net.1", $uri), [401], 'none at all';
        until_banned("$net.1");
        is_deeply statuses(1, "$net.1", $uri, $bearer), [503], 'a good token does not help';
        not_banned("$net.2");
    };
}
subtest 'refused tokens without on=jwt' => sub {
    is_deeply statuses(3, '127.12.2.3', '/jwt/limit'), [(401) x 3], 'refused';
    not_banned('127.12.2.3');
};

subtest 'all causes' => sub {
    my $from = '127.12.4.1';
    my $held = $site->hold($from, '/any?k=a', $bearer);
    is_deeply statuses(1, $from, '/any?k=a', $bearer), [503], 'by the limit';
    is_deeply statuses(1, $from, '/any', $bearer), [429], 'by the rate';
    is_deeply statuses(1, '127.12.4.2', '/any'), [401], 'by the token of another';
    is_deeply statuses(1, $from, '/any'), [429], 'by the rate, before the token';
    $held->asked->answer(200, 'done');
    is $held->response->{status}, 200, 'those that pass do not count';
    $held->leave;
    not_banned($from);
    is_deeply statuses(1, $from, '/any'), [429], 'the fourth';
    until_banned($from);
    not_banned('127.12.4.2');
};

subtest 'without on=limit' => sub {
    my $held = $site->hold('127.12.4.3', '/no_limit?k=b');
    is_deeply statuses(3, '127.12.4.3', '/no_limit?k=b'), [(503) x 3], 'refused';
    not_banned('127.12.4.3');
    $held->leave;
};

subtest 'other refusals' => sub {
    is_deeply statuses(3, '127.12.4.4', '/refused'), [(403) x 3], 'by deny';
    not_banned('127.12.4.4');
    is_deeply statuses(3, '127.12.4.4', '/none'), [(404) x 3], 'not found';
    not_banned('127.12.4.4');
};

subtest 'dry run' => sub {
    my $held = $site->hold('127.12.6.1', '/hold?k=c');
    is_deeply statuses(3, '127.12.6.1', '/dry?k=c'), [(200) x 3], 'would have been refused';
    like $site->log, qr/limiting connections, dry run by zone "key", client: 127\.12\.6\.1,/, 'it is logged';
    not_banned('127.12.6.1');
    is_deeply statuses(1, '127.12.1.1', '/dry/banned'), [200], 'nor is a ban enforced';
    $held->leave;
};

subtest 'bypass' => sub {
    is_deeply statuses(3, '127.12.7.1', '/bypassed?b=1', $bearer), [200, 429, 429], 'refused by the rate';
    is_deeply statuses(3, '127.12.7.2', '/bypassed?b=1'), [401, 429, 429], 'and for the token';
    not_banned($_) for '127.12.7.1', '127.12.7.2';
    is_deeply statuses(1, '127.12.7.3', '/bypassed'), [401], 'not bypassed';
    until_banned('127.12.7.3');
    is_deeply statuses(1, '127.12.7.3', '/bypassed?b=1', $bearer), [429], 'a bypass of the banned';
};

subtest 'lists' => sub {
    my $held = $site->hold('127.12.5.9', '/hold?k=d');
    is_deeply statuses(3, '127.12.5.1', '/allowed?k=d'), [(503) x 3], 'refused by a limit of another zone';
    is_deeply statuses(3, '127.12.5.1', '/allowed'), [200, 429, 429], 'and by the rate';
    not_banned('127.12.5.1', '/exempt');
    is_deeply statuses(1, '127.12.6.9', '/allowed?k=d'), [503], 'not on the list';
    until_banned('127.12.6.9', '/exempt');
    $held->leave;
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
