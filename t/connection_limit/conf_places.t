# Where the directives may be, in which order, and whose zones they may name.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'connection_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};
my $zones = <<'END';
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $server_name zone=site:1m;
END

subtest 'contexts' => sub {
    my @http     = ('connection_limit_zone $host zone=x:1m');
    my @server   = ('connection_limit_accept zone=address max=5', 'connection_limit_list zone=address empty action=deny');
    my @location = ('connection_limit zone=address max=5', 'connection_limit_ban zone=address after=1/1s for=1s',
        'connection_limit_bypass 192.0.2.1', 'connection_limit_dry_run on', 'connection_limit_status 429',
        'connection_limit_log_level warn', 'connection_limit_retry_after off');
    my @report = ('connection_limit_report');
    conf_file('empty', '');

    conf_accepted("$zones $_; server { }", "in http: $_") for @http, @server, @location;
    conf_accepted("$zones server { $_; }", "in server: $_") for @server, @location;
    conf_accepted("$zones server { location / { location /a/ { $_; } } }", "in a nested location: $_") for @location, @report;
    my $refused = sub ($directive, $where, $http, $main = '') {
        my ($name) = $directive =~ /^(\w+)/;
        conf_refused("$zones $http", qr/"$name" directive is not allowed here$place/, "in $where: $name", $main);
    };
    for (@http, @server, @location, @report) {
        $refused->($_, 'main', '', "$_;");
        $refused->($_, 'if', "server { location / { if (\$arg_a) { $_; } } }");
        $refused->($_, 'limit_except', "server { location / { limit_except GET { $_; } } }");
        $refused->($_, 'upstream', "upstream u { server 127.0.0.1; $_; }");
    }
    $refused->($_, 'location', "server { location / { $_; } }") for @http, @server;
    $refused->($_, 'server', "server { $_; }") for @http, @report;
    $refused->($_, 'http', "$_; server { }") for @report;
};

subtest 'order' => sub {
    conf_accepted('server { location / { connection_limit zone=late max=5; connection_limit_ban zone=late after=1/1s for=1s; } } '
        . 'connection_limit_zone $host zone=late:1m;', 'a zone may be defined after its use');
    conf_refused('limit_conn_zone $host zone=stock:1m; server { connection_limit zone=stock max=1; }',
        qr/unknown zone "stock"$place/, 'a zone of limit_conn is none of ours');
    conf_refused("$zones server { limit_conn address 1; }", qr/zero size shared memory zone "address"$/,
        'nor the other way round');
    conf_accepted("limit_conn_zone \$host zone=address:1m; limit_req_zone \$host zone=site:1m rate=1r/s;"
        . "$zones server { limit_conn address 5; limit_req zone=site; connection_limit zone=address max=5; }",
        'limit_conn, limit_req and zones of the same names');
    conf_refused("$zones connection_limit zone=absent max=1; server { }", qr/unknown zone "absent"$place/,
        'a limit of http, with a server to inherit it');
};

done_testing;
