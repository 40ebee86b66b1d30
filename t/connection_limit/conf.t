# The directives of requests: what they accept, and each mistake refused in nginx's words, with file
# and line. Where they may be: conf_places.t; connection_limit_accept and _list: conf_accept.t; the
# zone: conf_zone.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'connection_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};
my $zones = <<'END';
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $server_name zone=site:1m;
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
for my $mistake ('connection_limit zone=site;', 'connection_limit_status x;', 'connection_limit zone=absent max=1;',
    'connection_limit_ban zone=absent after=1/s for=1s;') {
    my ($first, $line) = map { my ($text) = conf_error($_); $text =~ /nginx\.conf:(\d+)$/m }
        'no_such_directive;', "# comment\n${zones}server {\nlocation / {\n$mistake\nlocation /inner/ { }\n}\n}\n";
    is $line - $first, 3 + ($zones =~ tr/\n//), "the line of: $mistake";
}

# Numbers that no integer holds are too large, too, and none of them wraps.
my @no_numbers = ('', 0, -1, '+1', '1.5', '1k', 'x', '0x10', '$arg_n', 2_147_483_648, 4_294_967_297,
    '18446744073709551617', '9' x 25);
my @no_times = ('', 0, '0s', '0ms', -1, 'x', '1x', '1.5s', '$arg_t', '1s1m', '18446744073709551617s', '9' x 25);

subtest 'connection_limit' => sub {
    accepted("connection_limit zone=address max=$_;") for 1, 5, '007', 2_147_483_647, '5 by=request', '5 by=connection';
    accepted('connection_limit by=request max=5 zone=site;');
    accepted('connection_limit zone=address max=5; connection_limit zone=site max=9 by=request;');

    refused('connection_limit zone=address;', 'invalid number of arguments in "connection_limit" directive');
    refused('connection_limit zone=address by=request;', '"connection_limit" must have "max" parameter');
    refused('connection_limit max=5 by=request;', '"connection_limit" must have "zone" parameter');
    refused("connection_limit zone=address max=$_;", "invalid parameter \"max=$_\"") for @no_numbers;
    refused("connection_limit zone=address max=5 $_;", "invalid parameter \"$_\"")
        for qw(by= by by=stream by=Request 5 Max=5 zone);
    my $rate = 'requests per time are limited by "rate_limit"';
    refused("connection_limit zone=address max=5 $_->[0];", "invalid parameter \"$_->[0]\"; $_->[1]") for
        ['handshake=1', 'it is a parameter of "connection_limit_accept"'],
        ['rate=1r/s', $rate . ', new connections by "connection_limit_accept"'], ['burst=5', $rate],
        (map { [$_, 'what is too much is refused at once'] } qw(delay delay=5 nodelay)),
        ['status=503', 'it is set by "connection_limit_status"'];
    refused('connection_limit address 5;', 'invalid parameter "address"; write "zone=address max=5"');
    refused("connection_limit zone=$_ max=5;", "unknown zone \"$_\"") for 'absent', 'ADDRESS', 'address:1m', '$host';
    refused('connection_limit zone=address max=5; connection_limit zone=site max=5; connection_limit zone=address max=6;',
        '"connection_limit" directive is duplicate', 'a zone twice at one level');
    refused("connection_limit zone=address max=5 by=request $_;", "duplicate \"@{[name($_)]}\" parameter")
        for qw(zone=address zone=site max=5 max=6 by=request by=connection);
    refused('connection_limit zone=address max=5 by=connection by=connection;', 'duplicate "by" parameter');
};

subtest 'connection_limit_ban' => sub {
    accepted("connection_limit_ban zone=address $_;") for 'after=1/1s for=1s', 'after=20/1m for=10m', 'after=5/500ms for=1d',
        'for=1h after=2147483647/1h', 'after=1/1s for=1s on=limit', 'after=1/1s for=1s on=limit,rate_limit,waf,jwt',
        'after=1/1s for=1s on=jwt', 'after=1/30 for=60';
    accepted('connection_limit_ban zone=address after=1/1s for=1s; connection_limit_ban zone=site after=2/1m for=1h;');

    refused('connection_limit_ban zone=address;', 'invalid number of arguments in "connection_limit_ban" directive');
    refused('connection_limit_ban zone=address for=1s;', '"connection_limit_ban" must have "after" parameter');
    refused('connection_limit_ban zone=address after=1/1s;', '"connection_limit_ban" must have "for" parameter');
    refused('connection_limit_ban after=1/1s for=1s;', '"connection_limit_ban" must have "zone" parameter');
    refused("connection_limit_ban zone=address after=$_/1s for=1s;", "invalid parameter \"after=$_/1s\"") for @no_numbers;
    refused("connection_limit_ban zone=address after=1/$_ for=1s;", "invalid parameter \"after=1/$_\"") for @no_times;
    refused("connection_limit_ban zone=address after=$_ for=1s;", "invalid parameter \"after=$_\"")
        for '', 1, '1/', '/', '/1s', '1/1s/1s';
    refused("connection_limit_ban zone=address after=1/1s for=$_;", "invalid parameter \"for=$_\"") for @no_times;
    refused("connection_limit_ban zone=address after=1/1s for=1s $_;", "invalid parameter \"$_\"")
        for 'on=', 'on', 'on=all', 'on=limit,', 'on=,limit', 'on=limit,,jwt', 'on=auth_jwt', 'on=limit,x', 'max=5', '1m', 'zone';
    refused("$_;", 'invalid parameter "zone="')
        for 'connection_limit zone= max=5', 'connection_limit_ban zone= after=1/1s for=1s';
    refused('connection_limit_ban zone=absent after=1/1s for=1s;', 'unknown zone "absent"');
    refused('connection_limit_ban zone=address after=1/1s for=1s; connection_limit_ban zone=address after=2/1s for=1s;',
        '"connection_limit_ban" directive is duplicate', 'a zone twice at one level');
    refused("connection_limit_ban zone=address after=1/1s for=1s;\nlocation /in/ { connection_limit_ban zone=address after=2/1m for=1s; }",
        '"after" of zone "address" has another time than elsewhere');
    accepted("connection_limit_ban zone=address after=1/60s for=1s;\nlocation /in/ { connection_limit_ban zone=address after=2/1m for=1h; }");
    refused("connection_limit_ban zone=address after=1/1s for=1s on=limit $_;", "duplicate \"@{[name($_)]}\" parameter")
        for qw(zone=site after=2/1s for=2s on=jwt on=limit);
};

subtest 'connection_limit_bypass' => sub {
    accepted("connection_limit_bypass $_;") for '192.0.2.0/24', '192.0.2.1', '2001:db8::/32', '::1', '$arg_x', 'a$arg_x',
        '192.0.2.1 2001:db8::1 $arg_x $http_y', '192.0.2.1; connection_limit_bypass $arg_x', '0.0.0.0/0 ::/0';
    conf_accepted(location('connection_limit_bypass 192.0.2.1/24;'), 'bits beyond the mask bring a warning',
        qr/low address bits of "192\.0\.2\.1\/24" are meaningless$place/);
    my $hint = 'it must be an address, a CIDR, or a string with variables';
    refused("connection_limit_bypass $_->[0];", "invalid value \"$_->[1]\" in \"connection_limit_bypass\" directive; $hint")
        for ["''", ''], map { [$_, $_] } qw(all on localhost 192.0.2 192.0.2.0/33 2001:db8::/129 192.0.2.1:80 1);
    refused('connection_limit_bypass 192.0.2.1 x;',
        "invalid value \"x\" in \"connection_limit_bypass\" directive; $hint");
    refused('connection_limit_bypass;', 'invalid number of arguments in "connection_limit_bypass" directive');
    conf_refused(location('connection_limit_bypass $no_such_variable;'), qr/unknown "no_such_variable" variable$/,
        'a variable that nobody knows');
};

subtest 'values' => sub {
    accepted("connection_limit_$_;") for 'dry_run on', 'dry_run off', 'dry_run ON', 'status 400', 'status 429',
        'status 503', 'status 599', 'log_level info', 'log_level notice', 'log_level warn', 'log_level error',
        'retry_after on', 'retry_after off';
    refused("connection_limit_$_->[0] '$_->[1]';", "invalid value \"$_->[1]\" in \"connection_limit_$_->[0]\" directive")
        for map { my $name = $_; map { [$name, $_] } '', 'x', '1', '$arg_x' } qw(dry_run log_level retry_after);
    refused("connection_limit_log_level $_;", "invalid value \"$_\" in \"connection_limit_log_level\" directive")
        for qw(debug crit alert emerg off);
    refused("connection_limit_status $_;",
        "invalid value \"$_\" in \"connection_limit_status\" directive; it must be between 400 and 599")
        for qw(399 600 200 302 444x -1 429.5 $arg_x 99999999999999999999999);
};

subtest 'return in a limited place' => sub {
    my $warning = sub ($name) { qr/\[warn\].* "return" answers requests before "$name" looks at them$place/ };
    my $limit   = 'connection_limit zone=address max=1;';
    my $ban     = 'connection_limit_ban zone=address after=1/1s for=1s;';
    conf_accepted(location("$_->[1] return 200;"), "beside $_->[0]", $warning->($_->[0]))
        for ['connection_limit' => $limit], ['connection_limit_ban' => $ban], ['connection_limit' => "$ban $limit"];
    accepted("$_ if (\$arg_a) { return 403; }") for $limit, $ban;
    accepted("$limit location /inner { return 200; }");
};

subtest 'duplicates and arguments' => sub {
    refused("connection_limit_$_; connection_limit_$_;", "\"connection_limit_@{[name($_)]}\" directive is duplicate")
        for 'dry_run on', 'status 429', 'log_level info', 'retry_after on';
    for my $name (qw(dry_run status log_level retry_after)) {
        refused("connection_limit_$name $_;", "invalid number of arguments in \"connection_limit_$name\" directive",
            "connection_limit_$name $_") for '', 'on off';
    }
    accepted('connection_limit_report;');
    refused('connection_limit_report on;', 'invalid number of arguments in "connection_limit_report" directive');
};

done_testing;
