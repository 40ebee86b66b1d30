# connection_limit_zone: what it accepts, and each mistake refused in nginx's words, with file and
# line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'connection_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};

sub zone ($parameters) { return "connection_limit_zone \$binary_remote_addr $parameters;" }

sub refused ($parameters, $message) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(zone($parameters), qr/\[emerg\] (?:\d+#\d+: )?\Q$message\E$place/, $parameters);
}
sub accepted ($parameters) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(zone($parameters), $parameters);
}

subtest 'the zone itself' => sub {
    accepted("zone=$_") for 'a:1m', 'a:32k', 'a-b_c.d/e:1m', '1:1m', 'Z' x 150 . ':1m', 'big:20m';
    accepted(q{'zone=a "b":1m'});
    refused('ipv6_prefix=64', '"connection_limit_zone" must have "zone" parameter');
    refused("zone=$_", "invalid zone name \"zone=$_\"") for ':1m', ':';
    refused("zone=$_", "invalid zone size \"zone=$_\"") for '', 'z', 'z:', 'z:x', 'z:-1m', 'z:1m:2m', 'z:1g', 'z:' . '9' x 25;
    refused("zone=$_", "zone \"zone=$_\" is too small") for 'z:0', 'z:1', 'z:31k';
};

subtest 'ipv6_prefix' => sub {
    accepted("zone=z:1m ipv6_prefix=$_") for 1, 48, 64, 128;
    refused("zone=z:1m ipv6_prefix=$_", "invalid parameter \"ipv6_prefix=$_\"")
        for '', 0, -1, 129, '/64', 'x', '1.5', '4294967360', '9' x 25;
    conf_accepted("connection_limit_zone $_ zone=z:1m ipv6_prefix=48;", "key $_") for '${binary_remote_addr}', '$remote_addr';
    conf_refused("connection_limit_zone $_ zone=z:1m ipv6_prefix=48;",
        qr/"ipv6_prefix" needs the key "\$binary_remote_addr" or "\$remote_addr"$place/, "key $_")
        for '$host', '"$remote_addr "', '$http_x_real_ip';
};

subtest 'on_full' => sub {
    accepted("zone=z:1m on_full=$_") for qw(pass deny);
    refused("zone=z:1m on_full=$_", "invalid parameter \"on_full=$_\"") for '', 'Pass', 'evict', 'deny,pass';
};

subtest 'parameters' => sub {
    for (qw(zone=y:1m ipv6_prefix=48 on_full=deny on_full=pass)) {
        my ($name) = /^(\w+)/;
        refused("zone=z:1m $_ $_", "duplicate \"$name\" parameter");
    }
    refused('zone=z:1m on_full=pass on_full=deny', 'duplicate "on_full" parameter');
    refused("zone=z:1m $_", "invalid parameter \"$_\"")
        for qw(x zone =1 Zone=z:1m on_full ipv6_prefix);
    my $rate = 'requests per time are limited by "rate_limit"';
    refused("zone=z:1m $_->[0]", "invalid parameter \"$_->[0]\"; $_->[1]") for
        ['max=5', 'it is a parameter of "connection_limit"'], ['burst=5', $rate],
        ['rate=1r/s', $rate . ', new connections by "connection_limit_accept"'],
        ['status=503', 'it is set by "connection_limit_status"'];
    conf_refused("connection_limit_zone $_;",
        qr/invalid number of arguments in "connection_limit_zone" directive$place/, "arguments: $_") for '', '$host';
};

subtest 'keys' => sub {
    conf_accepted("connection_limit_zone $_ zone=z:1m;", "key $_")
        for '$host', '"$http_x_api_key $host"', 'all', '"x${host}y"', '$remote_addr', '${binary_remote_addr}';
    conf_refused('connection_limit_zone $no_such_variable zone=z:1m;', qr/unknown "no_such_variable" variable$/,
        'a variable that nobody knows');
    conf_refused('connection_limit_zone ${host zone=z:1m;', qr/the closing bracket in "host" variable is missing$place/,
        'half a variable');
};

subtest 'several zones' => sub {
    my $zone = 'connection_limit_zone $host zone=z:1m;';
    conf_refused("$zone connection_limit_zone \$remote_addr zone=z:1m;",
        qr/zone "z" is already bound to key "\$host"$place/, 'of one name');
    conf_refused("$zone $zone", qr/zone "z" is already bound to key "\$host"$place/, 'the same, twice');
    conf_accepted("$zone connection_limit_zone \$host zone=Z:1m;", 'names tell capitals apart');
    conf_accepted("$zone limit_conn_zone \$host zone=z:1m;", 'limit_conn may have a zone of that name');
};

done_testing;
