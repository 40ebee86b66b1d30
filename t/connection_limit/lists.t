# connection_limit_list: what the first list that has the client's address says, at accept and at
# requests; read again on reload.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->file('office', <<'END');
# Those who may do anything.
192.0.2.0/25      # half a network
  127.14.1.0/24

2001:db8:0:1::/64
::ffff:198.51.100.1
END
$site->file('abuse', <<'END');
192.0.2.0/24
198.51.100.0/24
127.14.0.0/16
2001:db8::/32
127.15.0.1
END
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $binary_remote_addr zone=turned:1m;
connection_limit_zone $arg_k zone=key:1m;
connection_limit_zone $arg_k zone=plain:1m;
connection_limit_list zone=address office action=allow;
connection_limit_list zone=address abuse action=deny;
connection_limit_list zone=turned abuse action=deny;
connection_limit_list zone=turned office action=allow;
connection_limit_list zone=key office action=allow;
connection_limit_list zone=key abuse action=deny;
set_real_ip_from 127.99.0.0/16;
real_ip_header X-Real-IP;
add_header X-Status "$connection_limit_status $connection_limit_current" always;
server {
    listen 127.0.0.1:PORT0;
    location = /t      { connection_limit zone=address max=1 by=request; try_files /index.html =404; }
    location = /hold   { connection_limit zone=address max=1 by=request; proxy_pass HOLD; }
    location = /turned { connection_limit zone=turned max=1 by=request; try_files /index.html =404; }
    location = /key    { connection_limit zone=key max=1 by=request; try_files /index.html =404; }
    location = /ban    { connection_limit_ban zone=address after=1/1h for=1h; try_files /index.html =404; }
    location = /both   {
        connection_limit zone=key max=1 by=request;
        connection_limit zone=plain max=1 by=request;
        proxy_pass HOLD;
    }
    location = /banned {
        connection_limit zone=address max=1 by=request;
        connection_limit_ban zone=address after=1/1h for=1h;
        proxy_pass HOLD;
    }
    location = /first  {
        connection_limit zone=key max=1 by=request;
        connection_limit zone=plain max=1 by=request;
        try_files /index.html =404;
    }
    location = /last   {
        connection_limit zone=plain max=1 by=request;
        connection_limit zone=key max=1 by=request;
        try_files /index.html =404;
    }
    location = /none   { try_files /index.html =404; }
}
server {
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=address max=1;
    location = /t { try_files /index.html =404; }
}
END

# "503 BANNED 0" of a client behind a proxy.
sub said ($address, $uri) {
    my $client   = $site->ask('127.99.0.1', $uri, 'Connection: close', "X-Real-IP: $address");
    my $response = $client->response;
    # What the request held is returned before the connection is closed.
    1 while $client->more;
    $client->leave;
    return "$response->{status} $response->{headers}{'x-status'}[0]";
}

my @allowed = qw(192.0.2.1 192.0.2.127 127.14.1.255 2001:db8:0:1:ffff::1 198.51.100.1 ::ffff:192.0.2.1);
my @denied  = qw(192.0.2.128 192.0.2.255 198.51.100.2 127.14.2.1 2001:db8:0:2::1 ::ffff:198.51.100.2 127.15.0.1);
my @others  = qw(203.0.113.1 127.15.0.2 2001:db9::1 ::192.0.2.1);

subtest 'the first list decides' => sub {
    is said($_, '/t'), '200 BYPASSED 0', "$_: allowed" for @allowed;
    is said($_, '/t'), '503 BANNED 0', "$_: denied" for @denied;
    is said($_, '/t'), '200 PASSED 1', "$_: on no list" for @others;
    is said($_, '/turned'), '503 BANNED 0', "$_: in the other order" for @allowed, @denied;
};

subtest 'whatever the key' => sub {
    is said('192.0.2.1', '/key?k=a'), '200 BYPASSED 0', 'allowed';
    is said('192.0.2.200', '/key?k=a'), '503 BANNED 0', 'denied';
    is said('192.0.2.200', '/key'), '503 BANNED 0', 'denied, though the key is empty';
    is said('203.0.113.1', '/key?k=a'), '200 PASSED 1', 'on no list';
};

subtest 'with bans, and alone' => sub {
    is said('192.0.2.200', '/ban'), '503 BANNED 0', 'where only a ban names the zone';
    like said('192.0.2.1', '/ban'), qr/\A200 /, 'allowed';
    is said('192.0.2.200', '/none'), '200 ', 'alone they do nothing';
};

subtest 'allowed: uncounted, and only for that zone' => sub {
    my @held = map { $site->hold('127.99.0.1', '/hold', 'X-Real-IP: 192.0.2.1') } 1 .. 3;
    is said('192.0.2.1', '/t'), '200 BYPASSED 0', 'any number';
    my $other = $site->hold('127.99.0.1', '/both?k=b', 'X-Real-IP: 192.0.2.1');
    is said('192.0.2.1', '/both?k=b'), '503 REJECTED 1', 'another zone limits';
    is said('203.0.113.1', '/key?k=b'), '200 PASSED 1', 'and the first has not counted';
    is said('192.0.2.1', "$_?k=c"), '200 PASSED 1', "$_: one limit of two" for '/first', '/last';
    $_->leave for @held, $other;
    is_deeply $site->report->{address}{bans}, [], 'no bans';
};

subtest 'a list lifts a ban' => sub {
    my $held = $site->hold('127.99.0.1', '/banned', 'X-Real-IP: 203.0.113.9');
    is said('203.0.113.9', '/banned'), '503 REJECTED 1', 'refused';
    is said('203.0.113.9', '/banned'), '503 BANNED 0', 'banned';
    is_deeply [map { $_->{key} } $site->report->{address}{bans}->@*], ['203.0.113.9'], 'listed';
    $held->leave;
};

subtest 'accept' => sub {
    my @clients;
    for (1 .. 3) {
        push @clients, $site->connect('127.14.1.1', Gatehouse::Wire::get('/t'), $site->port(1));
        is $clients[-1]->response->{status}, 200, 'allowed: any number';
    }
    ok $site->connect('127.14.2.1', '', $site->port(1))->is_refused, 'denied';
    for (1 .. 3) {
        push @clients, $site->connect('127.99.1.1', Gatehouse::Wire::get('/t'), $site->port(1));
        is $clients[-1]->response->{status}, 200, 'a trusted proxy: as well';
    }
    push @clients, $site->connect('127.16.1.1', Gatehouse::Wire::get('/t'), $site->port(1));
    is $clients[-1]->response->{status}, 200, 'on no list';
    ok $site->connect('127.16.1.1', '', $site->port(1))->is_refused, 'and limited';
    $_->leave for @clients;
};

subtest 'reload' => sub {
    my $open = $site->ask('127.99.0.1', '/none');
    is $open->response->{status}, 200, 'a connection';
    $site->file('office', "198.51.100.77\n203.0.113.9\n");
    is said('192.0.2.1', '/t'), '200 BYPASSED 0', 'not before';
    $site->reload;
    is said('192.0.2.1', '/t'), '503 BANNED 0', 'denied now';
    is said($_, '/t'), '200 BYPASSED 0', "$_: allowed now" for '198.51.100.77', '203.0.113.9';
    is said('203.0.113.9', '/ban') =~ s/ .*//r, 200, 'the ban is lifted';
    $site->file('office', "no address\n");
    $site->signal('HUP');
    $site->until(sub { $site->log =~ /\[emerg\] .*neither an IPv4 nor an IPv6 address in "\S+\/office":1 / }, 'refusal');
    is said('198.51.100.77', '/t'), '200 BYPASSED 0', 'a list with a mistake is not taken';
    $open->leave;
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
