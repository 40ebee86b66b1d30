# rate_limit_zone: what it accepts, and each mistake refused in nginx's words, with file and line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'rate_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};
my $unit  = '; it must be a number of requests per time, as in "5r/s" or "20r/10m"';
my $redis = "rate_limit_redis main { server 127.0.0.1; }\n";

sub zone ($parameters) { return "${redis}rate_limit_zone \$binary_remote_addr $parameters;" }

sub refused ($parameters, $message) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(zone($parameters), qr/\[emerg\] (?:\d+#\d+: )?\Q$message\E$place/, $parameters);
}
sub accepted ($parameters) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(zone($parameters), $parameters);
}
sub refused_parameters (@parameters) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    refused("zone=z:1m rate=1r/s redis=main $_", "invalid parameter \"$_\"") for @parameters;
    return;
}

subtest 'rates' => sub {
    accepted("zone=z:1m rate=$_")
        for qw(1r/s 20r/10m 5r/1h 1000r/d 7r/366d 1000000000r/s 1000000000r/8784h 0001r/01s);
    # Numbers that no integer holds are too large, too, and none of them wraps.
    refused("zone=z:1m rate=$_", "invalid parameter \"rate=$_\"$unit")
        for qw(0r/s 1r/0s 1000000001r/s 1r/367d 1r/8785h 18446744073709551617r/s 99999999999999999999999r/s
            1r/18446744073709551617s 4294967297r/s),
        qw(1 1r 1r/ 1/s r/s 1r/x 1r/ms 1r/10 1r/10mm 1r/1.5m 1.5r/s -1r/s +1r/s 1r/-1s 1r/+1s 1R/s 1r/S 1r//s
            1r/w 0x10r/s);
    refused('zone=z:1m rate=', 'invalid parameter "rate="' . $unit);
    refused("zone=z:1m 'rate= 1r/s'", 'invalid parameter "rate= 1r/s"' . $unit);
    refused("zone=z:1m 'rate=1r/s '", 'invalid parameter "rate=1r/s "' . $unit);
    refused('zone=z:1m rate=$arg_rate', 'invalid parameter "rate=$arg_rate"' . $unit);
};

subtest 'windows' => sub {
    accepted('zone=z:1m rate=10r/s rate=100r/1m rate=1000r/1h rate=5000r/1d');
    accepted('zone=z:1m rate=10r/s rate=10r/s');
    refused('zone=z:1m ' . join(' ', map { "rate=${_}r/s" } 1 .. 5), 'more than 4 rates');
    refused('zone=z:1m rate=1r/s rate=2', 'invalid parameter "rate=2"' . $unit);
};

subtest 'burst' => sub {
    accepted("zone=z:1m rate=1r/s burst=$_") for 1, 1_000_000_000;
    refused_parameters(map { "burst=$_" } '', 0, -1, '1k', '1.5', 'x', 1_000_000_001, '9' x 25);
    # No clock counts for so long: it is said, not rounded.
    refused('zone=z:1m rate=1r/366d burst=1000000000',
        'more than 1000000000 requests, 366 days or 140 years of burst');
};

subtest 'algorithm' => sub {
    accepted("zone=z:1m rate=20r/10m algorithm=$_") for qw(gcra sliding_window);
    accepted('zone=z:1m rate=20r/10m algorithm=sliding_window redis=main mode=strict');
    accepted('zone=z:40m rate=10000r/1d algorithm=sliding_window');
    refused_parameters(map { "algorithm=$_" } '', 'GCRA', 'fixed_window', 'sliding');
    refused('zone=z:40m rate=10001r/1d algorithm=sliding_window',
        'more than 10000 requests in a sliding window');
    refused('zone=z:40m rate=1r/s rate=10001r/1d algorithm=sliding_window',
        'more than 10000 requests in a sliding window');
    refused('zone=z:1m rate=20r/10m burst=20 algorithm=sliding_window',
        '"burst" cannot be used with "algorithm=sliding_window"');
    refused("zone=z:1m rate=20r/10m mode=$_ redis=main algorithm=sliding_window",
        '"algorithm=sliding_window" is exact, "mode" must be "strict" with it')
        for qw(lease=100ms optimistic=4);
};

subtest 'mode' => sub {
    accepted("zone=z:1m rate=1r/s redis=main mode=$_")
        for qw(strict lease=1ms lease=100ms lease=60s lease=1m optimistic=1 optimistic=1024);
    accepted('zone=z:1m rate=1r/s mode=strict');
    refused_parameters(map { "mode=$_" } '', 'exact', 'Strict', 'lease', 'lease=', 'lease=0', 'lease=-1s', 'lease=61s',
        'lease=60001ms', 'lease=1x', 'optimistic', 'optimistic=', 'optimistic=0', 'optimistic=-1', 'optimistic=1025',
        'optimistic=x', 'strict=1');
    refused("zone=z:1m rate=1r/s mode=$_", '"mode" other than "strict" needs "redis" parameter')
        for qw(lease=100ms optimistic=4);
};

subtest 'redis' => sub {
    conf_accepted("rate_limit_zone \$host zone=z:1m rate=1r/s redis=main;\n$redis", 'a redis that is defined later');
    refused('zone=z:1m rate=1r/s redis=', 'invalid parameter "redis="');
    refused('zone=z:1m rate=1r/s redis=other', 'unknown redis "other"');
    refused('zone=z:1m rate=1r/s redis=Main', 'unknown redis "Main"');
};

subtest 'on_error, hosts, ipv6_prefix' => sub {
    accepted("zone=z:1m rate=1r/s redis=main $_")
        for qw(on_error=local on_error=open on_error=closed hosts=1 hosts=10000 ipv6_prefix=1 ipv6_prefix=128);
    refused("zone=z:1m rate=1r/s $_", '"on_error" and "hosts" need "redis" parameter')
        for qw(on_error=open on_error=closed hosts=2);
    conf_refused('rate_limit_zone $host zone=z:1m rate=1r/s ipv6_prefix=48;',
        qr/"ipv6_prefix" needs the key "\$binary_remote_addr" or "\$remote_addr"/, 'ipv6_prefix of a key that is no address');
    conf_accepted("rate_limit_zone \${$_} zone=z:1m rate=1r/s ipv6_prefix=48;", "\${$_}") for qw(binary_remote_addr remote_addr);
    refused_parameters(map { "on_error=$_" } '', 'deny', 'Open');
    refused_parameters(map { "hosts=$_" } '', 0, -1, 10_001, 'x', '9' x 25);
    refused_parameters(map { "ipv6_prefix=$_" } '', 0, -1, 129, '/64', 'x');
};

subtest 'the zone itself' => sub {
    refused('rate=1r/s burst=2', '"rate_limit_zone" must have "zone" parameter');
    refused('zone=z:1m burst=2', '"rate_limit_zone" must have "rate" parameter');
    refused("zone=$_ rate=1r/s", "invalid zone name \"zone=$_\"") for ':1m', ':';
    refused("zone=$_ rate=1r/s", "invalid zone size \"zone=$_\"") for '', 'z', 'z:', 'z:x', 'z:-1m', 'z:1m:2m', 'z:1g';
    refused("zone=$_ rate=1r/s", "zone \"zone=$_\" is too small") for 'z:0', 'z:1', 'z:31k';
    refused('zone=a:1m zone=b:1m rate=1r/s', 'duplicate "zone" parameter');
    accepted("zone=$_:1m rate=1r/s") for 'api', 'a-b_c.d/e', '1', 'Z' x 150;
    accepted(q{'zone=a "b":1m' rate=1r/s});

    # Names are sent in header fields.
    my $hint = '; it must be short and of printable ASCII characters';
    refused("\"zone=$_:1m\" rate=1r/s", "invalid zone name \"$_\"$hint")
        for "caf\xc3\xa9", "tab\there", 'z' x 500;
};

subtest 'parameters' => sub {
    for (qw(burst=1 algorithm=gcra redis=main mode=strict on_error=open hosts=2 ipv6_prefix=64)) {
        my ($name) = /^(\w+)/;
        refused("zone=z:1m rate=1r/s $_ $_", "duplicate \"$name\" parameter");
    }
    refused_parameters('x', 'burst', 'rate', 'zone', '=1', 'Burst=1');
    # What limit_req_zone, limit_req and limit_conn have, or other directives.
    refused("zone=z:1m rate=1r/s $_->[0]", "invalid parameter \"$_->[0]\"; $_->[1]") for
        (map { [$_, 'nothing is delayed unless "rate_limit" has the "delay" parameter'] } 'nodelay', 'nodelay=on'),
        (map { [$_, 'it is a parameter of "rate_limit"'] } 'delay', 'delay=1'),
        ['sync', 'nodes count together by the "redis" parameter'], ['status=429', 'it is set by "rate_limit_status"'],
        ['max=5', 'connections are limited by "connection_limit"'];
    conf_refused("rate_limit_zone $_;",
        qr/invalid number of arguments in "rate_limit_zone" directive$place/, "arguments: $_")
        for '', '$host';
    conf_refused('rate_limit_zone $no_such_variable zone=z:1m rate=1r/s;',
        qr/unknown "no_such_variable" variable$/, 'a variable that nobody knows');
    conf_refused('rate_limit_zone ${host zone=z:1m rate=1r/s;', qr/the closing bracket in "host" variable is missing$place/,
        'half a variable');
    conf_accepted("rate_limit_zone $_ zone=z:1m rate=1r/s;", "key $_")
        for '$host', '"$http_x_api_key $host"', 'all', '"x${host}y"';
};

subtest 'several zones' => sub {
    my $zone = 'rate_limit_zone $host zone=z:1m rate=1r/s;';
    conf_refused("$zone rate_limit_zone \$remote_addr zone=z:1m rate=1r/s;",
        qr/zone "z" is already bound to key "\$host"$place/, 'of one name');
    conf_refused("$zone $zone", qr/zone "z" is already bound to key "\$host"$place/, 'the same, twice');
    conf_accepted("$zone rate_limit_zone \$host zone=Z:1m rate=1r/s;", 'names tell capitals apart');
    conf_accepted("$zone limit_req_zone \$host zone=z:1m rate=1r/s; limit_conn_zone \$host zone=z2:1m;",
        'limit_req may have a zone of that name');
};

# Room for sixteen keys at least: what a zone is for is not to forget at once. 160 KB are the logs
# of two keys of 10,000 requests.
subtest 'memory' => sub {
    my $log = 'rate=10000r/1d algorithm=sliding_window';
    conf_refused(zone("zone=z:$_ $log"), qr/zone "gatehouse:rate_limit:z" is too small$/, "$_ for logs of 10000")
        for qw(32k 160k 1m);
    accepted("zone=z:2m $log");
    accepted("zone=z:32k $_") for 'rate=1r/s', 'rate=1r/s rate=1r/m rate=1r/h rate=1r/d',
        'rate=20r/10m algorithm=sliding_window', 'rate=1r/s redis=main mode=lease=1s';
    # Redis keeps the log, but with on_error=local this node may have to.
    conf_refused(zone("zone=z:160k $log redis=main"), qr/zone "gatehouse:rate_limit:z" is too small$/,
        'on_error=local needs the log');
    accepted("zone=z:160k $log redis=main on_error=$_") for qw(open closed);
    accepted("zone=z:160k $log redis=main hosts=20");
};

done_testing;
