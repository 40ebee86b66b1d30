# connection_limit_accept and connection_limit_list: what they accept, and each mistake refused in
# nginx's words, with file and line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'connection_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};
my $zones = join '', 'connection_limit_zone $server_name zone=site:1m;', 'connection_limit_zone $remote_addr zone=text:1m;',
    map { "connection_limit_zone \$binary_remote_addr zone=$_:1m;\n" } qw(address a b c d e);

sub server ($directives) { return "$zones server {\n$directives\n}" }

sub refused ($directives, $message, $name = $directives) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(server($directives), qr/\[emerg\] (?:\d+#\d+: )?\Q$message\E$place/, $name);
}
sub accepted ($directives) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(server($directives), $directives);
}

sub name ($text) { return $text =~ s/\W.*//r }

my @no_numbers = ('', 0, -1, '+1', '1.5', '1k', 'x', '$arg_n', 2_147_483_648, 4_294_967_297, '18446744073709551617', '9' x 25);

subtest 'connection_limit_accept' => sub {
    accepted("connection_limit_accept zone=address $_;") for 'max=1', 'max=2147483647', 'max=5 handshake=2',
        'max=5 rate=1r/s', 'rate=50r/s handshake=10 max=100', 'max=2 handshake=5';
    accepted('connection_limit_accept zone=a max=1; connection_limit_accept zone=b max=2;');

    refused('connection_limit_accept zone=address;', 'invalid number of arguments in "connection_limit_accept" directive');
    refused('connection_limit_accept zone=address rate=5r/s;', '"connection_limit_accept" must have "max" parameter');
    refused('connection_limit_accept max=5 rate=5r/s;', '"connection_limit_accept" must have "zone" parameter');
    refused("connection_limit_accept zone=address max=$_;", "invalid parameter \"max=$_\"") for @no_numbers;
    refused("connection_limit_accept zone=address max=5 handshake=$_;", "invalid parameter \"handshake=$_\"") for @no_numbers;
    refused("connection_limit_accept zone=address max=5 rate=$_;",
        "invalid parameter \"rate=$_\"; it must be a number of connections per second, as in \"50r/s\"")
        for (map { "${_}r/s" } @no_numbers), '', 5, '5r', '5r/', '5/s', '5r/m', '5r/10m', '5R/s', '5r/1s';
    refused("connection_limit_accept zone=address max=5 $_;", "invalid parameter \"$_\"")
        for qw(by=request burst=5 x max zone handshake rate);
    refused('connection_limit_accept zone= max=5;', 'invalid parameter "zone="');
    refused('connection_limit_accept zone=absent max=5;', 'unknown zone "absent"');
    refused("connection_limit_accept zone=$_ max=5;",
        "\"connection_limit_accept\" needs a zone with the key \"\$binary_remote_addr\", \"$_\" is not") for qw(site text);
    refused('connection_limit_accept zone=a max=5; connection_limit_accept zone=b max=5; connection_limit_accept zone=a max=6;',
        '"connection_limit_accept" directive is duplicate', 'a zone twice at one level');
    refused("connection_limit_accept zone=address max=5 handshake=2 rate=5r/s $_;", "duplicate \"@{[name($_)]}\" parameter")
        for qw(zone=address zone=a max=5 handshake=2 rate=5r/s);
};

subtest 'zones of an address' => sub {
    my $four = join ' ', map { "connection_limit_accept zone=$_ max=5;" } qw(a b c d);
    my $more = 'connection_limit_accept zone=e max=5;';
    my $many = qr/more than 4 zones of "connection_limit_accept" for 0\.0\.0\.0:8081$place/;
    conf_accepted("$zones server { listen 8081; $four }", 'four');
    conf_refused("$zones server { listen 8081; $four $more }", $many, 'five');
    conf_refused("$zones server { listen 8081; $four } server { listen 8081; server_name x; $more }", $many,
        'five of two servers');
    conf_accepted("$zones server { listen 8081; $four } server { listen 8081; server_name x; $four }", 'the same four');
    conf_accepted("$zones server { listen 127.0.0.1:8081; $four } server { listen 127.0.0.2:8081; $more }",
        'each address has its own');
    conf_accepted("$zones server { listen 8081; $four } server { listen 8082; $more }", 'and each port');
    conf_accepted("$zones $four server { listen 8081; $more }", 'what the inner level replaces');
};

subtest 'proxy_protocol' => sub {
    my $limit   = 'connection_limit_accept zone=address max=5;';
    my $warning =
        qr/"connection_limit_accept" counts nothing on 0\.0\.0\.0:8081, where the peers are proxies \("proxy_protocol"\)$place/;
    conf_accepted("$zones server { listen 8081 proxy_protocol; $limit }", 'brings a warning', $warning);
    conf_accepted("$zones server { listen 8081 proxy_protocol; }", 'without limits it does not');
    my $socket = conf_file('socket', '');
    unlink $socket;
    conf_accepted("$zones server { listen unix:$socket proxy_protocol; $limit }", 'nor do unix sockets');
    conf_accepted("$zones server { listen 127.0.0.1:8081 proxy_protocol; listen 127.0.0.2:8081; $limit }",
        'one of two addresses: one warning, which names it', qr/counts nothing on 127\.0\.0\.1:8081,/);
};

subtest 'connection_limit_list' => sub {
    my $list = sub ($file, $more = 'action=deny') { "connection_limit_list zone=address $file $more;" };
    conf_file('list', "192.0.2.0/24\n2001:db8::/32 # a network\n\n# nothing\n198.51.100.1\n");
    conf_file('empty', '');
    accepted($list->($_)) for qw(list empty);
    accepted($list->('list', 'action=allow') . $list->('list'));
    accepted('connection_limit_list zone=site list action=allow;');

    refused("connection_limit_list $_;", 'invalid number of arguments in "connection_limit_list" directive')
        for '', 'zone=address', 'zone=address list', 'zone=address list action=deny x';
    refused($list->('list', $_), "invalid parameter \"$_\"")
        for 'action=', 'action', 'action=ban', 'action=Deny', 'deny', 'action=$arg_a';
    refused("connection_limit_list $_ list action=deny;", "invalid parameter \"$_\"") for qw(zone= zone address name=address);
    refused('connection_limit_list zone=absent list action=deny;', 'unknown zone "absent"');

    conf_refused(server($list->('none')), qr{open\(\) "\S+/none" failed \(2: No such file or directory\)$place}, 'no file');
    conf_refused(server($list->('.')), qr{"\S+/\." is not a regular file$place}, 'a directory');
    my $line = 0;
    for my $wrong ('192.0.2', '192.0.2.256', 'example.com', '192.0.2.1:80', '192.0.2.1-192.0.2.9', '2001:db8::g', '1',
        '192.0.2.1 192.0.2.2', '0192.0.2.1', "\xff") {
        conf_file('wrong', "198.51.100.1\n" x ++$line . "$wrong\n203.0.113.1\n");
        conf_refused(server($list->('wrong')),
            qr{neither an IPv4 nor an IPv6 address in "\S+/wrong":@{[$line + 1]}$place}, "an address: $wrong");
    }
    for my $wrong ('192.0.2.0/33', '192.0.2.0/', '192.0.2.0/x', '2001:db8::/129', '192.0.2.0/-1', '192.0.2.0/24/24') {
        conf_file('wrong', "$wrong\n");
        conf_refused(server($list->('wrong')),
            qr{the prefix length is not a number in range in "\S+/wrong":1$place}, "a prefix: $wrong");
    }
    conf_file('stray', "192.0.2.0/24\n192.0.2.1/24\n192.0.2.9/28\n");
    conf_accepted(server($list->('stray')), 'bits beyond the network bring a warning, one of the file',
        qr{low address bits are meaningless in "\S+/stray":2$place});
    # Newlines of other systems, and none at the end.
    conf_file('windows', "192.0.2.0/24\r\n2001:db8::1");
    accepted($list->('windows'));
};

done_testing;
