# A zone without room: on_full decides for whom there is none, the log and a counter say so, and
# those that are counted go on to be. Idle keys make way first.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->configure(<<'END', workers => 1)->start;
connection_limit_zone $arg_k zone=pass:32k;
connection_limit_zone $arg_k zone=deny:32k on_full=deny;
connection_limit_zone $arg_k zone=other:1m;
connection_limit_zone $binary_remote_addr zone=accept:32k on_full=deny;
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
keepalive_requests 100000;
server {
    listen 127.0.0.1:PORT0;
    location = /pass  { connection_limit zone=pass max=2; try_files /index.html =404; }
    location = /deny  { connection_limit zone=deny max=2; try_files /index.html =404; }
    location = /r     { connection_limit zone=deny max=2 by=request; try_files /index.html =404; }
    location = /other { connection_limit zone=other max=2; try_files /index.html =404; }
}
server {
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=accept max=2;
    location = /t     { try_files /index.html =404; }
}
END

# What is said about a request on this connection: "200 PASSED,1".
sub said ($client, $uri) {
    my $response = $client->send(Gatehouse::Wire::get($uri))->response;
    return "$response->{status} $response->{headers}{'x-is'}[0]";
}
my $asker = $site->connect('127.16.0.1');

# Keys that are held, sixteen by each connection, until so many were not: the connections, and how
# many were counted.
sub fill ($uri, $prefix, $full) {
    my (@clients, %said, $key);
    while (($said{$full} // 0) < 16) {
        my $client = $site->connect('127.16.0.2');
        $client->send(join '', map { Gatehouse::Wire::get("$uri?k=$prefix" . ++$key) } 1 .. 16);
        for (1 .. 16) {
            my $response = $client->response;
            ++$said{"$response->{status} $response->{headers}{'x-is'}[0]"};
        }
        push @clients, $client;
    }
    my $counted = delete $said{'200 PASSED,1'};
    is_deeply [keys %said], [$full], "the others: $full";
    return ($counted, $said{$full}, @clients);
}

for my $zone (qw(pass deny)) {
    subtest "on_full=$zone" => sub {
        my $full = $zone eq 'pass' ? '200 PASSED,0' : '503 REJECTED,0';
        my ($counted, $uncounted, @clients) = fill("/$zone", 'a', $full);
        my $report = $site->report->{$zone};
        cmp_ok $counted, '>', 16, 'keys have been counted';
        is $report->{on_full}, $zone, 'the report says what is done';
        is $report->{leases}{held}, $counted, 'so many are held';
        is $report->{total}{full}, $uncounted, 'and so many had no room';
        like $site->log, qr/\[warn\] .*zone "$zone" is full/, 'it is logged';
        my @lines = $site->log =~ /zone "$zone" is full/g;
        cmp_ok scalar @lines, '<=', 6, 'not for each of them';

        cmp_ok $report->{leases}{most}, '>', $counted, 'there are leases left';
        is said($asker, "/$zone?k=a1"), '200 PASSED,2', 'for another connection of a key that is there';
        is said($clients[0], "/$zone?k=a1") =~ s/,.*//r, '200 PASSED', 'those that count go on';
        is said($asker, '/other?k=1'), '200 PASSED,1', 'other zones have room';
        $_->leave for @clients;
        $asker->leave;
        $site->until(sub { $site->report->{$zone}{leases}{held} == 0 }, 'end of all');

        ($counted, $uncounted, @clients) = fill("/$zone", 'b', $full);
        cmp_ok $counted, '>', 16, 'other keys take the places';
        cmp_ok $site->report->{$zone}{total}{evicted}, '>', 0, 'of those that are idle';
        $_->leave for @clients;
        $site->until(sub { $site->report->{$zone}{leases}{held} == 0 }, 'end of all');
        $asker = $site->connect('127.16.0.1');
    };
}

subtest 'by=request' => sub {
    my ($counted, $uncounted, @clients) = fill('/deny', 'c', '503 REJECTED,0');
    my @refused = grep { said($asker, "/r?k=d$_") eq '503 REJECTED,0' } 1 .. 100;
    cmp_ok scalar @refused, '>', 0, 'refused as well';
    $_->leave for @clients;
};

subtest 'accept' => sub {
    my (@clients, @refused);
    for my $host (1 .. 200) {
        my $client = $site->connect("127.17.0.$host", Gatehouse::Wire::get('/t'), $site->port(1));
        push @{ $client->more ? \@clients : \@refused }, $client;
        last if @refused == 3;
    }
    is scalar @refused, 3, 'there is no room for more addresses';
    my $report = $site->report->{accept};
    is $report->{leases}{held}, scalar @clients, 'those that are open are counted';
    is $report->{total}{full}, scalar @refused, 'the others had no room';
    $_->leave for @clients, @refused;
};

$asker->leave;
is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
