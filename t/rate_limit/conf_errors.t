# The directives of locations: what they accept, and each mistake refused in nginx's words, with
# file and line. (The zone: conf_zone.t; the redis block: redis_conf.t.)

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'rate_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};
my $zones = <<'END';
rate_limit_redis main { server 127.0.0.1; }
rate_limit_zone $binary_remote_addr zone=api:1m rate=10r/s;
rate_limit_zone $binary_remote_addr zone=other:1m rate=10r/s redis=main;
rate_limit_zone $binary_remote_addr zone=window:1m rate=10r/s algorithm=sliding_window;
rate_limit_zone $binary_remote_addr zone=lease:1m rate=10r/s redis=main mode=lease=1s;
rate_limit_zone $binary_remote_addr zone=optimistic:1m rate=10r/s redis=main mode=optimistic=4;
rate_limit_zone $binary_remote_addr zone=several:1m rate=10r/s rate=100r/1h;
rate_limit_zone $binary_remote_addr zone=burst:1m rate=10r/s burst=1000000000;
END

sub location ($directives) { return "${zones}server {\nlocation / {\n$directives\n}\n}" }

sub refused ($directives, $message, $name = $directives) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(location($directives), qr/\[emerg\] (?:\d+#\d+: )?\Q$message\E$place/, $name);
}
sub accepted ($directives) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(location($directives), $directives);
}

sub name ($text) { return $text =~ s/\W.*//r }

# The place is the directive's own, also for what is found only after merging.
for my $mistake ('rate_limit;', 'rate_limit_status x;', 'rate_limit zone=absent;', 'rate_limit zone=window delay;',
    'rate_limit zone=api rate=x;') {
    my ($first, $line) = map { my ($text) = conf_error($_); $text =~ /nginx\.conf:(\d+)$/m }
        'no_such_directive;', "# comment\n${zones}server {\nlocation / {\n$mistake\nlocation /inner/ { }\n}\n}\n";
    is $line - $first, 3 + ($zones =~ tr/\n//), "the line of: $mistake";
}

subtest 'rate_limit' => sub {
    accepted("rate_limit zone=api$_;") for '', ' rate=$arg_r', ' rate=1r/s$arg_r', ' rate=5r/1h', ' cost=$arg_c', ' cost=5',
        ' cost=0', ' delay', ' delay=1', ' delay=1000000000', ' delay=5 cost=2 rate=$arg_r';
    accepted('rate_limit zone=api; rate_limit zone=other; rate_limit zone=window;');
    accepted('rate_limit zone=other delay;');

    refused('rate_limit;', 'invalid number of arguments in "rate_limit" directive');
    refused('rate_limit rate=1r/s;', '"rate_limit" must have "zone" parameter');
    refused("rate_limit $_;", "invalid parameter \"$_\"")
        for 'api', 'off', 'zone', 'zone=', 'x=1', 'Zone=api';
    refused("rate_limit zone=api $_;", "invalid parameter \"$_\"")
        for qw(rate= rate cost= cost cost=x cost=-1 cost=1.5 cost=1k delay= delay=0 delay=-1 delay=x delay=1000000001
            delayed);
    # What limit_req and limit_conn have.
    for my $zone ('', 'zone=api ') {
        refused("rate_limit $zone$_->[0];", "invalid parameter \"$_->[0]\"; $_->[1]") for
            (map { [$_, 'it is a parameter of "rate_limit_zone", and there one more than in "limit_req"'] }
                'burst=5', 'burst'),
            ['nodelay', 'nothing is delayed without the "delay" parameter'],
            ['status=503', 'it is set by "rate_limit_status"'],
            ['max=5', 'connections are limited by "connection_limit"'];
    }
    refused("rate_limit zone=$_;", "unknown zone \"$_\"") for 'absent', 'API', 'api:1m', '$host';
    refused("rate_limit zone=api $_ $_;", "duplicate \"@{[name($_)]}\" parameter")
        for qw(zone=api rate=$arg_r cost=$arg_c delay delay=5);
    refused('rate_limit zone=api zone=other;', 'duplicate "zone" parameter');
    refused('rate_limit zone=api delay delay=5;', 'duplicate "delay" parameter');
    refused('rate_limit zone=api; rate_limit zone=other; rate_limit zone=api cost=2;',
        '"rate_limit" directive is duplicate', 'a zone twice at one level');
    conf_refused(location('rate_limit zone=api cost=$no_such_variable;'), qr/unknown "no_such_variable" variable$/,
        'a variable that nobody knows');
};

subtest 'a rate without variables is looked at' => sub {
    refused("rate_limit zone=api rate=$_->[0];", "invalid rate \"$_->[0]\" for zone \"api\": $_->[1]") for
        ['fast', 'not a rate such as "20r/10m"'],
        ['1r/x', 'not a rate such as "20r/10m"'],
        ['0r/s', 'a rate must not be zero'],
        ['1r/367d', 'more than 1000000000 requests, 366 days or 140 years of burst'];
    refused('rate_limit zone=window rate=10001r/1h;',
        'invalid rate "10001r/1h" for zone "window": more than 10000 requests in a sliding window');
    refused('rate_limit zone=burst rate=1r/366d;', 'invalid rate "1r/366d" for zone "burst": '
        . 'more than 1000000000 requests, 366 days or 140 years of burst');
};

subtest 'delay' => sub {
    refused("rate_limit zone=$_ delay;",
        "\"delay\" needs a zone of \"algorithm=gcra\" and \"mode=strict\", \"$_\" is not")
        for qw(window lease optimistic);
    refused('rate_limit zone=several delay=2;', '"delay" with a number needs a zone with one "rate", "several" has several');
    accepted('rate_limit zone=several delay;');
};

subtest 'rate_limit_bypass' => sub {
    accepted("rate_limit_bypass $_;") for '192.0.2.0/24', '192.0.2.1', '2001:db8::/32', '::1', '$arg_x', 'a$arg_x',
        '192.0.2.1 2001:db8::1 $arg_x $http_y', '192.0.2.1; rate_limit_bypass 192.0.2.2; rate_limit_bypass $arg_x',
        '0.0.0.0/0 ::/0';
    conf_accepted(location('rate_limit_bypass 192.0.2.1/24;'), 'bits beyond the mask bring a warning',
        qr/low address bits of "192\.0\.2\.1\/24" are meaningless$place/);
    my $hint = 'it must be an address, a CIDR, or a string with variables';
    refused("rate_limit_bypass $_->[0];", "invalid value \"$_->[1]\" in \"rate_limit_bypass\" directive; $hint") for
        ["''", ''], map { [$_, $_] } qw(all on localhost 192.0.2 192.0.2.0/33 2001:db8::/129 192.0.2.1:80 1);
    refused('rate_limit_bypass 192.0.2.1 x;', "invalid value \"x\" in \"rate_limit_bypass\" directive; $hint");
    refused('rate_limit_bypass;', 'invalid number of arguments in "rate_limit_bypass" directive');
    conf_refused(location('rate_limit_bypass $no_such_variable;'), qr/unknown "no_such_variable" variable$/,
        'a variable that nobody knows');
};

subtest 'values' => sub {
    accepted("rate_limit_$_;") for 'dry_run on', 'dry_run off', 'dry_run ON', 'status 400', 'status 429', 'status 503',
        'status 599', 'log_level info', 'log_level notice', 'log_level warn', 'log_level error', 'headers off',
        'headers draft', 'headers legacy', 'retry_after on', 'retry_after off';
    refused("rate_limit_$_->[0] '$_->[1]';", "invalid value \"$_->[1]\" in \"rate_limit_$_->[0]\" directive") for
        map { my $name = $_; map { [$name, $_] } '', 'x', '1', '$arg_x' } qw(dry_run log_level headers retry_after);
    refused("rate_limit_log_level $_;", "invalid value \"$_\" in \"rate_limit_log_level\" directive")
        for qw(debug crit alert emerg off);
    refused("rate_limit_status $_;",
        "invalid value \"$_\" in \"rate_limit_status\" directive; it must be between 400 and 599")
        for qw(399 600 200 302 444x -1 429.5 $arg_x 99999999999999999999999);
};

subtest 'duplicates and arguments' => sub {
    refused("rate_limit_$_; rate_limit_$_;", "\"rate_limit_@{[name($_)]}\" directive is duplicate")
        for 'dry_run on', 'status 429', 'log_level info', 'headers off', 'retry_after on';
    for my $name (qw(dry_run status log_level headers retry_after)) {
        refused("rate_limit_$name $_;", "invalid number of arguments in \"rate_limit_$name\" directive",
            "rate_limit_$name $_") for '', 'on off';
    }
};

subtest 'contexts' => sub {
    my @location = ('rate_limit zone=api', 'rate_limit_bypass 192.0.2.1', 'rate_limit_dry_run on',
        'rate_limit_status 503', 'rate_limit_log_level warn', 'rate_limit_headers off',
        'rate_limit_retry_after on');
    my @http = ('rate_limit_zone $host zone=x:1m rate=1r/s', 'rate_limit_redis x { server 127.0.0.1; }');
    for (@location) {
        conf_accepted("$zones $_; server { }", "in http: $_");
        conf_accepted("$zones server { $_; }", "in server: $_");
        conf_accepted("$zones server { location / { location /a/ { $_; } } }", "in a nested location: $_");
    }
    for my $directive (@location, @http) {
        my ($name) = $directive =~ /^(\w+)/;
        my $text   = $directive =~ /\}$/ ? $directive : "$directive;";
        my $wrong  = qr/"$name" directive is not allowed here$place/;
        conf_refused($zones, $wrong, "outside of http: $name", $text);
        conf_refused("$zones server { location / { if (\$arg_a) { $text } } }", $wrong, "in if: $name");
        conf_refused("$zones server { location / { limit_except GET { $text } } }", $wrong, "in limit_except: $name");
        conf_refused("$zones upstream u { server 127.0.0.1; $text }", $wrong, "in upstream: $name");
    }
    for my $directive (@http) {
        my ($name) = $directive =~ /^(\w+)/;
        my $text   = $directive =~ /\}$/ ? $directive : "$directive;";
        conf_refused("$zones server { $text }", qr/"$name" directive is not allowed here$place/, "in server: $name");
        conf_refused(location($text), qr/"$name" directive is not allowed here$place/, "in location: $name");
    }
};

# return is carried out in REWRITE. What is in an if, or behind one or a rewrite, may leave others to the limit.
subtest 'return in a limited place' => sub {
    my $warning = qr/\[warn\].* "return" answers requests before "rate_limit" looks at them$place/;
    my $warned  = sub ($text, $name = $text) { conf_accepted("$zones server { $text }", $name, $warning) };
    my $silent  = sub ($text, $name = $text) { conf_accepted("$zones server { $text }", $name) };
    my $limit   = 'rate_limit zone=api;';
    $warned->("location / { $_ }") for "$limit return 200;", "return 301 http://\$host\$request_uri; $limit",
        "$limit set \$a b; return 403 \$a;", "$limit location /inner { proxy_pass http://127.0.0.1; } return 404;";
    $warned->("$limit return 301 https://\$host\$request_uri;", 'of a server');
    $silent->("location / { $limit $_ }") for 'if ($arg_a) { return 403; }', 'if ($arg_a) { return 403; } return 204;', 'if ($uri ~ x) { return 403; } set $a b;',
        'rewrite ^/a /b break; return 404;', 'rewrite ^/a /b last; return 404;', 'break; return 404;', 'set $a return;',
        'location /inner { return 200; }', 'rewrite ^ /x redirect;';
    $silent->("$limit location / { return 200; } location = /x { rate_limit_headers off; return 404; }", 'inherited');
    conf_accepted("$zones $limit server { return 404; } server { server_name a; location / { return 200; } }", 'of http');
};

subtest 'order' => sub {
    my $limit = "server { location / { rate_limit zone=late delay; } }\n";
    conf_accepted($limit . 'rate_limit_zone $host zone=late:1m rate=1r/s;', 'a zone may be defined after its use');
    conf_refused($limit . 'rate_limit_zone $host zone=late:1m rate=1r/s algorithm=sliding_window;',
        qr/"delay" needs a zone of .*, "late" is not$place/, 'and is looked at all the same');
    conf_refused('limit_req_zone $host zone=req:1m rate=1r/s; server { rate_limit zone=req; }',
        qr/unknown zone "req"$place/, 'a zone of limit_req is none of ours');
    conf_refused("$zones server { limit_req zone=api; }", qr/zero size shared memory zone "api"$/,
        'nor the other way round');
    conf_accepted('limit_req_zone $host zone=api:1m rate=1r/s; limit_conn_zone $host zone=conns:1m;'
        . "$zones server { limit_req zone=api; limit_conn conns 5; rate_limit zone=api; }",
        'limit_req and limit_conn in the same place');
    conf_refused("$zones rate_limit zone=absent; server { }", qr/unknown zone "absent"$place/,
        'a limit of http, with a server to inherit it');
};

done_testing;
