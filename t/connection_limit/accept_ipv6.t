# IPv6 at accept and at requests: a network of ipv6_prefix bits is one client, an address that is
# mapped into IPv6 is an IPv4 address.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Network qw(2001:db8:0:1::1 2001:db8:0:1:ffff::2 2001:db8:0:2::1 2001:db8:1::1 2001:db8:0:1::9);
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new(ports => 6);
$site->file('denied', "2001:db8:0:1::9\n127.8.9.1\n");
my $place = 'location = /t { try_files /index.html =404; }';
$site->configure(<<"END", main => 'user root;', workers => 1)->start;
connection_limit_zone \$binary_remote_addr zone=network:1m;
connection_limit_zone \$binary_remote_addr zone=wide:1m ipv6_prefix=48;
connection_limit_zone \$binary_remote_addr zone=host:1m ipv6_prefix=128;
connection_limit_zone \$binary_remote_addr zone=mapped:1m;
connection_limit_zone \$remote_addr zone=text:1m;
connection_limit_zone \$binary_remote_addr zone=listed:1m;
server { listen [::1]:PORT0; connection_limit_accept zone=network max=2; $place }
server { listen [::1]:PORT1; connection_limit_accept zone=wide max=2; $place }
server { listen [::1]:PORT2; connection_limit_accept zone=host max=2; $place }
server { listen [::]:PORT3 ipv6only=off; listen 127.0.0.1:PORT4; connection_limit_accept zone=mapped max=2; $place }
server {
    listen [::]:PORT5 ipv6only=off;
    connection_limit_accept zone=listed max=2;
    connection_limit_list zone=listed denied action=deny;
    location = /t    { connection_limit zone=network max=2; try_files /index.html =404; }
    location = /text { connection_limit zone=text max=2; try_files /index.html =404; }
}
END

sub to ($number) { return '[::1]:' . $site->port($number) }
sub connect_to ($number, $from) { return $site->connect($from, '', to($number)) }
sub idle ($to, $from, $uri = '/t') {
    my $client = $site->connect($from, Gatehouse::Wire::get($uri), $to);
    is $client->response->{status}, 200, "$from is served";
    return $client;
}
sub refused ($to, @from) {
    ok $site->connect($_, '', $to)->is_refused, "$_ is refused" for @from;
    return;
}

my ($one, $same, $next, $far, $listed) =
    qw(2001:db8:0:1::1 2001:db8:0:1:ffff::2 2001:db8:0:2::1 2001:db8:1::1 2001:db8:0:1::9);

subtest 'ipv6_prefix=64' => sub {
    my @clients = (idle(to(0), $one), idle(to(0), $same));
    refused(to(0), $one, $same, $listed);
    push @clients, idle(to(0), $next), idle(to(0), $far), idle(to(0), '::1');
    $_->leave for @clients;
};
subtest 'ipv6_prefix=48' => sub {
    my @clients = (idle(to(1), $one), idle(to(1), $next));
    refused(to(1), $one, $same, $next);
    push @clients, idle(to(1), $far), idle(to(1), '::1');
    $_->leave for @clients;
};
subtest 'ipv6_prefix=128' => sub {
    my @clients = (idle(to(2), $one), idle(to(2), $one));
    refused(to(2), $one);
    push @clients, idle(to(2), $same), idle(to(2), $next);
    $_->leave for @clients;
};
subtest 'IPv4 on an IPv6 socket' => sub {
    my ($mapped, $plain) = map { '127.0.0.1:' . $site->port($_) } 3, 4;
    my @clients = (idle($mapped, '127.8.1.1'), idle($plain, '127.8.1.1'));
    refused($mapped, '127.8.1.1');
    refused($plain, '127.8.1.1');
    push @clients, idle($mapped, '127.8.1.2'), idle($plain, '127.8.1.2'), idle(to(3), '::1');
    $_->leave for @clients;
};
subtest 'lists' => sub {
    refused(to(5), $listed);
    refused('127.0.0.1:' . $site->port(5), '127.8.9.1');
    my @clients = (idle(to(5), $one), idle('127.0.0.1:' . $site->port(5), '127.8.9.2'));
    $_->leave for @clients;
    $site->until_held(network => $one, 0);
};
for ([network => '/t'], [text => '/text']) {
    my ($zone, $uri) = @$_;
    subtest "requests: $zone" => sub {
        my @clients = map { idle(to(5), $_, $uri) } $one, $same;
        is $site->held($zone => $_), 2, "two of $_" for $one, $same, '2001:db8:0:1::';
        is $site->held($zone => $next), 0, 'none of the next network';
        push @clients, idle('127.0.0.1:' . $site->port(5), '127.8.2.1', $uri);
        is $site->held($zone => $_), 1, "one of $_" for '127.8.2.1', '::ffff:127.8.2.1';
        $_->leave for @clients;
        $site->until_held($zone => $_, 0) for $one, '127.8.2.1';
    };
}

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
