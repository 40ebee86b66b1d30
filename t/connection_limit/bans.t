# connection_limit_ban: so many refusals in a time bring a ban, which holds wherever its zone is
# named, is listed, survives a reload, and ends. Other causes: bans_causes.t; at accept:
# bans_accept.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $site = Gatehouse::Connections->new;
my $http = <<'END';
connection_limit_zone $binary_remote_addr zone=address:1m;
connection_limit_zone $binary_remote_addr zone=network:1m;
connection_limit_zone $arg_k zone=key:1m;
connection_limit_zone $arg_k zone=brief:1m;
connection_limit_zone $arg_k zone=quick:1m;
add_header X-Status "$connection_limit_status $connection_limit_current" always;
connection_limit_log_level warn;
set_real_ip_from 127.11.0.0/16;
real_ip_header X-Real-IP;
server {
    listen 127.0.0.1:PORT;
    connection_limit_ban zone=address after=3/1h for=1h;
    location = /hold    { connection_limit zone=address max=1 by=request; proxy_pass HOLD; }
    location = /t       { connection_limit zone=address max=9 by=request; try_files /index.html =404; }
    location = /only    { try_files /index.html =404; }
    location = /other   { connection_limit_ban zone=key after=9/1h for=1h; try_files /index.html =404; }
    location = /silent  { connection_limit_ban zone=key after=9/1h for=1h; connection_limit_retry_after off; try_files /index.html =404; }
    location = /dry     { connection_limit_ban zone=key after=9/1h for=1h; connection_limit_dry_run on; try_files /absent =404; }
    location = /page    { connection_limit_ban zone=key after=9/1h for=1h; error_page 503 /later; try_files /index.html =404; }
    location = /fine    { connection_limit_ban zone=key after=9/1h for=1h; error_page 503 =200 /index.html; try_files /index.html =404; }
    location = /later   { add_header X-Page later always; return 503 "later\n"; }
    location = /key     {
        connection_limit zone=key max=1 by=request;
        connection_limit_ban zone=key after=2/1h for=1h;
        connection_limit_status 429;
        connection_limit_log_level info;
        proxy_pass HOLD;
    }
    location = /two     {
        connection_limit zone=key max=1 by=request;
        connection_limit_ban zone=key after=9/1h for=1h;
        connection_limit_ban zone=network after=2/1h for=2h;
        proxy_pass HOLD;
    }
    location = /brief   {
        connection_limit zone=brief max=1 by=request;
        connection_limit_ban zone=brief after=2/1h for=1500ms;
        proxy_pass HOLD;
    }
    location = /quick   {
        connection_limit zone=quick max=1 by=request;
        connection_limit_ban zone=quick after=2/1ms for=1h;
        proxy_pass HOLD;
    }
}
END
$site->configure($http)->start;

# "503 REJECTED 1"
sub said ($from, $uri, @lines) {
    my $client   = $site->ask($from, $uri, 'Connection: close', @lines);
    my $response = $client->response;
    # What the request held is returned before the connection is closed.
    1 while $client->more;
    $client->leave;
    return "$response->{status} $response->{headers}{'x-status'}[0]";
}
sub done ($client) {
    $client->asked->answer(200, 'done');
    $client->response;
    $client->leave;
    return;
}
sub logged ($text, $from) { return scalar(my @lines = $site->log =~ /\Q$text\E, client: \Q$from\E,/g) }
sub bans ($zone) { return [sort { $a->{key} cmp $b->{key} } $site->report->{$zone}{bans}->@*] }

my $holds = $site->hold('127.11.1.1', '/hold');
subtest 'after so many refusals' => sub {
    is said('127.11.1.1', '/hold'), '503 REJECTED 1', 'refused' for 1 .. 2;
    is said('127.11.1.1', '/t'), '200 PASSED 2', 'not banned yet, by what passes';
    is_deeply bans('address'), [], 'nobody is';
    is said('127.11.1.1', '/hold'), '503 REJECTED 1', 'the third';
    is said('127.11.1.1', $_), '503 BANNED 0', "$_: banned" for '/hold', '/t', '/only';
    is said('127.11.1.1', '/other'), '200 ', 'not where the zone is not named';
    is said('127.11.1.2', '/t'), '200 PASSED 1', 'nor is another address';
    is $site->held(address => '127.11.1.1'), 1, 'the banned hold nothing';
    is logged('banned by zone "address" for 3600s', '127.11.1.1'), 1, 'the ban is logged, once';
    is logged('access forbidden by zone "address"', '127.11.1.1'), 3, 'and the refusals';
    done($holds);
    is said('127.11.1.1', '/t'), '503 BANNED 0', 'banned, though it holds nothing any more';
};

subtest 'listed' => sub {
    my $bans = bans('address');
    is_deeply [map { $_->{key} } @$bans], ['127.11.1.1'], 'the address';
    cmp_ok $bans->[0]{seconds}, '<=', 3600, 'an hour';
    cmp_ok $bans->[0]{seconds}, '>', 3000, 'or a little less';
};

subtest 'IPv6' => sub {
    my $client = $site->hold('127.11.2.1', '/hold', 'X-Real-IP: 2001:db8:0:1::1');
    is said('127.11.2.1', '/hold', 'X-Real-IP: 2001:db8:0:1::2'), '503 REJECTED 1', 'refused' for 1 .. 3;
    is said('127.11.2.1', '/t', 'X-Real-IP: 2001:db8:0:1::3'), '503 BANNED 0', 'the network is banned';
    is said('127.11.2.1', '/t', 'X-Real-IP: 2001:db8:0:2::1'), '200 PASSED 1', 'the next is not';
    is_deeply [map { $_->{key} } bans('address')->@*], ['127.11.1.1', '2001:db8:0:1::/64'], 'and listed';
    done($client);
};

subtest 'keys' => sub {
    my $client = $site->hold('127.11.3.1', '/key?k=a');
    is said('127.11.3.1', '/key?k=a'), '429 REJECTED 1', 'refused';
    is said('127.11.3.2', '/key?k=a'), '429 REJECTED 1', 'from anywhere';
    is said('127.11.3.3', '/key?k=a'), '429 BANNED 0', 'banned, with the same status';
    is said('127.11.3.3', '/other?k=a'), '503 BANNED 0', 'where no limit is, too';
    is said('127.11.3.3', '/other?k=b'), '200 ', 'another key is not';
    is said('127.11.3.3', '/other'), '200 ', 'nor one that is empty';
    is_deeply [map { $_->{key} =~ /\A[0-9a-f]{32}\z/ ? 'hash' : $_->{key} } bans('key')->@*], ['hash'],
        'listed by its hash';
    is scalar(() = $site->log =~ /\[info\] .*banned by zone "key" for 3600s/g), 1, 'logged as the place says';
    done($client);
};

# /key has banned "a".
subtest 'Retry-After' => sub {
    my $later = sub ($uri, @lines) {
        my $client = $site->ask('127.11.3.4', $uri, 'Connection: close', @lines);
        my $values = $client->response->{headers}{'retry-after'} // [];
        1 while $client->more;
        $client->leave;
        return join ' ', map { $_ <= 3600 && $_ > 3000 ? 'LATER' : $_ } @$values;
    };
    is $later->($_), 'LATER', "$_: the end of the ban" for '/other?k=a', '/key?k=a', '/page?k=a';
    is $later->($_), '', "$_: none" for '/silent?k=a', '/dry?k=a', '/fine?k=a', '/other?k=b';
    my $client = $site->hold('127.11.3.4', '/key?k=r');
    is $later->('/key?k=r'), '', 'a limit cannot tell when';
    done($client);
};

subtest 'several zones' => sub {
    my $client = $site->hold('127.11.4.1', '/two?k=c');
    is said('127.11.4.1', '/two?k=c'), '503 REJECTED 1', 'refused' for 1, 2;
    is said('127.11.4.1', '/two?k=d'), '503 BANNED 0', 'banned by the one';
    is said('127.11.4.2', '/two?k=c'), '503 REJECTED 1', 'not by the other';
    is_deeply [map { $_->{key} } bans('network')->@*], ['127.11.4.1'], 'listed';
    cmp_ok bans('network')->[0]{seconds}, '>', 3600, 'for as long as its directive says';
    done($client);
};

# A refusal in another half of the time twice over is forgotten: with milliseconds between them
# there are never two. (How exactly: the unit tests.)
subtest 'in a time' => sub {
    my $client = $site->hold('127.11.5.1', '/quick?k=e');
    for (1 .. 5) {
        is said('127.11.5.1', '/quick?k=e'), '503 REJECTED 1', 'refused, not banned';
        select undef, undef, undef, 0.01;
    }
    done($client);
};

subtest 'expiry' => sub {
    my $client = $site->hold('127.11.6.1', '/brief?k=f');
    my $began  = clock_gettime(CLOCK_MONOTONIC);
    is said('127.11.6.1', '/brief?k=f'), '503 REJECTED 1', 'refused' for 1, 2;
    is said('127.11.6.1', '/brief?k=f'), '503 BANNED 0', 'banned';
    # Whoever goes on asking does not make it last. The last of these is the first of the next two.
    $site->until(sub { said('127.11.6.1', '/brief?k=f') eq '503 REJECTED 1' }, 'end of the ban');
    cmp_ok clock_gettime(CLOCK_MONOTONIC) - $began, '>=', 1.5, 'it has lasted';
    is_deeply bans('brief'), [], 'and is listed no more';
    is said('127.11.6.1', '/brief?k=f'), '503 REJECTED 1', 'as many refusals again';
    is said('127.11.6.1', '/brief?k=f'), '503 BANNED 0', 'bring the next';
    done($client);
};

subtest 'reload' => sub {
    $site->reload;
    is said('127.11.1.1', '/t'), '503 BANNED 0', 'banned';
    is_deeply [map { $_->{key} } bans('address')->@*], ['127.11.1.1', '2001:db8:0:1::/64'], 'listed';
    $site->configure($http =~ s{after=3/1h for=1h}{after=50/1m for=1s}r =~ s/max=1 /max=7 /gr);
    $site->reload;
    is said('127.11.1.1', '/t'), '503 BANNED 0', 'by other directives, too';
    cmp_ok bans('address')->[0]{seconds}, '>', 3000, 'for as long as it was meant';
    $site->configure($http =~ s/zone=address:1m/zone=address:2m/r);
    $site->reload;
    is said('127.11.1.1', '/t'), '200 PASSED 1', 'a zone of another size starts without bans';
    is said('127.11.3.3', '/other?k=a'), '503 BANNED 0', 'the others keep theirs';
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
