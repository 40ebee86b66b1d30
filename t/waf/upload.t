# Uploads: the memory of the worker is bounded by what the rules may look at, not by what the client
# sends; and where memory runs out, nothing passes that was not inspected.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::Wire 'client';
use Test::More;

my $limit  = 128;    # kB
my $form   = 'Content-Type: application/x-www-form-urlencoded';
my $server = <<"END";
client_max_body_size 0;
client_body_buffer_size 16k;
proxy_pass_request_body off;
proxy_set_header Content-Length "";
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRequestBodyLimitAction ProcessPartial
    SecRule ARGS:q "\@streq bad" "id:1,phase:2,deny"';
location / { modsecurity_rules 'SecRequestBodyLimit ${\ ($limit << 10) }'; proxy_pass APPLICATION; }
location /whole { modsecurity_rules 'SecRequestBodyLimit 0'; proxy_pass APPLICATION; }
END

sub kilobytes ($waf, $what) {
    my ($worker) = $waf->nginx->workers;
    return (slurp("/proc/$worker/status") =~ /^$what:\s+(\d+) kB/m)[0];
}

# The status of so many megabytes behind a beginning.
sub upload ($waf, $begin, $megabytes) {
    my $length = length($begin) + ($megabytes << 20);
    my $client = client("POST / HTTP/1.1\r\nHost: localhost\r\n$form\r\nContent-Length: $length\r\n\r\n$begin", $waf->file('nginx.sock'));
    my $piece = 'x' x (1 << 20);
    $client->send($piece) for 1 .. $megabytes;
    my $status = $client->response->{status};
    $client->leave;
    return $status;
}

# The connector reads all of it, and a part is enough to see that.
my %megabytes = (module => $ENV{ASAN_OPTIONS} ? 64 : 1024, connector => 64);

for my $waf (Gatehouse::Waf->beside($server)) {
    my $name = $waf->name;
    subtest "$megabytes{$name} MB, $name" => sub {
        is upload($waf, 'a=b&c=', 1), 200, 'a short one first';
        my $before = kilobytes($waf, 'VmHWM');
        is upload($waf, 'a=b&c=', $megabytes{$name}), 200, 'served';
        my $grown = kilobytes($waf, 'VmHWM') - $before;
        note "$grown kB";
        if ($name eq 'connector') {
            cmp_ok $grown, '>', $megabytes{$name} << 10, 'held in memory as a whole';
        } elsif (!$ENV{ASAN_OPTIONS}) {
            cmp_ok $grown, '<', 16 * $limit, 'some copies of what is inspected';
        }
        is upload($waf, 'q=bad&c=', 1), 403, 'inspected';
        is $waf->stop, 0, 'nginx ends';
        is_deeply [glob $waf->file('temp/client_body/*')], [], 'nothing is left';
        is_deeply [$waf->complaints], [], 'without harm';
    };
}

# With so many megabytes for a worker to grow.
sub limited ($connector, $megabytes) {
    state %size;
    my $size = $size{$connector} //= do {
        my $waf = Gatehouse::Waf->new($server, connector => $connector);
        my $size = kilobytes($waf, 'VmSize');
        $waf->stop;
        $size;
    };
    return under_limit(($size << 10) + ($megabytes << 20), sub { Gatehouse::Waf->new($server, connector => $connector) });
}

# Of the address space, for the processes that are started meanwhile; the hard limit stays.
sub under_limit ($octets, $start) {
    my ($before) = `prlimit --pid=$$ --as --raw --noheadings --output=SOFT` =~ /(\w+)/;
    system('prlimit', "--pid=$$", "--as=$octets:") == 0 or die 'prlimit failed';
    my $started = eval { $start->() };
    my $error   = $@;
    system('prlimit', "--pid=$$", "--as=$before:") == 0 or die 'prlimit failed';
    die $error unless $started;
    return $started;
}

subtest 'memory runs out' => sub {
    plan skip_all => 'a sanitizer needs more than there is' if $ENV{ASAN_OPTIONS};
    my $body = 'q=bad&a=' . 'x' x (16 << 20);
    for my $connector (0, Gatehouse::Waf::connector_fits() ? 1 : ()) {
        # The text of the body does not fit; the copies of it that the library makes do not.
        my %due = (8 => [500, 200], 32 => [500, 'cut']);
        for my $megabytes (sort { $a <=> $b } keys %due) {
            my $waf  = limited($connector, $megabytes);
            my $name = $waf->name . ", $megabytes MB";
            is $waf->post('/whole', $body, $form)->{status}, $due{$megabytes}[$connector], $name;
            $waf->wait_log(qr/exited on signal 6/) if $due{$megabytes}[$connector] eq 'cut';
            next if $connector;
            is $waf->post('/whole', 'q=bad', $form)->{status}, 403, "$name: the worker goes on";
            is $waf->stop, 0, "$name: nginx ends";
            is_deeply [$waf->complaints], [], "$name: without harm";
        }
    }
};

done_testing;
