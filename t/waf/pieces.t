# A response that is written piece by piece: the client has each piece before the next one is
# written, whatever looks at them; and a response that is refused never becomes a complete one.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(client upstream);
use Test::More;

# Where a response can be refused, and where it cannot.
my %blocking = (
    rule      => '',
    turned_on => q{modsecurity_rules 'SecRuleEngine DetectionOnly
        SecRule RESPONSE_BODY "@contains bad" "id:2,phase:4,pass,nolog,ctl:ruleEngine=On"';},
    limit     => q{modsecurity_rules 'SecRuleRemoveById 1
        SecResponseBodyLimit 29
        SecResponseBodyLimitAction Reject';},
);
my %passing = (
    detect  => 'modsecurity detect;',
    dry_run => 'modsecurity_dry_run on;',
    only    => "modsecurity_rules 'SecRuleEngine DetectionOnly';",
    allowed => q{modsecurity_rules 'SecAction "id:4,phase:3,nolog,allow"';},
    buffer  => 'modsecurity detect; modsecurity_response_buffer on;',
    audit   => q{modsecurity_rules 'SecRuleRemoveById 1
        SecAuditLogParts AEZ
        SecAuditLog $PREFIX/logs/audit.log';},
);
my %places    = (%blocking, %passing);
my $locations = join "\n", map { "location = /$_ { $places{$_} proxy_pass http://unix:\$PREFIX/upstream.sock; }" } sort keys %places;

my $waf = Gatehouse::Waf->new(<<"END");
proxy_buffering off;
proxy_http_version 1.1;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType application/json
    SecRule RESPONSE_BODY "\@contains bad" "id:1,phase:4,deny"';
$locations
END
my $upstream = upstream($waf->file('upstream.sock'));

# How the upstream frames a body of thirty octets.
my %framings = (
    chunks => ['Transfer-Encoding: chunked', sub ($text) { sprintf "%x\r\n%s\r\n", length $text, $text }, "0\r\n\r\n"],
    length => ['Content-Length: 30', sub ($text) { $text }, ''],
    close  => ['Connection: close', sub ($text) { $text }, ''],
);

# What has come of a body in chunks, and whether that is all of it.
sub chunks ($text) {
    my $body = '';
    while ($text =~ /\G([0-9a-f]+)\r\n/gc) {
        my $size = hex $1;
        return ($body, $text =~ /\G\r\n\z/gc) if $size == 0;
        $body .= substr $text, pos $text, $size;
        last if length $text < pos($text) + $size + 2;
        pos($text) += $size + 2;
    }
    return ($body, 0);
}

sub body ($client, $head) {
    my $text = $client->{buffer};
    return $head =~ /^Transfer-Encoding: chunked\r$/mi ? chunks($text) : ($text, length $text == 30);
}

# Writes each piece when the client has those before, but for so many octets. What the client can
# take the response for in the end.
sub written ($uri, $framing, $version, $less, @pieces) {
    my ($field, $frame, $end) = $framings{$framing}->@*;
    my $client = client("GET $uri HTTP/$version\r\nHost: localhost\r\nConnection: close\r\n\r\n", $waf->file('nginx.sock'));
    my $asked  = $upstream->next_request;
    my $last   = pop @pieces;
    $asked->send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n$field\r\n\r\n");
    my ($head, $written) = (undef, 0);
    for my $piece (@pieces) {
        $asked->send($frame->($piece));
        $written += length $piece;
        $head //= $client->take_head;
        $client->more while length((body($client, $head))[0]) < $written - $less;
    }
    $asked->send($frame->($last) . $end);
    $asked->leave;
    1 while $client->more;
    my ($body, $whole) = body($client, $head);
    $client->leave;
    return $whole ? $body eq join('', @pieces, $last) ? 'whole' : 'another' : 'cut';
}

my @good = ('{"n": 1}, ', '{"n": 2}, ', '{"n": 3}]}');
my @bad  = (@good[0, 1], '{"bad": 1}');

for my $framing (sort keys %framings) {
    for my $place (sort keys %places) {
        is written("/$place", $framing, '1.1', 0, @good), $place eq 'limit' ? 'cut' : 'whole', "$place, $framing: at once";
        is written("/$place", $framing, '1.1', 0, @bad), defined $blocking{$place} ? 'cut' : 'whole', "$place, $framing: what is bad";
    }
}

# Of a response without a length every octet may be the last.
for my $framing (sort keys %framings) {
    my $less = $framing eq 'length' ? 0 : 1;
    is written('/rule', $framing, '1.0', $less, @good), 'whole', "HTTP/1.0, $framing: but for an octet";
    is written('/rule', $framing, '1.0', $less, @bad), 'cut', "HTTP/1.0, $framing: what is bad";
    is written('/detect', $framing, '1.0', 0, @bad), 'whole', "HTTP/1.0, $framing: at once";
}

subtest 'octet by octet' => sub {
    my @octets = map { split // } @good;
    is written('/rule', $_, '1.1', 0, @octets[0 .. 4], join '', @octets[5 .. 29]), 'whole', $_ for sort keys %framings;
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
