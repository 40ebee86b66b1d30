# The Core Rule Set with conf/crs as a gateway has it: attacks are refused wherever they are hidden,
# with a reference on the page that the logs know; what people do is not.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename 'basename';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

plan skip_all => 'there is no Core Rule Set' unless -d '/usr/share/modsecurity-crs/rules';

my %files = map { (basename($_) => slurp($_)) } glob "$FindBin::Bin/../../conf/crs/*.{conf,mapping}";

my $waf = Gatehouse::Waf->new(<<'END', files => \%files, http => <<'HTTP');
access_log logs/seen.log seen;
modsecurity on;
modsecurity_rules_file main.conf;
modsecurity_transaction_id $request_id;
error_page 403 @refused;
location @refused { internal; default_type text/plain; return 403 "Reference: $modsecurity_id\n"; }
location /       { proxy_pass APPLICATION; }
location /late/  { modsecurity_phase late; proxy_pass APPLICATION:/; }
location /dry/   { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
location /off/   { modsecurity off; proxy_pass APPLICATION:/; }
location /tolerant/ {
    modsecurity_rules 'SecAction "id:20001,phase:1,pass,nolog,setvar:tx.inbound_anomaly_score_threshold=10000"';
    proxy_pass APPLICATION:/;
}
location /strict/ {
    modsecurity_rules 'SecAction "id:20002,phase:1,pass,nolog,setvar:tx.paranoia_level=3"';
    proxy_pass APPLICATION:/;
}
location /leaks/ {
    modsecurity_rules 'SecAction "id:20003,phase:1,pass,nolog,setvar:tx.outbound_anomaly_score_threshold=10000"';
    proxy_pass APPLICATION:/;
}
location /tells/ { proxy_pass APPLICATION:/; }
END
log_format seen "$modsecurity_id $status $modsecurity_status $modsecurity_score $modsecurity_rules";
HTTP

my @browser = ('Host: shop.example', 'User-Agent: Mozilla/5.0', 'Accept: */*');
my $form    = 'Content-Type: application/x-www-form-urlencoded';
my $asked   = 0;

sub asked ($method, $uri, @lines) {
    my $body = ref $lines[-1] ? [pop @lines] : [];
    $asked++;
    return $waf->ask($method, $uri, (grep { /^User-Agent:/ } @lines) ? grep({ !/^User-Agent/ } @browser) : @browser, @lines, @$body);
}

sub seen { return [split ' ', ($waf->wait_lines('seen.log', $asked))[-1]] }

my %attack = (
    'SQL injection'     => [q(1%27%20or%20%271%27%3D%271), 942],
    'XSS'               => ['%3Cscript%3Ealert(1)%3C/script%3E', 941],
    'path traversal'    => ['../../../../etc/passwd', 930],
    'command injection' => ['%3Bcat%20/etc/passwd', 932],
);

for my $name (sort keys %attack) {
    my ($text, $family) = $attack{$name}->@*;
    subtest $name => sub {
        for my $place ('/', '/late/') {
            is asked('GET', "$place?q=$text")->{status}, 403, "$place: in the query";
            my ($id, $status, $judged, $score, $rules) = seen()->@*;
            is "$status $judged", '403 BLOCKED', 'in the log';
            cmp_ok $score, '>=', 5, 'with its score';
            like $rules, qr/\b$family\d{3}\b.*\b949110\b/, 'and its rules';
        }
        is asked('POST', '/orders', $form, \"a=b&q=$text")->{status}, 403, 'in a form';
        is asked('GET', '/', 'Cookie: q=' . $text)->{status}, 403, 'in a cookie' if $family != 930;
        is asked('GET', "/dry/?q=$text")->{status}, 200, 'a dry run';
        like join(' ', seen()->@*), qr/ 200 DETECTED \d+ .*\b$family\d{3}\b/, 'says what it would do';
        is asked('GET', "/off/?q=$text")->{status}, 200, 'off';
    };
}

# reads*.t show that the upstream gets it.
subtest 'where libmodsecurity alone does not look' => sub {
    my $sql = '1%27%20union%20select%20password%20from%20users--%20';
    is asked('GET', $_)->{status}, 403, $_ for "/?x=1#&id=$sql", '/x%3f/.git/config', "http://shop.example?id=$sql";
    is asked('GET', '/#id=1')->{status}, 400, 'a fragment in the path';
    is asked('POST', '/', "Content-Type:$_", \"id=$sql")->{status}, 403, s/\t/TAB/r for "\tapplication/x-www-form-urlencoded", " \t application/x-www-form-urlencoded";
    is asked('POST', '/', $form, "Content-Encoding: gzip", \'any')->{status}, 403, 'a content coding: a rule refuses it';
    is asked('POST', '/', 'Content-Type: multipart/form-data; boundary=""', \qq(--\r\nContent-Disposition: form-data; name="id"\r\n\r\n$sql\r\n----\r\n))->{status}, 400, 'an empty boundary';
};

# A worker would be held for seconds to minutes by each of them; limits.t has every limit.
subtest 'what takes long' => sub {
    my %slow  = (
        'a pattern that backtracks' => ['GET', '/?a=' . '<' x 4000],
        'and one of a form'         => ['POST', '/', $form, \('a=' . '+' x 100_000)],
        'names in JSON' => ['POST', '/', 'Content-Type: application/json', \('{"' . 'k' x 4000 . '":[' . join(',', (1) x 900) . ']}')],
        'parts'         => ['POST', '/', 'Content-Type: multipart/form-data; boundary=XyZ',
            \(join('', map { qq(--XyZ\r\nContent-Disposition: form-data; name="$_"\r\n\r\n1\r\n) } 1 .. 1001) . "--XyZ--\r\n")],
    );
    for my $name (sort keys %slow) {
        is asked($slow{$name}->@*)->{status}, 403, $name;
        is seen()->[2], 'BLOCKED', 'and in the log';
        like $waf->log, qr/: a limit of modsecurity_limits is exceeded, denied/, 'with the reason';
    }
    return if $ENV{ASAN_OPTIONS};    # it takes long there
    is asked('POST', '/', $form, \join('&', map { "f$_=v$_" } 1 .. 999))->{status}, 200, 'a large form passes';
};

subtest 'settings of a place' => sub {
    is asked('GET', "/tolerant/?q=$attack{XSS}[0]")->{status}, 200, 'a threshold';
    cmp_ok seen()->[3], '>=', 5, 'with the same score';
    is asked('GET', '/?q=a%40b%21')->{status}, 200, 'at level 1';
    is asked('GET', '/strict/?q=a%40%21%23%24%25b')->{status}, 403, 'at level 3';
    $waf->file('html/dump.html', 'ORA-00933: SQL command not properly ended');
    isnt asked('GET', '/tells/files/dump.html')->{status}, 200, 'a response';
    is asked('GET', '/leaks/files/dump.html')->{status}, 200, 'a threshold of responses';
};

subtest 'a scanner' => sub {
    is asked('GET', '/', "User-Agent: $_")->{status}, 403, $_ for 'sqlmap/1.7', 'Nikto/2.5', 'masscan/1.3';
    like seen()->[4], qr/\b913100\b/, 'its rule';
};

subtest 'the reference' => sub {
    my $answer = asked('GET', '/?q=' . $attack{XSS}[0]);
    my ($id) = $answer->{body} =~ /^Reference: (\S{32})$/;
    ok $id, 'is on the page' or diag $answer->{body};
    is seen()->[0], $id, 'in the access log';
    like $waf->log, qr/\[error\].*ModSecurity: Access denied with code 403 .*\[id "949110"\].*\[unique_id "\Q$id\E"\]/, 'in the error log, with the refusal';
    like $waf->log, qr/ModSecurity: Warning\. .*\[id "941\d{3}"\].*\[unique_id "\Q$id\E"\]/, 'and with what has led to it';
};

subtest 'what people do' => sub {
    is asked('GET', $_)->{status}, 200, $_ for '/', '/search?q=blue+shoes&page=2', '/articles/2024/select-your-size';
    is asked('POST', '/orders', $form, \'name=Anna+Smith&street=Main+Street+5&note=Please+ring+twice')->{status}, 200, 'a form';
    is asked('POST', '/orders', 'Content-Type: application/json', \'{"article": 17, "sizes": ["S", "M"]}')->{status}, 200, 'JSON';
    is join(' ', seen()->@[1 .. 3]), '200 PASSED 0', 'has no score';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
