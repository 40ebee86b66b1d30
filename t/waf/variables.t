# $modsecurity_status, _score, _rules, _id: in logs, headers and for other modules; the id of the
# transaction in the error log and in the audit log; matched rules in the error log.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP');
access_log logs/seen.log seen;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecAuditEngine RelevantOnly
    SecAuditLogFormat JSON
    SecAuditLog $PREFIX/logs/audit.log
    SecRule ARGS:a "@streq 1" "id:1,phase:1,pass,log,msg:\'one\',setvar:tx.anomaly_score=+5"
    SecRule ARGS:b "@streq 1" "id:2,phase:2,pass,log,msg:\'two\',setvar:tx.anomaly_score=+3"
    SecRule ARGS:c "@streq 1" "id:3,phase:2,deny,log,msg:\'three\'"
    SecRule ARGS:d "@streq 1" "id:4,phase:1,pass,nolog"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:5,phase:3,pass,log"';
location / { proxy_pass APPLICATION; }
location = /header/field {
    add_header X-Status "$modsecurity_status $modsecurity_score $modsecurity_rules $modsecurity_id" always;
    proxy_pass APPLICATION:/;
}
location = /named   { modsecurity_transaction_id "gate-$http_x_id"; proxy_pass APPLICATION:/; }
location = /nobody  { modsecurity_transaction_id "$http_x_id"; proxy_pass APPLICATION:/; }
location = /quiet   { modsecurity_use_error_log off; proxy_pass APPLICATION:/; }
location = /off     { modsecurity off; proxy_pass APPLICATION:/; }
location = /bypass  { modsecurity_bypass 192.0.2.1 $arg_x; proxy_pass APPLICATION:/; }
location = /dry     { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
END
log_format seen "$request_uri|$modsecurity_status|$modsecurity_score|$modsecurity_rules|$modsecurity_id";
HTTP

my $asked = 0;

# What the log has of a request: status, score, rules, id.
sub seen ($uri, @lines) {
    $waf->status($uri, @lines);
    my (undef, @fields) = split /\|/, ($waf->wait_lines('seen.log', ++$asked))[-1], -1;
    return @fields;
}

sub judged ($uri, @lines) { return join ' ', (seen($uri, @lines))[0 .. 2] }

is judged('/'),            'PASSED 0 ',      'nothing';
is judged('/?a=1'),        'DETECTED 5 1',   'a rule';
is judged('/?a=1&b=1'),    'DETECTED 8 1,2', 'rules of two phases';
is judged('/?a=1&c=1'),    'BLOCKED 5 1,3',  'a refusal';
is judged('/header?a=1'),  'DETECTED 5 1,5', 'with one for the response';
is judged('/dry?c=1'),     'DETECTED 0 3',   'a dry run';
is judged('/off?a=1'),     '- - -',          'off';
is judged('/bypass?x=1'),  'BYPASSED 0 ',    'a bypass';
is judged('/quiet?a=1'),   'DETECTED 5 1',   'modsecurity_use_error_log off';

subtest 'in a header of the response' => sub {
    my $answer = $waf->get('/header/field?a=1&b=1');
    $asked++;
    like $answer->{headers}{'x-status'}[0], qr/^DETECTED 8 1,2 \S+$/, 'so far';
};

subtest '$modsecurity_id' => sub {
    my ($one, $other) = map { (seen('/?a=1'))[3] } 1, 2;
    isnt $one, $other, 'another for each request';
    like $waf->log, qr/\[id "1"\].*\[unique_id "\Q$_\E"\]/, 'in the error log' for $one, $other;
    is +(seen('/named?a=1', 'X-Id: 17'))[3], 'gate-17', 'modsecurity_transaction_id';
    like $waf->log, qr/\[id "1"\].*\[unique_id "gate-17"\]/, 'in the error log';
    my $random = (seen('/nobody?a=1'))[3];
    my ($random_logged) = reverse $waf->log =~ /\[id "1"\].*\[unique_id "([^"]*)"\]/g;
    ok length $random_logged, 'an empty one is not kept';
    is $random, $random_logged, 'and the variable has it';
};

subtest 'error log' => sub {
    my $log = $waf->log;
    like $log, qr/ModSecurity: Warning\. .*\[id "1"\].*\[msg "one"\]/, 'a match';
    like $log, qr/ModSecurity: Access denied with code 403 \(phase 2\)\. .*\[id "3"\].*\[msg "three"\]/, 'a refusal';
    my @denied = $log =~ /^.*Access denied.*\[id "3"\].*a=1&c=1.*/mg;
    is scalar @denied, 1, 'one line for each';
    unlike $log, qr/"GET \/quiet/, 'not with modsecurity_use_error_log off';
    is_deeply [$log =~ /\[id "4"\]/g], [], 'nor of a rule with nolog';
};

subtest 'audit log' => sub {
    my @named = grep { $_->{unique_id} eq 'gate-17' } $waf->wait_audit('audit.log', 1);
    is @named, 1, 'the same id';
    is $named[0]{messages}[0]{message}, 'one', 'with its rule' if @named;
};

subtest 'the request cannot write lines' => sub {
    seen('/?a=1&evil=%0a2026/01/01%2000:00:00%20[alert]', "X-Id: x");
    is +(seen('/named?a=1', "X-Id: \x01\x1b[31m"))[0], 'DETECTED', 'control characters in an id';
    unlike $waf->log, qr/[\x01\x1b]/, 'are not in the log';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
