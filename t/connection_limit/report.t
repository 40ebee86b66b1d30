# connection_limit_report: what the zones hold and have done, as JSON.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use JSON::PP ();
use Test::More;

my $site = Gatehouse::Connections->new(ports => 4);
my $http = <<'END';
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone "$arg_k \"quoted\" \\" zone=keys:64k on_full=deny;
connection_limit_zone $binary_remote_addr zone=accept:1m ipv6_prefix=128;
connection_limit_zone $binary_remote_addr zone=unused:1m;
connection_limit_zone $binary_remote_addr 'zone=a "b"\c:1m';
server {
    listen 127.0.0.1:PORT0;
    location = /hold { connection_limit zone=address max=2 by=request; proxy_pass HOLD; }
    location = /t    { connection_limit zone=address max=2; try_files /index.html =404; }
    location = /ban  {
        connection_limit zone=keys max=1 by=request;
        connection_limit_ban zone=keys after=2/1h for=1h;
        connection_limit_ban zone=accept after=2/1h for=2h;
        proxy_pass HOLD;
    }
}
server {
    listen 127.0.0.1:PORT1;
    connection_limit_accept zone=accept max=2;
    location = /t { try_files /index.html =404; }
}
server {
    listen 127.0.0.1:PORT2;
    connection_limit_accept zone=accept max=9 handshake=1;
    location = /t { try_files /index.html =404; }
}
server {
    listen 127.0.0.1:PORT3;
    connection_limit_accept zone=accept max=999 rate=1r/s;
    location = /t { try_files /index.html =404; }
}
END
$site->configure($http, workers => 1)->start;

sub ask ($method) {
    my $text   = Gatehouse::Wire::get('/report', undef, 'Connection: close') =~ s/^GET/$method/r;
    my $client = Gatehouse::Wire::client($text, $site->file('counts.sock'));
    my $head   = $client->take_head;
    1 while $client->more;
    my $body = $client->{buffer};
    $client->leave;
    return ($head, $body);
}
sub zone ($name) { return $site->report->{$name} }

subtest 'the answer' => sub {
    my ($head, $body) = ask('GET');
    like $head, qr{\AHTTP/1\.1 200 }, 'GET';
    like $head, qr{^Content-Type: application/json\r$}m, 'the type';
    like $head, qr{^Cache-Control: no-store\r$}m, 'is not kept';
    like $head, qr{^Content-Length: @{[length $body]}\r$}m, 'the length';
    my $report = JSON::PP->new->decode($body);
    is_deeply [sort keys %$report], ['zones'], 'JSON';
    is_deeply [sort keys $report->{zones}->%*], ['a "b"\\c', qw(accept address keys unused)], 'the zones';

    my ($head_only, $nothing) = ask('HEAD');
    like $head_only, qr{\AHTTP/1\.1 200 .*\r\nContent-Length: @{[length $body]}\r\n}s, 'HEAD';
    is $nothing, '', 'has no body';
    like +(ask($_))[0], qr{\AHTTP/1\.1 405 }, $_ for qw(POST PUT DELETE);
};

subtest 'a zone that nobody uses' => sub {
    my $most = zone('unused')->{leases}{most};
    cmp_ok $most, '>', 24_000, 'two leases for each of twelve thousand keys';
    my @counters = qw(held refused accept_refused handshake_refused rate_refused banned full evicted reclaimed
        forgotten);
    is_deeply zone('unused'), {
        key => '$binary_remote_addr', size => 1_048_576, on_full => 'pass', leases => { held => 0, most => $most },
        total => { map { ($_ => 0) } @counters },
        bans => [],
    }, 'all there is';
    is zone('keys')->{key}, '$arg_k "quoted" \\', 'a key with quotes';
    is_deeply [zone('keys')->@{qw(size on_full)}], [65_536, 'deny'], 'size and on_full';
};

subtest 'requests' => sub {
    my @clients = map { $site->hold('127.18.1.1', '/hold') } 1, 2;
    my $idle    = $site->ask('127.18.1.2', '/t');
    is $idle->response->{status}, 200, 'a connection';
    is $site->status_from('127.18.1.1', $_), 503, "$_: refused" for '/hold', '/t', '/t';
    is zone('address')->{leases}{held}, 3, 'held: requests and connections';
    is_deeply [zone('address')->{total}->@{qw(held refused accept_refused banned full)}], [3, 3, 0, 0, 0], 'counted';
    $_->leave for @clients, $idle;
    $site->until(sub { zone('address')->{leases}{held} == 0 }, 'end of all');
    is_deeply [zone('address')->{total}->@{qw(held refused)}], [3, 3], 'what was counted stays';
};

subtest 'bans' => sub {
    my $client = $site->hold('127.18.2.1', '/ban?k=a');
    is $site->status_from('127.18.2.1', '/ban?k=a'), 503, 'refused' for 1 .. 5;
    is_deeply [zone('keys')->{total}->@{qw(held refused banned)}], [1, 2, 3], 'refused, and banned';
    is_deeply [map { $_->{key} =~ s/\A[0-9a-f]{32}\z/hash/r } zone('keys')->{bans}->@*], ['hash'], 'a hash';
    my $accept = zone('accept')->{bans};
    is_deeply [map { $_->{key} } @$accept], ['127.18.2.1'], 'an address';
    cmp_ok $accept->[0]{seconds}, '>', 3600, 'more than an hour';
    cmp_ok $accept->[0]{seconds}, '<=', 7200, 'at most two';
    $client->leave;
};

subtest 'accept' => sub {
    my @clients;
    for (1, 2) {
        push @clients, $site->connect('127.18.3.1', Gatehouse::Wire::get('/t'), $site->port(1));
        is $clients[-1]->response->{status}, 200, 'served';
    }
    ok $site->connect('127.18.3.1', '', $site->port(1))->is_refused, 'max' for 1 .. 3;
    push @clients, $site->connect('127.18.3.2', '', $site->port(2));
    ok $site->connect('127.18.3.2', '', $site->port(2))->is_refused, 'handshake' for 1 .. 2;
    ok $site->connect('127.18.2.1', '', $site->port(1))->is_refused, 'banned';
    is_deeply [zone('accept')->{total}->@{qw(refused accept_refused handshake_refused rate_refused)}], [0, 3, 2, 0],
        'each by its cause';
    is zone('accept')->{leases}{held}, 4, 'held: three connections, one of them with a handshake';
    $site->until(sub { ($site->status_from('127.18.3.3', '/t', $site->port(3)) // 0) != 200 }, 'refusal by the rate');
    is zone('accept')->{total}{rate_refused}, 1, 'the rate';
    $_->leave for @clients;
    $site->until(sub { zone('accept')->{leases}{held} == 0 }, 'end of all');
};

subtest 'reload' => sub {
    my $before = zone('accept')->{total};
    my $client = $site->hold('127.18.4.1', '/hold');
    my $changed = $http =~ s/zone=keys:64k on_full=deny/zone=keys:128k/r;
    $site->configure($changed =~ s/^connection_limit_zone .* zone=unused:.*\n//mr, workers => 1);
    # Not until all workers are new: the old one has something to finish.
    $site->signal('HUP')->until(sub { $site->log =~ /gracefully shutting down/ }, 'end of the old worker');
    $site->until(sub { !exists $site->report->{unused} }, 'new worker');
    is_deeply zone('accept')->{total}, $before, 'what was counted stays';
    is zone('address')->{leases}{held}, 1, 'what an old worker holds is held';
    is_deeply [zone('keys')->@{qw(size on_full)}], [131_072, 'pass'], 'a zone of another size';
    is zone('keys')->{total}{refused}, 0, 'starts afresh';
    $client->asked->answer(200, 'done');
    is $client->response->{status}, 200, 'served';
    $client->leave;
    $site->until(sub { zone('address')->{leases}{held} == 0 }, 'end of all');
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
