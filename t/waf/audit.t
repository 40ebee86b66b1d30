# The entry of a request that was refused: complete, with the status and the fields of the page that
# the client has got, whatever phase has refused it and wherever the page comes from. The usual
# connector has the fields of no page.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

my $server = <<'END';
modsecurity on;
modsecurity_transaction_id "gate-$http_x_id";
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecAuditEngine RelevantOnly
    SecAuditLogParts ABCEFHZ
    SecAuditLog $PREFIX/logs/audit.log
    SecRule REQUEST_HEADERS:X-Phase "@streq 1" "id:1,phase:1,deny,status:406"
    SecRule REQUEST_HEADERS:X-Phase "@streq 2" "id:2,phase:2,deny"
    SecRule REQUEST_HEADERS:X-Phase "@streq redirect" "id:3,phase:2,redirect:http://other.example/"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny,status:404"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"';
add_header X-Place plain always;
location / { proxy_pass APPLICATION; }
location /page/ { error_page 403 404 406 /blocked.html; proxy_pass APPLICATION:/; }
location /other/ { error_page 403 404 406 =503 @sorry; proxy_pass APPLICATION:/; }
location = /blocked.html { internal; root html; add_header X-Place file always; }
location @sorry { add_header X-Place sorry always; return 503 "try later"; }
HELD
END

my $held = <<'END';
location /held/ { modsecurity_response_buffer on; proxy_pass APPLICATION:/; }
location /held/page/ { modsecurity_response_buffer on; error_page 403 /blocked.html; proxy_pass APPLICATION:/; }
END

my $form = 'Content-Type: application/x-www-form-urlencoded';
# The phase, what is asked for, the status, the rule.
my @cases = (
    [1, '/', 406, 1], [1, '/page/', 406, 1], [1, '/other/', 503, 1],
    [2, '/', 403, 2], [2, '/page/', 403, 2], [2, '/other/', 503, 2],
    ['redirect', '/', 302, 3],
    [3, '/header', 404, 4], [3, '/page/header', 404, 4], [3, '/other/header', 503, 4],
    [4, '/held/secret', 403, 5], [4, '/held/page/secret', 403, 5],
);

# Parts of an entry by their letters, each a list of lines that are not empty.
sub parts ($text) {
    my ($before, @pieces) = split /^-+\w+-+([A-Z])--\n/m, $text, -1;
    my %parts;
    while (my ($letter, $lines) = splice @pieces, 0, 2) {
        $parts{$letter} = [grep { length } split /\n/, $lines];
    }
    return \%parts;
}

# The entries of the audit log, once it has that of the URI.
sub entries ($waf, $last) {
    my ($log, $text) = $waf->file('logs/audit.log');
    $waf->nginx->until(sub { ($text = -e $log ? slurp($log) : '') =~ /^POST \Q$last\E .*-Z--$/ms }, "$last in the audit log");
    return map { parts($_) } $text =~ /(^-+\w+-+A--\n.*?-Z--\n)/msg;
}

sub fields ($answer) { return sort grep { /^[^:\s]+: / } split /\r\n/, $answer->{head} }

sub ask ($waf, $case) {
    my ($phase, $uri) = @$case;
    return $waf->post($uri, 'a=b', $form, "X-Phase: $phase", 'X-Id: 7');
}

# As an entry has it.
sub escaped ($body) { return $body =~ s/([\r\n])/sprintf '\\x%02x', ord $1/ger }

subtest 'ours' => sub {
    my $waf = Gatehouse::Waf->new($server =~ s/HELD/$held/r, files => { 'html/blocked.html' => 'Blocked.' });
    my @answers = map { ask($waf, $_) } @cases;
    is_deeply [map { $_->{status} } @answers], [map { $_->[2] } @cases], 'statuses';
    ask($waf, [1, '/last']);
    my @entries = entries($waf, '/last');
    is scalar @entries, @cases + 1, 'one entry each';
    for my $i (keys @cases) {
        my ($phase, $uri, $status, $rule) = $cases[$i]->@*;
        my ($answer, $entry) = ($answers[$i], $entries[$i]);
        my $is_html = $answer->{headers}{'content-type'}[0] eq 'text/html';
        subtest "phase $phase, $uri" => sub {
            like $entry->{A}[0], qr/\] gate-7 unix: 0 \S+ 0$/, 'who';
            is $entry->{B}[0], "POST $uri HTTP/1.1", 'what';
            is_deeply [sort splice $entry->{B}->@*, 1],
                [sort 'Host: localhost', 'Connection: close', 'Content-Length: 3', $form, "X-Phase: $phase", 'X-Id: 7'], 'with all fields';
            is_deeply $entry->{C}, $phase eq '1' ? undef : ['a=b'], 'the body, unless it was not read yet';
            is_deeply $entry->{E}, $phase eq '4' ? ['a top secret page'] : $is_html ? [escaped($answer->{body})] : undef,
                'the page, or the body that was refused';
            is shift $entry->{F}->@*, "HTTP/1.1 $status", 'the status that was sent';
            is_deeply [sort $entry->{F}->@*], [fields($answer)], 'and the fields';
            like $entry->{H}[0], qr/^ModSecurity: Access denied.*\[id "$rule"\]/, 'why';
        };
    }
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
};

subtest 'the usual connector' => sub {
    plan skip_all => 'it fits the packaged nginx only' unless Gatehouse::Waf::connector_fits();
    my $waf = Gatehouse::Waf->new($server =~ s/HELD//r, connector => 1, files => { 'html/blocked.html' => 'Blocked.' });
    for my $case (grep { $_->[1] !~ /held/ } @cases) {
        my ($phase, $uri, $status) = @$case;
        my $mark    = "$uri?$phase";
        my $answer  = ask($waf, [$phase, $mark]);
        is $answer->{status}, $status, "$mark: the same status";
        ask($waf, [1, "/last?$mark"]);
        my ($entry, @more) = grep { $_->{B}[0] =~ m{^POST \Q$mark\E } } entries($waf, "/last?$mark");
        my ($line, @fields) = $entry ? $entry->{F}->@* : '';
        my $complete = $line eq "HTTP/1.1 $status" && !@more && "@{[sort @fields]}" eq "@{[fields($answer)]}";
        is $complete ? 'complete' : 'not', $phase =~ /[2r]/ && $uri eq '/' ? 'complete' : 'not', "$mark: its entry";
    }
    is $waf->stop, 0, 'nginx ends';
};

done_testing;
