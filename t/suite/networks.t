# Addresses in keys that are more than an address: $remote_addr_prefix_64 and its like, in maps and
# among other text, of both modules with zones; and which keys take ipv6_prefix.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest qw(rate_limit connection_limit);
use Gatehouse::Connections;
use Gatehouse::Wire ();

# Zones by these keys, of each module one: the rate lets two pass, the other counts.
my %keys = (
    exempt    => '$unless_internal',
    compound  => '"$host $remote_addr_prefix_56"',
    proxied   => '$proxy_protocol_addr',
    written   => '$proxy_protocol_addr',
    proxy_map => '$unless_proxied',
    upper     => '$Remote_Addr',
);
my %more = (written => 'ipv6_prefix=48');
my $zones = join '', map { my $more = $more{$_} // ''; <<"END" } sort keys %keys;
rate_limit_zone $keys{$_} zone=$_:1m rate=2r/1d $more;
connection_limit_zone $keys{$_} zone=$_:1m $more;
END
my $places = join '', map { <<"END" } sort keys %keys;
location = /rate/$_ { rate_limit zone=$_; try_files /index.html =404; }
location = /hold/$_ { connection_limit zone=$_ max=1 by=request; proxy_pass HOLD; }
location = /count/$_ {
    connection_limit zone=$_ max=9 by=request;
    add_header X-Held \$connection_limit_current always;
    try_files /index.html =404;
}
END
my $site = Gatehouse::Connections->new(modules => ['rate_limit']);
$site->configure(<<"END")->start;
geo \$internal { default 0; 2001:db8:ffff::/48 1; }
map \$internal \$unless_internal { 0 \$remote_addr_prefix_64; default ""; }
map \$internal \$unless_proxied { 0 \$proxy_protocol_addr_prefix_64; default ""; }
server {
    listen unix:\$PREFIX/nginx.sock;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    root html;
    location = /shown {
        add_header X-Shown "\$remote_addr_prefix_64 \$remote_addr_prefix_128 \$realip_remote_addr_prefix_64";
        return 200;
    }
    $places
}
server {
    listen unix:\$PREFIX/proxy.sock proxy_protocol;
    root html;
    $places
}
$zones
END

# A request that comes from that address, by X-Real-IP or, to zones that read it, by PROXY.
sub client ($uri, $address) {
    my $by_proxy = $uri =~ m{/(?:proxied|written|proxy_map)$};
    my $protocol = $address =~ /:/ ? "TCP6 $address ::1" : "TCP4 $address 127.0.0.1";
    my $request  = Gatehouse::Wire::get($uri, undef, $by_proxy ? () : "X-Real-IP: $address", 'Connection: close');
    return Gatehouse::Wire::client($by_proxy ? "PROXY $protocol 1 2\r\n$request" : $request,
        $site->file($by_proxy ? 'proxy.sock' : 'nginx.sock'));
}
sub get ($uri, $address) {
    my $client   = client($uri, $address);
    my $response = $client->response;
    $client->leave;
    return $response;
}

# Six addresses of one network, each asking once.
sub six ($zone, $network) { return [map { get("/rate/$zone", "$network$_")->{status} } 1 .. 6] }

# What the network of an address holds together with what another address holds.
sub held ($zone, $address, $asking) {
    my $client = client("/hold/$zone", $address);
    my $asked  = $site->upstream->next_request;
    my $held   = get("/count/$zone", $asking)->{headers}{'x-held'}[0];
    $asked->answer(200, 'done');
    $client->response;
    $client->leave;
    return $held;
}

my @one = (200, 200, (429) x 4);
for my $zone (sort keys %keys) {
    subtest "$zone: $keys{$zone}" => sub {
        is_deeply six($zone, '2001:db8:1:100::'), \@one, 'six addresses of one /64 are one key';
        is_deeply six($zone, '2001:db8:2:100::'), \@one, 'another network';
        is_deeply six($zone, '192.0.2.'), [(200) x 6], 'six of IPv4 are six';
        is_deeply [map { get("/rate/$zone", '::ffff:192.0.2.9')->{status} } 1 .. 3], [200, 200, 429], 'mapped ones';
        is get("/rate/$zone", '192.0.2.9')->{status}, 429, 'are of IPv4';
        is held($zone, '2001:db8:1:100::a', '2001:db8:1:100::b'), 2, 'connections of one /64';
        is held($zone, '2001:db8:1:100::a', '2001:db8:2:100::a'), 1, 'and of another';
    };
}
is_deeply six('compound', '2001:db8:1:1ff::'), [(429) x 6], 'a /56';
is_deeply six('compound', '2001:db8:1:200::'), \@one, 'the next';
is_deeply six('written', '2001:db8:1:ffff::'), [(429) x 6], 'a /48';
is_deeply six('exempt', '2001:db8:ffff::'), [(200) x 6], 'whom the map exempts';
is held('exempt', '2001:db8:ffff::1', '2001:db8:ffff::2'), 0, 'of both limits';

subtest 'values' => sub {
    my $shown = sub ($address) { get('/shown', $address)->{headers}{'x-shown'}[0] };
    is $shown->('2001:DB8:0:1:2::3'), '2001:db8:0:1::/64 2001:db8:0:1:2::3 unix:', 'IPv6';
    is $shown->('192.0.2.1'), '192.0.2.1 192.0.2.1 unix:', 'IPv4';
    is $shown->('::ffff:192.0.2.1'), '192.0.2.1 192.0.2.1 unix:', 'mapped';
    is $shown->(''), 'unix: unix: unix:', 'none';
};
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|variables_hash|exited on signal/, 'no process came to harm';

my %directive = (rate_limit_zone => 'rate=1r/s', connection_limit_zone => 'on_full=pass');
for my $name (sort keys %directive) {
    my $zone = sub ($key, $more) { "map \$host \$k { default \$binary_remote_addr; } $name $key zone=z:1m $directive{$name} $more;" };
    my $needs = '"ipv6_prefix" needs the key "$binary_remote_addr" or "$remote_addr"';
    for my $key ('$k', '$host$binary_remote_addr', '$http_x_real_ip', '"$remote_addr "', '$server_addr', 'all') {
        for my $bits (48, 64) {
            conf_refused($zone->($key, "ipv6_prefix=$bits"),
                qr/use "\$remote_addr_prefix_$bits" as the address in .*; \Q$needs\E in \S+:\d+$/, "$name $key: /$bits");
        }
        conf_accepted($zone->($key, ''), "$name $key: no prefix");
    }
    conf_accepted($zone->($_, 'ipv6_prefix=64'), "$name: $_")
        for qw($binary_remote_addr ${remote_addr} $proxy_protocol_addr ${realip_remote_addr} $BINARY_remote_addr);
    conf_accepted($zone->("\$remote_addr_prefix_$_", ''), "$name: $_ bits") for 1, 56, 128;
    conf_refused($zone->("\$remote_addr_prefix_$_", ''), qr/unknown "remote_addr_prefix_$_" variable/, "$name: $_ bits")
        for 0, 129, '064', 'x';
}

done_testing;
