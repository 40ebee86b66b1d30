# gatehouse-waf exclude: an exclusion from an audit log that removes that match and nothing else.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::WafTool qw(available in_files spew tool tool_errors);
use JSON::PP qw(decode_json encode_json);
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

# Scores, evaluation and chains as in the Core Rule Set.
my $rules = <<'RULES';
SecRule ARGS|ARGS_NAMES "@rx (?i)select" "id:942001,phase:2,pass,capture,log,t:none,\
    msg:'SQL',logdata:'Matched Data: %{TX.0} found within %{MATCHED_VAR_NAME}: %{MATCHED_VAR}',\
    setvar:tx.anomaly_score=+5"
SecRule ARGS|REQUEST_HEADERS:User-Agent "@detectSQLi" "id:942100,phase:2,pass,capture,log,t:none,\
    msg:'SQL by libinjection',\
    logdata:'Matched Data: %{TX.0} found within %{MATCHED_VAR_NAME}: %{MATCHED_VAR}',\
    setvar:tx.anomaly_score=+5"
SecRule REQUEST_METHOD "@streq GET" "id:920001,phase:2,pass,log,msg:'A chain',chain"
    SecRule ARGS:q "@contains or" "t:none"
SecRule TX:ANOMALY_SCORE "@ge 100" "id:949110,phase:2,deny,log,msg:'Blocked'"
RULES

# 942001 matches one argument and 942100 the other; or 942100 both.
my $one  = 'q=1%27+or+1=1--+&other=select';
my $both = 'q=1%27+or+1=1--+&other=1%27+or+1=1--+';

# files FORMAT: the rules with an audit log, and requests that differ in one thing each.
sub files ($format) {
    my %where = (base => ['shop.example', '/a%20b'], host => ['other.example', '/a%20b'],
        path => ['shop.example', '/a%20b/c'], both => ['shop.example', '/a%20b']);
    my $files = in_files(
        'exclusion.conf' => '',
        'main.conf'      => "Include engine.conf\nInclude exclusion.conf\nInclude rules.conf\n",
        'rules.conf'     => $rules,
        map {
            my $query = $_ eq 'both' ? $both : $one;
            ("$_.http" => "GET $where{$_}[1]?$query HTTP/1.1\nHost: $where{$_}[0]\nUser-Agent: x\n\n")
        } keys %where,
    );
    spew("$files/engine.conf", <<"ENGINE");
SecRuleEngine On
SecAuditEngine On
SecAuditLogType Serial
SecAuditLogFormat $format
SecAuditLogParts ABHZ
SecAuditLog $files/audit.log
ENGINE
    return $files;
}

# What matched: rule and variable.
sub matches ($files, $request) {
    my (undef, $output) = tool($files, qw(test --json --rules main.conf --request), "$request.http");
    return [map { "$_->{id} $_->{variable}" } decode_json($output)->{rules}->@*];
}

for my $format (qw(Native JSON)) {
    subtest "$format: exactly that match is gone" => sub {
        my $files  = files($format);
        my $before = matches($files, 'base');
        is_deeply $before, ['942001 ARGS:other', '942100 ARGS:q', '920001 ARGS:q'], 'what matches';
        my ($status, $exclusion) = tool($files, qw(exclude --from audit.log --rule 942100));
        is $status, 0, 'an exclusion is printed';
        like $exclusion, qr/ctl:ruleRemoveTargetById=942100;ARGS:q"$/m, '... of that variable';
        cmp_ok $exclusion =~ /id:(\d+)/ ? $1 : 0, '>=', 1_000_000, '... with an id in its range';

        spew("$files/exclusion.conf", $exclusion);
        is +(tool($files, 'check', 'main.conf'))[1], '', 'the rules are clean with it';
        is_deeply matches($files, 'base'), ['942001 ARGS:other', '920001 ARGS:q'],
            'that match is gone, and no other';
        is_deeply matches($files, 'host'), $before, '... not on another host';
        is_deeply matches($files, 'path'), $before, '... not on another path';
        is_deeply matches($files, 'both'), ['942100 ARGS:other', '920001 ARGS:q'],
            '... not of another variable';
    };
}

my $files = files('JSON');
matches($files, 'base');

sub refused ($name, $because, @arguments) {
    my ($status, $output, $errors) = tool_errors($files, 'exclude', '--from', @arguments);
    is "$status $output", '2 ', "$name: nothing is printed";
    like $errors, $because, '... and why';
}

my ($first) = (tool($files, qw(exclude --from audit.log --rule 942001)))[1];
matches($files, 'base');
my ($second) = (tool($files, qw(exclude --from audit.log --rule 942001)))[1];
is $second, $first, 'the same match twice is the same exclusion, with the same id';
like +(tool($files, qw(exclude --from audit.log --rule 942001 --id 1000001)))[1], qr/"id:1000001,/,
    'an id that is told';

matches($files, 'host');
refused 'two scopes', qr/choose by --transaction/, qw(audit.log --rule 942001);
open my $log, '<', "$files/audit.log" or die $!;
my @transactions = map { decode_json($_)->{transaction}{unique_id} } grep { /^\{/ } <$log>;
like +(tool($files, qw(exclude --from audit.log --rule 942001 --transaction), $transactions[-1]))[1],
    qr/"\@streq other\.example"/, 'a transaction that is told';

refused "rule $_", qr/rule $_ is not excluded: /, 'audit.log', '--rule', $_
    for 900000, 901999, 949110, 949111, 959100, 980130;
refused 'no such match', qr/no entry has a match/, qw(audit.log --rule 5);
refused 'no such transaction', qr/no entry/, qw(audit.log --rule 942001 --transaction none);
refused 'a low id', qr/--id must be/,      qw(audit.log --rule 942001 --id 999999);
refused 'no number', qr/needs .*--rule/,   qw(audit.log --rule x);
refused 'no file', qr/cannot be read/,     qw(none.log --rule 942001);
refused 'a chain whose other link matched', qr/ARGS:q is no target of its first link/,
    'audit.log', '--rule', 920001, '--transaction', $transactions[0];

# entry WHAT: an entry of which something is special.
sub entry (%special) {
    my %match = (match => q{Matched "Operator `Rx' with parameter `x' against variable `ARGS:q' (Value: `x' )},
        ruleId => '7', data => '', file => '');
    return encode_json({transaction => {
        unique_id => 't', request => {uri => '/', headers => {Host => 'a'}, ($special{request} // {})->%*},
        messages => [{message => $special{message} // '', details => {%match, ($special{details} // {})->%*}}]}});
}

my $n = 0;
for my $case (
    ['a host that SecLang cannot express', {request => {headers => {Host => 'a"b'}}}, qr/cannot express/],
    ['a macro in the path',   {request => {uri => '/%25%7Btx.a%7D'}}, qr/cannot express/],
    ['a newline in the path', {request => {uri => '/a%0Ab'}},         qr/cannot express/],
    ['no host',               {request => {headers => {}}},           qr/does not tell the host for certain/],
    ['a name with a blank', {details => {match => q{x' against variable `ARGS:a b' (Value: `' )}}}, qr/such a name/],
    ['a variable that a client may have forged',
        {details => {match => q{' against variable `ARGS:q' (Value: `' against variable `ARGS:p' (Value: `' )}}},
        qr/does not say for certain/],
    ['no variable', {details => {match => 'detected', data => 'something'}}, qr/does not say for certain/],
    )
{
    my ($name, $special, $because) = @$case;
    spew("$files/case.log", entry(%$special) . "\n");
    refused $name, $because, qw(case.log --rule 7);
}

spew("$files/case.log", entry(message => "two\nSecRuleEngine Off") . "\n");
my ($status, $text) = tool($files, qw(exclude --from case.log --rule 7));
is $status, 0, 'a message of two lines';
unlike $text, qr/^SecRuleEngine/m, '... stays a comment';

done_testing;
