# TLS to Redis: the right server is spoken to, a wrong one never gets to hear a command, and the log
# says what is wrong with it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Redis::Tls qw(certificate ca_file);
use Gatehouse::Wire;
use IO::Socket::INET ();
use Test::More;

my $ca     = ca_file();
my $mine   = certificate('client');
my $client = "tls_certificate $mine->{certificate}; tls_certificate_key $mine->{key};";
my $times  = 'timeout 2s; connect_timeout 2s; password_env GATE_PASSWORD;';
$ENV{GATE_PASSWORD} = my $password = 'a-password-that-only-Redis-may-see';

# The system's authorities, by OpenSSL's own variables: the real ones are many, and change.
$ENV{SSL_CERT_FILE} = ca_file();
$ENV{SSL_CERT_DIR}  = '/nonexistent';

sub gate ($port, $tls) {
    return Gatehouse::Faults->new("127.0.0.1:$port", backend => "$times tls on; $tls");
}

sub server ($certificate, $clients = 'no') {
    return Gatehouse::Redis->new(port => 1, password => $password,
        tls => { certificate($certificate)->%*, clients => $clients })->start;
}

# Of commands that nginx begins with.
sub calls ($server) { return $server->stat('cmdstat_script|load', 'calls') + $server->stat('cmdstat_evalsha', 'calls') }

sub listener () {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64) // die "listen: $@";
    return ($socket, $socket->sockport);
}

my $redis  = server('server');
my $strict = server('server', 'yes');
my %server = (
    server => $redis, strict => $strict, plain => Gatehouse::Redis->new(port => 1, password => $password)->start,
    map { ($_ => server($_)) } qw(wrong_name expired unknown),
);

subtest 'servers that are what they should be' => sub {
    my %right = (
        'the system\'s authority'  => ['server', ''],
        'the address'              => ['server', "tls_ca $ca;"],
        'tls_name'                 => ['server', "tls_ca $ca; tls_name redis.test;"],
        'another name'             => ['wrong_name', "tls_ca $ca; tls_name other.test;"],
        'another authority'        => ['unknown', 'tls_ca ' . ca_file('unknown_ca') . ';'],
        'a client certificate'     => ['strict', "tls_ca $ca; $client"],
    );
    for my $what (sort keys %right) {
        my ($name, $tls) = $right{$what}->@*;
        my $gate = gate($server{$name}->port, $tls)->start;
        is_deeply $gate->ask_all($what), $gate->with_redis, $what;
        unlike $gate->nginx->log, qr/is down/, 'at once';
        $gate->check_survived($server{$name}, fast => 1);
    }
};

# Of a client certificate a server of TLS 1.3 thinks after the client is done; what it says may get
# lost in the end of the connection.
my $cut_off = qr/closed|Connection reset/;

# What is wrong, the server, the directives, and what the log says about it.
my @wrong = (
    ['unknown authority', 'unknown', "tls_ca $ca;", qr/certificate verify(?: failed| error)/],
    ['not the system\'s authority', 'unknown', '', qr/certificate verify(?: failed| error)/],
    ['expired', 'expired', "tls_ca $ca; tls_name redis.test;", qr/certificate has expired|certificate verify failed/],
    ['name', 'wrong_name', "tls_ca $ca; tls_name redis.test;", qr/name .*redis\.test|does not match "redis\.test"/],
    ['address in place of a name', 'wrong_name', "tls_ca $ca;", qr/127\.0\.0\.1/],
    ['tls_name', 'server', "tls_ca $ca; tls_name redis.tes;", qr/redis\.tes\b/],
    ['no client certificate', 'strict', "tls_ca $ca;", qr/certificate required|$cut_off/],
    ['unknown client certificate', 'strict',
        do {
            my $unknown = certificate('unknown_client');
            "tls_ca $ca; tls_certificate $unknown->{certificate}; tls_certificate_key $unknown->{key};";
        }, qr/unknown ca|$cut_off/],
    ['no TLS', 'plain', "tls_ca $ca;", qr/connecting took too long|closed/],
);

for my $wrong (@wrong) {
    my ($what, $name, $tls, $says) = @$wrong;
    subtest "refused: $what" => sub {
        my $calls = calls($server{$name});
        my $gate  = gate($server{$name}->port, $tls)->start(without_redis => 1);
        is_deeply $gate->ask_all($what), $gate->without_redis, 'on_error';
        $gate->nginx->until(sub { $gate->nginx->log =~ /is down/ }, 'message');
        my ($line) = grep { /is down/ } $gate->redis_lines;
        like $line, qr/\[error\] .*redis "main": server 127\.0\.0\.1:\d+ is down: .*$says/, 'the log says why';
        is_deeply $gate->ask_all("$what, again"), $gate->without_redis, 'and again';
        is calls($server{$name}), $calls, 'no command has arrived';
        $gate->check_survived($server{$name}, lines => 3, fast => 1);
    };
}

# A listener that only listens: what comes is the beginning of TLS, with the name of the server.
subtest 'SNI, and nothing in clear' => sub {
    my %name_of = ("tls_ca $ca; tls_name redis.test;" => 'redis.test', "tls_ca $ca;" => undef);
    for my $tls (sort keys %name_of) {
        my ($listener, $port) = listener();
        my $gate = gate($port, $tls)->start(without_redis => 1);
        Gatehouse::Wire::wait_readable($listener, 'connection');
        my $peer = $listener->accept;
        Gatehouse::Wire::wait_readable($peer, 'octets');
        sysread $peer, my $hello, 65536;
        like $hello, qr/\A\x16\x03[\x01\x03].{2}\x01/s, 'a handshake';
        my $sni = pack 'n/a', pack 'n/a', pack 'C n/a', 0, $name_of{$tls} // '127.0.0.1';
        is index($hello, "\0\0" . $sni) >= 0, defined $name_of{$tls}, 'names are sent, addresses are not';
        # RFC 8446, appendix B: alert, fatal, internal_error. It must not try without TLS then.
        syswrite $peer, "\x15\x03\x03\0\x02\x02\x50";
        close $peer;
        is_deeply $gate->ask_all('alert'), $gate->without_redis, 'on_error';
        Gatehouse::Wire::wait_readable($listener, 'next connection');
        $peer = $listener->accept;
        Gatehouse::Wire::wait_readable($peer, 'octets');
        sysread $peer, my $again, 65536;
        like $again, qr/\A\x16\x03/, 'the next attempt is TLS, too';
        unlike "$hello$again", qr/AUTH|SCRIPT|EVAL|\Q$password\E/, 'no command';
        $gate->check_survived(undef, lines => 3, fast => 1);
    }
};

subtest 'a server whose certificate is renewed' => sub {
    my $gate = gate($redis->port, "tls_ca $ca;")->start;
    my %bad = ('expired' => 'expired', 'unknown' => 'unknown authority');
    for my $name (sort keys %bad) {
        my $pair = certificate($name);
        $redis->stop;
        local $redis->{tls} = { %$pair, clients => 'no' };
        $redis->start;
        $gate->wait_down;
        is_deeply $gate->ask_all($name), $gate->without_redis, "$bad{$name}: on_error";
        $redis->stop;
    }
    $redis->start;
    $gate->wait_recovered;
    is_deeply $gate->ask_all('renewed'), $gate->with_redis, 'renewed: and back';
    $gate->check_survived($redis);
};

done_testing;
