# What is given back, and that it is no more than was taken: where a full zone lets connections pass
# uncounted and the next limit refuses; where a connection is refused for want of room at accept;
# where a limit does not apply and another place is to decide.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new(ports => 2);
$site->configure(<<'END', workers => 1)->start;
connection_limit_zone $arg_k zone=crowd:32k;
connection_limit_zone $arg_j zone=older:1m;
connection_limit_zone $arg_user zone=user:1m;
connection_limit_zone $binary_remote_addr zone=few:1m;
connection_limit_zone $binary_remote_addr zone=door:32k on_full=deny;
add_header X-Is "$connection_limit_status,$connection_limit_current" always;
keepalive_requests 100000;
server {
    listen 127.0.0.1:PORT0;
    location = /crowd { connection_limit zone=crowd max=2; try_files /index.html =404; }
    location = /older { connection_limit zone=older max=5; try_files /index.html =404; }
    location = /few   { connection_limit zone=few max=1; try_files /index.html =404; }
    location = /both  { connection_limit zone=crowd max=2; connection_limit zone=few max=1; try_files /index.html =404; }
    location = /user  { connection_limit zone=user max=2; try_files /none /few; }
}
server {
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=door max=100 handshake=50;
    location = /t { try_files /index.html =404; }
}
END

sub said ($client, $uri) {
    my $response = $client->send(Gatehouse::Wire::get($uri))->response;
    return "$response->{status} $response->{headers}{'x-is'}[0]";
}

# Keys are held until there is no room for one: that one, and who holds the others.
sub crowd () {
    my (@clients, $key);
    for my $number (1 .. 400) {
        push @clients, $site->connect('127.18.0.2') if $number % 16 == 1;
        return ("c$number", @clients) if said($clients[-1], "/crowd?k=c$number") eq '200 PASSED,0';
    }
    return;
}

subtest 'no room, and then refused' => sub {
    my ($key, @clients) = crowd();
    ok defined $key, 'the zone is full';
    my $only = $site->connect('127.18.0.3');
    is said($only, '/few'), '200 PASSED,1', 'another connection of the address';

    my $fresh = $site->connect('127.18.0.3');
    is said($fresh, "/both?k=$key"), '503 REJECTED,1', 'refused by the limit behind';
    is said($fresh, "/both?k=$key"), '503 REJECTED,1', 'again';

    my $known = $site->connect('127.18.0.3');
    is said($known, "/older?j=$_"), '200 PASSED,1', "counts for $_" for 1 .. 3;
    is said($known, "/both?k=$key"), '503 REJECTED,1', 'refused as well';
    is $site->report->{older}{leases}{held}, 3, 'what it had before it keeps';
    is $site->report->{few}{leases}{held}, 1, 'what it did not get it does not hold';
    $_->leave for @clients, $only, $fresh, $known;
    $site->until(sub { !grep { $site->report->{$_}{leases}{held} } qw(crowd older few) }, 'end of all');
};

subtest 'refused for want of room at accept' => sub {
    my (@clients, $refused);
    for my $host (1 .. 250) {
        push @clients, $site->connect("127.19.0.$host", '', $site->port(1));
        last if $site->report->{door}{total}{full} > 3;
    }
    cmp_ok $site->report->{door}{total}{full}, '>', 3, 'there is no room for more addresses';
    $_->leave for @clients;
    $site->until(sub { $site->report->{door}{leases}{held} == 0 }, 'end of all');
    pass 'nothing is left behind';
};

subtest 'a limit that does not apply decides nothing' => sub {
    my @clients = map { $site->connect('127.18.0.4') } 1 .. 3;
    is said($clients[0], '/user'), '200 PASSED,1', 'without a user the address counts';
    is said($clients[1], '/user'), '503 REJECTED,1', 'to its limit';
    is said($clients[2], '/user?user=a'), '200 PASSED,1', 'with one the user, and nothing afterwards';
    $_->leave for @clients;
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
