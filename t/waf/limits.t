# What one request may cost: what exceeds modsecurity_limits never reaches the upstream, unless
# refusals are switched off, is logged with its reason, and stops nobody for long.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Recorder qw(request h2_request);
use JSON::PP ();
use Test::More;

# Each `a` is where the pattern may begin, and it backtracks over those behind it, twice: without a
# bound, some 10,000 of them take hours.
my $slow = 'a' x 7000;
my $form = 'Content-Type: application/x-www-form-urlencoded';
my $json = 'Content-Type: application/json';
my $xml  = 'Content-Type: text/xml';
my $multipart = 'Content-Type: multipart/form-data; boundary=XyZ';

sub recorder ($limits, $more = '') {
    return Gatehouse::Recorder->new(<<"END");
modsecurity on;
modsecurity_limits $limits;
modsecurity_event_log \$PREFIX/logs/events.json;
$more
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_HEADERS:Content-Type "\@rx xml\$" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
    SecRule REQUEST_HEADERS:Content-Type "\@rx json\$" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
    SecRule ARGS|REQUEST_HEADERS:X-Slow "\@rx a*a*a*[bc]" "id:3,phase:2,deny"
    SecRule RESPONSE_HEADERS:Content-Length "\@streq 0" "id:4,phase:3,pass,nolog"';
location \@denied { return 403 "\$modsecurity_status"; }
error_page 403 \@denied;
END
}

sub post (@lines) { return request('POST / HTTP/1.1', @lines) }

sub part ($name) { return "--XyZ\r\nContent-Disposition: form-data; name=\"$name\"\r\n\r\n1\r\n" }

sub names ($count) { return map { "k$_" } 1 .. $count }

my $counts = 'fields=8 cookies=4 arguments=5 parts=3 attributes=4 entities=1k json_names=1k time=5s';

# What is just within a limit, and what is beyond it.
my @counted = (
    ['fields' => qr/more than 8 header fields/, map { my $n = $_; request('GET / HTTP/1.1', map { "X-$_: 1" } 1 .. $n) } 6, 7],
    ['cookies' => qr/more than 4 cookies/,
        map { request('GET / HTTP/1.1', @$_) } ['Cookie: a=1; b=2; c=3', 'Cookie: d=4'], ['Cookie: a; b; c', 'Cookie: d; e']],
    ['arguments of a query' => qr/more than 5 arguments/, map { request("GET /?$_ HTTP/1.1") } 'a&b&c&d&e', 'a&b&c&d&e&f'],
    ['arguments of a form' => qr/more than 5 arguments/, map { post($form, \$_) } 'a&b&c&d&e', 'a=1&b=2&c&d&e&f'],
    ['arguments of both' => qr/more than 5 arguments/,
        map { request('POST /?a&b HTTP/1.1', $form, \$_) } 'c&d&e', 'c&d&e&f'],
    ['parts' => qr/more than 3 parts/, map { post($multipart, \(join '', map(part($_), names($_)), "--XyZ--\r\n")) } 3, 4],
    ['heads of parts' => qr/more than 3 parts/,
        map { post($multipart, \("--XyZ\r\nContent-Disposition: form-data; name=\"a\"\r\n" . "X: y\r\n" x $_ . "\r\n1\r\n--XyZ--\r\n")) } 20, 24],
    ['attributes' => qr/more than 4 attributes/, map { my $n = $_; post($xml, \("<a " . join(' ', map { "$_='1'" } names($n)) . '/>')) } 4, 5],
    ['entities' => qr/more than 1024 octets that XML entities may stand for/,
        map { post($xml, \("<!DOCTYPE a [<!ENTITY e 'x'>]><a>" . '&e;' x $_ . '</a>')) } 9, 20],
    ['attributes of a type' => qr/more than 4 attributes/,
        map { post($xml, \('<!DOCTYPE a [<!ATTLIST a b (' . join('|', names($_)) . ') #IMPLIED>]><a/>')) } 4, 5],
    ['entities of a type' => qr/more than 1024 octets that XML entities may stand for/,
        map { post($xml, \qq(<!DOCTYPE a [<!ENTITY $_ "<!ATTLIST a b CDATA #IMPLIED>">]><a/>)) } 'c', '% c'],
    ['names in JSON' => qr/more than 1024 octets of names/,
        map { post($json, \('{"' . 'k' x 100 . '":[' . join(',', (1) x $_) . ']}')) } 7, 9],
);

subtest 'counts' => sub {
    my $recorder = recorder($counts);
    for my $row (@counted) {
        my ($name, $reason, $within, $beyond) = @$row;
        my $seen = $recorder->through(on => $within);
        is $seen->{status}, 200, "$name: within the limit";
        ok defined $seen->{line}, "$name: the upstream has got it";
        $seen = $recorder->through(on => $beyond);
        is $seen->{status}, 403, "$name: beyond the limit";
        is $seen->{line}, undef, "$name: the upstream has got nothing";
        $recorder->waf->wait_log(qr/\[error\].*$reason[^:]*: a limit of modsecurity_limits is exceeded, denied/);
    }
    my @events = map { JSON::PP->new->decode($_)->{event} } $recorder->waf->wait_lines('events.json', scalar @counted);
    for my $i (0 .. $#counted) {
        like $events[$i]{reason}, $counted[$i][1], "$counted[$i][0]: the event has the reason";
        is $events[$i]{action}, 'waf.blocked', "$counted[$i][0]: the event is a refusal";
    }
    is scalar @events, scalar @counted, 'one event each';
    is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
};

my @slow = (
    ['an argument' => request("GET /?q=$slow HTTP/1.1")],
    ['a field'     => request('GET / HTTP/1.1', "X-Slow: $slow")],
    ['a form'      => post($form, \"q=$slow$slow$slow")],
    ['a value in JSON' => post($json, \qq({"a":"$slow"}))],
    ['many values' => post($form, \(join '&', map { "a$_=" . 'a' x 3000 } 1 .. 20))],
);

subtest 'time' => sub {
    my $recorder = recorder('time=50ms time_per_megabyte=0');
    my ($worker) = $recorder->waf->nginx->workers;
    for my $row (@slow) {
        my ($name, $octets) = @$row;
        my $seen = $recorder->through(on => $octets);
        is $seen->{status}, 403, "$name: refused";
        is $seen->{line}, undef, "$name: the upstream has got nothing";
        is $recorder->through(on => request('GET /?q=aab HTTP/1.1'))->{status}, 403, "$name: then rules judge as before";
        is $recorder->through(on => request('GET /?q=aa HTTP/1.1'))->{status}, 200, "$name: and let pass as before";
    }
    my $seen = $recorder->through(on2 => h2_request(GET => "/?q=$slow"));
    is $seen->{status}, 403, 'HTTP/2: refused';
    # Which it is depends on the processor: PCRE2 has a limit of steps, too.
    my $reason = qr/more than 50 ms of processor time, and 0 ms for each megabyte|a regular expression was given up/;
    $recorder->waf->wait_log(qr/(?:$reason): a limit of modsecurity_limits is exceeded, denied/);
    is_deeply [$recorder->waf->nginx->workers], [$worker], 'the worker lives on';
    is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
};

for my $lenient ('modsecurity_on_error pass;', 'modsecurity_dry_run on;', q(modsecurity_rules 'SecRuleEngine DetectionOnly';)) {
    subtest "passed by $lenient" => sub {
        my $recorder = recorder("time=50ms $counts" =~ s/ time=5s//r, $lenient);
        for my $row (map({ [@$_[0, 3]] } @counted), @slow) {
            my $seen = $recorder->through(on => $row->[1]);
            is $seen->{status}, 200, "$row->[0]: passed";
            ok defined $seen->{line}, "$row->[0]: the upstream has got it";
        }
        $recorder->waf->wait_log(qr/\[warn\].*a limit of modsecurity_limits is exceeded, passed on/);
        my @events = $recorder->waf->wait_lines('events.json', @counted + @slow);
        is scalar @events, @counted + @slow, 'an event each';
        is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
    };
}

# What a pattern has to remember is bounded, and the body is not what is matched.
subtest 'memory' => sub {
    my $recorder = recorder('time=5s', q(modsecurity_rules 'SecRule XML:/* "@rx ^(?:a|[{])*z" "id:6,phase:2,deny"';));
    my ($worker) = $recorder->waf->nginx->workers;
    my $peak     = sub { (slurp("/proc/$worker/status") =~ /^VmHWM:\s*(\d+)/m)[0] };
    my $before   = $peak->();
    my $seen     = $recorder->through(on => post($xml, \('<!DOCTYPE r [<!ENTITY a "' . '{' x 7400 . '">]><r>' . '&a;' x 125 . '</r>')));
    is $seen->{status}, 403, 'refused';
    $recorder->waf->wait_log(qr/a regular expression was given up: a limit of modsecurity_limits is exceeded, denied/);
    # A sanitizer keeps what is freed.
    cmp_ok $peak->() - $before, '<', 80_000, 'kilobytes' if !$ENV{ASAN_OPTIONS};
    is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
};

# One budget for a request, whatever it is redirected to inside.
subtest 'time over redirects' => sub {
    my $recorder = recorder('time=120ms time_per_megabyte=0', join "\n", map {
        my ($from, $to) = @$_;
        qq(location /$from { modsecurity_rules 'SecAction "id:5$from,phase:1,pass,nolog"'; rewrite ^/$from(.*) /$to\$1 last; })
    } [1, 2], [2, 3], [3, 4]);
    my $status = $recorder->through(on => request("GET /1?q=" . 'a' x 6000 . ' HTTP/1.1'))->{status};
    is $status, 403, 'all places together have used it up';
    is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
};

# They arrive while a pattern runs, and the handler of one must not be left half way.
subtest 'signals' => sub {
    my $recorder = recorder('time=60ms');
    my $nginx    = $recorder->waf->nginx;
    my ($worker) = $nginx->workers;
    my $sender   = fork // die "fork: $!";
    if (!$sender) {
        for (1 .. 4000) { kill $_, $worker for qw(ALRM CHLD IO); select undef, undef, undef, 0.0002 }
        exec 'true';
    }
    is $recorder->through(on => request("GET /?q=$slow HTTP/1.1"))->{status}, 403, 'refused' for 1 .. 10;
    kill KILL => $sender;
    waitpid $sender, 0;
    is_deeply [$nginx->workers], [$worker], 'the worker lives on';
    my $mask = join '', slurp("/proc/$worker/status") =~ /^SigBlk:\s*(\w+)/m;
    is hex $mask, 0, 'no signal stays blocked';
    is_deeply [$recorder->waf->complaints], [], 'nothing else is wrong';
};

done_testing;
