# Bans and connection_limit_accept: connections that are closed at accept bring a ban, by the
# connection_limit_ban of the servers on that address; and whoever is banned is closed at accept.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new(ports => 9);
$site->file('allowed', "127.13.7.0/24\n");
$site->file('denied', "127.13.8.0/24\n");
my $place = 'location = /t { try_files /index.html =404; }';
my $zones = join '', map { "connection_limit_zone \$binary_remote_addr zone=$_:1m;\n" }
    qw(most shaking rate other inherited lists requests dry);
$site->configure(<<"END", workers => 1)->start;
$zones
server {
    listen 127.0.0.1:PORT0;
    connection_limit_accept zone=most max=1;
    connection_limit_ban zone=most after=3/1h for=1h;
    $place
}
server {
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=shaking max=9 handshake=1;
    connection_limit_ban zone=shaking after=3/1h for=1h;
    $place
}
server {
    listen 127.0.0.1:PORT2;
    connection_limit_accept zone=rate max=1000 rate=1r/s;
    connection_limit_ban zone=rate after=3/1h for=1h;
    $place
}
server {
    listen 127.0.0.1:PORT3;
    server_name a;
    connection_limit_accept zone=other max=1;
    $place
}
server {
    listen 127.0.0.1:PORT3;
    server_name b;
    connection_limit_ban zone=other after=3/1h for=1h;
    $place
}
server {
    listen 127.0.0.1:PORT4;
    connection_limit_accept zone=requests max=1;
    connection_limit_ban zone=requests after=1/1h for=1h on=rate_limit,jwt;
    $place
}
server {
    listen 127.0.0.1:PORT5;
    connection_limit_accept zone=requests max=9;
    location = /hold {
        connection_limit zone=requests max=1 by=request;
        connection_limit_ban zone=requests after=2/1h for=1h;
        proxy_pass HOLD;
    }
    location = /t      { connection_limit_ban zone=requests after=2/1h for=1h; try_files /index.html =404; }
    location = /most   { connection_limit_ban zone=most after=9/1h for=1h; try_files /index.html =404; }
    location = /shaking { connection_limit_ban zone=shaking after=9/1h for=1h; try_files /index.html =404; }
    location = /rate   { connection_limit_ban zone=rate after=9/1h for=1h; try_files /index.html =404; }
    location = /other  { connection_limit_ban zone=other after=9/1h for=1h; try_files /index.html =404; }
}
server {
    listen 127.0.0.1:PORT6;
    connection_limit_accept zone=lists max=1;
    connection_limit_ban zone=lists after=1/1h for=2s;
    connection_limit_list zone=lists allowed action=allow;
    connection_limit_list zone=lists denied action=deny;
    $place
}
server {
    listen 127.0.0.1:PORT8;
    connection_limit_dry_run on;
    connection_limit_accept zone=dry max=1;
    connection_limit_ban zone=dry after=1/1h for=1h;
    $place
}
server {
    listen 127.0.0.1:PORT7;
    connection_limit_accept zone=inherited max=1;
    location = /t { connection_limit_ban zone=inherited after=1/1h for=1h; try_files /index.html =404; }
}
END

sub idle ($number, $from) {
    my $client = $site->connect($from, Gatehouse::Wire::get('/t'), $site->port($number));
    is $client->response->{status}, 200, "$from is served";
    return $client;
}
sub refused ($number, $from, $count = 1) {
    ok $site->connect($from, '', $site->port($number))->is_refused, "$from is closed" for 1 .. $count;
    return;
}
sub bans ($zone) { return [sort map { $_->{key} } $site->report->{$zone}{bans}->@*] }

# Of the place that names the zone and is not limited at accept.
sub is_banned ($zone, $from, $banned = 1) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is $site->status_from($from, "/$zone", $site->port(5)), $banned ? 503 : 200,
        "$from is " . ($banned ? '' : 'not ') . 'banned';
}

subtest 'max' => sub {
    my $client = idle(0, '127.13.1.1');
    refused(0, '127.13.1.1', 2);
    is_banned(most => '127.13.1.1', 0);
    refused(0, '127.13.1.1');
    is_banned(most => '127.13.1.1');
    is_deeply bans('most'), ['127.13.1.1'], 'and listed';
    like $site->log, qr/banned by zone "most" for 3600s at accept, client: 127\.13\.1\.1\b/, 'and logged';
    is $client->send(Gatehouse::Wire::get('/t'))->response->{status}, 503, 'requests on what is open are refused, too';
    $client->leave;
    refused(0, '127.13.1.1', 2);
    idle(0, '127.13.1.2')->leave;
    my $report = $site->report->{most}{total};
    is $report->{accept_refused}, 3, 'three for the number';
    cmp_ok $report->{banned}, '>=', 4, 'the others for the ban';
};

subtest 'handshake' => sub {
    my $client = $site->connect('127.13.2.1', '', $site->port(1));
    refused(1, '127.13.2.1', 3);
    is_banned(shaking => '127.13.2.1');
    $client->send(Gatehouse::Wire::get('/t'));
    is $client->response->{status}, 503, 'the first is banned as well';
    $client->leave;
    refused(1, '127.13.2.1');
};

subtest 'rate' => sub {
    $site->until(sub {
        my $client = $site->connect('127.13.3.1', '', $site->port(2));
        $client->shut->is_refused;
        return $site->status_from('127.13.3.1', '/rate', $site->port(5)) == 503;
    }, 'ban by the rate');
    refused(2, '127.13.3.1');
    is_deeply bans('rate'), ['127.13.3.1'], 'listed';
};

subtest 'another server of the address bans' => sub {
    my $client = idle(3, '127.13.4.1');
    refused(3, '127.13.4.1', 3);
    is_banned(other => '127.13.4.1');
    $client->leave;
    refused(3, '127.13.4.1');
};

subtest 'not without on=limit' => sub {
    my $client = idle(4, '127.13.5.1');
    refused(4, '127.13.5.1', 3);
    $client->leave;
    $site->until(sub { defined $site->status_from('127.13.5.1', '/t', $site->port(4)) }, 'room');
    is_deeply bans('requests'), [], 'nobody is banned';
};

subtest 'nor by a directive of a location' => sub {
    my $client = idle(7, '127.13.5.2');
    refused(7, '127.13.5.2', 3);
    $client->leave;
    $site->until(sub { defined $site->status_from('127.13.5.2', '/t', $site->port(7)) }, 'room');
    is_deeply bans('inherited'), [], 'nobody is banned';
};

subtest 'nor by a dry run' => sub {
    my @clients = map { idle(8, '127.13.5.3') } 1 .. 3;
    is $site->report->{dry}{total}{accept_refused}, 2, 'counted as if they were real';
    is_deeply bans('dry'), [], 'nobody is banned';
    $_->leave for @clients;
};

subtest 'a ban that requests bring' => sub {
    my $open = idle(5, '127.13.6.1');
    my $hold = $site->connect('127.13.6.1', Gatehouse::Wire::get('/hold'), $site->port(5));
    my $asked = $site->upstream->next_request;
    is $site->status_from('127.13.6.1', '/hold', $site->port(5)), 503, 'refused' for 1, 2;
    refused(5, '127.13.6.1', 3);
    refused(4, '127.13.6.1');
    $asked->answer(200, 'done');
    is $hold->response->{status}, 200, 'connections that are open stay open';
    is $open->send(Gatehouse::Wire::get('/most'))->response->{status}, 200, 'and serve where the zone is not named';
    is $open->send(Gatehouse::Wire::get('/t'))->response->{status}, 503, 'but not where it is';
    $_->leave for $hold, $open;
    idle(5, '127.13.6.2')->leave;
};

subtest 'lists' => sub {
    my @allowed = map { idle(6, '127.13.7.1') } 1 .. 4;
    is_deeply bans('lists'), [], 'none of those that are allowed';
    $_->leave for @allowed;
    refused(6, '127.13.8.1', 4);
    is_deeply bans('lists'), [], 'nor those that are denied, who stay outside anyway';
};

subtest 'expiry' => sub {
    my $client = idle(6, '127.13.9.1');
    refused(6, '127.13.9.1');
    is_deeply bans('lists'), ['127.13.9.1'], 'banned';
    $client->leave;
    refused(6, '127.13.9.1');
    $site->until(sub { defined $site->status_from('127.13.9.1', '/t', $site->port(6)) }, 'end of the ban');
    is_deeply bans('lists'), [], 'listed no more';
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
