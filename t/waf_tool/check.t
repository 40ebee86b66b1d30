# gatehouse-waf check: what is wrong with rule files, where, and who includes them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::WafTool qw(available in_files tool);
use JSON::PP 'decode_json';
use POSIX 'mkfifo';
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

# checked NAME, RULES, LINE...: main.conf alone.
sub checked ($name, $rules, @lines) {
    my $files = in_files('main.conf' => $rules);
    my ($status, $output) = tool($files, 'check', 'main.conf');
    is $output, join('', map { "$_\n" } @lines), $name;
    is $status, (grep { !/: notice: / } @lines) ? 1 : 0, "... and the exit status of $name";
}

my $rule = 'SecRule ARGS "@rx x" "id:1,phase:2,deny"';

checked 'a clean file', "SecRuleEngine On\n$rule\n";
checked 'an empty file', '';

checked 'a list of actions without its quote', "SecRule ARGS \"\@rx x\" \"id:1,deny\n",
    'main.conf:1: error: the list of actions is not closed';
checked 'actions without a comma', "\nSecRule ARGS \"\@rx x\" \\\n  \"id:1 deny\"\n",
    'main.conf:3: error: a comma was expected here, got "deny""';

checked 'a duplicate id, both places', "$rule\n\nSecAction \"id:1,pass\"\n",
    'main.conf:3: error: id 1 is duplicate, it is used in main.conf:1';
checked 'no id', "SecRule ARGS \"\@rx x\" \"phase:2,deny\"\n",
    'main.conf:1: error: the rule has no id';

checked 'unknown names', <<'RULES',
SecRul ARGS "@rx x" "id:1"
SecRule ARGZ "@rx x" "id:2,phase:2,deny"
SecRule ARGS "@contians x" "id:3,phase:2,deny"
SecRule ARGS "@rx x" "id:4,phase:2,deny,t:lowercse"
SecRule ARGS "@rx x" "id:5,phase:2,dney"
SecRule ARGS "@rx x" "id:6,phase:2,pass,ctl:ruleEngin=Off"
SecSensorId x
IncludeOptional x.conf
RULES
    'main.conf:1: error: unknown directive "SecRul"; did you mean "SecRule"?',
    'main.conf:2: error: unknown variable "ARGZ"; did you mean "ARGS"?',
    'main.conf:3: error: unknown operator "@contians", which libmodsecurity takes for a regular'
        . ' expression; did you mean "@contains"?',
    'main.conf:4: error: unknown transformation "t:lowercse"; did you mean "t:lowercase"?',
    'main.conf:5: error: unknown action "dney"; did you mean "deny"?',
    'main.conf:6: error: unknown control "ctl:ruleEngin"; did you mean "ctl:ruleEngine"?',
    'main.conf:7: error: libmodsecurity does not support SecSensorId',
    'main.conf:8: error: unknown directive "IncludeOptional"; did you mean "Include"?';

checked 'rules from elsewhere', "# SecRemoteRules key https://127.0.0.1:1/\nSecRemoteRules key https://127.0.0.1:1/\n",
    'main.conf:2: error: SecRemoteRules is not supported, as nothing would bound its time: use modsecurity_rules_remote';
checked 'data from elsewhere', "SecRule ARGS \"\@pmf https://127.0.0.1:1/\" \"id:1,phase:2,deny\"\n",
    'main.conf:1: error: data from https://127.0.0.1:1/ is not supported, as nothing would bound its time: keep it in a file';

checked 'missing data files', <<'RULES',
SecRule ARGS "@pmFromFile none.data" "id:1,phase:2,deny"
SecRule REMOTE_ADDR "@ipMatchFromFile none.txt" "id:2,phase:1,deny"
SecUnicodeMapFile unicode.mapping 20127
RULES
    'main.conf:1: error: data file "none.data" is not found',
    'main.conf:2: error: data file "none.txt" is not found',
    'main.conf:3: error: data file "unicode.mapping" is not found';

checked 'markers', <<'RULES',
SecMarker BEFORE
SecRule ARGS "@rx x" "id:1,phase:2,pass,skipAfter:BEFORE"
SecRule ARGS "@rx x" "id:2,phase:2,pass,\
    skipAfter:NOWHERE"
SecRule ARGS "@rx x" "id:3,phase:2,pass,skipAfter:BEHIND"
SecMarker "BEHIND"
RULES
    'main.conf:2: error: SecMarker "BEFORE" stands before the rule: when rule 1 matches, no later rule'
        . ' of its phase runs',
    'main.conf:4: error: no SecMarker "NOWHERE" exists: when rule 2 matches, no later rule of its'
        . ' phase runs';

checked 'rules that are always skipped', <<'RULES',
SecAction "id:1,phase:2,pass,skipAfter:END"
SecRule ARGS "@rx x" "id:2,phase:2,deny"
SecRule ARGS "@rx x" "id:3,phase:1,deny"
SecMarker OTHER
SecRule ARGS "@rx x" "id:4,phase:2,deny"
SecMarker END
SecRule ARGS "@rx x" "id:5,phase:2,deny"
RULES
    'main.conf:2: warning: rule 2 can never run: main.conf:1 always skips to "END"',
    'main.conf:5: warning: rule 4 can never run: main.conf:1 always skips to "END"';

checked 'rules behind an allow', <<'RULES',
SecRule REMOTE_ADDR "@unconditionalMatch" "id:1,phase:1,allow:phase"
SecRule ARGS "@rx x" "id:2,phase:1,deny"
SecRule ARGS "@rx x" "id:3,phase:2,deny"
SecAction "id:4,phase:3,allow"
SecRule ARGS "@rx x" "id:5,phase:4,deny"
SecRule ARGS "@rx x" "id:6,phase:5,pass"
RULES
    'main.conf:2: warning: rule 2 can never run: main.conf:1 always allows',
    'main.conf:5: warning: rule 5 can never run: main.conf:4 always allows';

checked 'what is conditional skips nothing for certain', <<'RULES';
SecRule ARGS "@rx x" "id:1,phase:2,allow"
SecRule REMOTE_ADDR "@unconditionalMatch" "id:2,phase:2,pass,chain,skipAfter:END"
SecRule ARGS "@rx x" "t:none"
SecRule ARGS "@rx x" "id:3,phase:2,deny"
SecMarker END
RULES

checked 'chains', <<'RULES',
SecRule ARGS "@rx x" "id:1,phase:2,deny,chain"
SecAction "id:2,phase:2,pass"
SecRule ARGS "@rx y" "t:none"
SecRule ARGS "@rx x" "id:3,phase:2,deny,chain"
RULES
    'main.conf:2: warning: rule 2 stands amid the chain that begins in main.conf:1',
    'main.conf:4: error: rule 3 can never match: its chain ends without a rule';

checked 'rules that are removed are told of', <<'RULES',
SecRule ARGS "@rx x" "id:1,phase:2,deny"
SecRule ARGS "@rx x" "id:15,phase:2,deny"
SecRule ARGS "@rx x" "id:30,phase:2,deny,tag:'some/tag'"
SecRule ARGS "@rx x" "id:40,phase:2,deny,msg:'A message'"
SecRule ARGS "@rx x" "id:50,phase:2,deny,tag:'other'"
SecRuleRemoveById 1 10-20
SecRuleRemoveByTag "some/tag"
SecRuleRemoveByMsg "A message"
RULES
    'main.conf:1: notice: rule 1 is removed by main.conf:6',
    'main.conf:2: notice: rule 15 is removed by main.conf:6',
    'main.conf:3: notice: rule 30 is removed by main.conf:7',
    'main.conf:4: notice: rule 40 is removed by main.conf:8';

checked 'what would end libmodsecurity', "SecMarker\tEND\n",
    'main.conf:1: error: a space is needed behind SecMarker: libmodsecurity is not safe with a tab'
    . ' there';

checked 'a NUL, behind which libmodsecurity reads nothing', "SecRuleEngine On\n\n$rule\n# a\0\n",
    'main.conf:4: error: a NUL octet stands here';
checked 'line ends of Windows', "SecRuleEngine On\r\nSecRule ARGS \"\@rx x\" \\\r\n  \"id:1,deny\"\r\n";
checked 'no text', "\x7fELF\x02\x01\x01\e[31m\n", 'main.conf:1: error: a directive was expected here, got "?ELF????[31m"';

subtest 'what is no file' => sub {
    my $files = in_files(
        'main.conf' => "Include pipe\n", 'directory/x' => '',
        'data.conf' => qq{SecRule ARGS "\@pmFromFile directory" "id:1,phase:2,deny"\n},
        'pipe.conf' => qq{SecRule ARGS "\@pmFromFile pipe" "id:1,phase:2,deny"\n},
    );
    mkfifo("$files/pipe", 0600) or die "mkfifo: $!";
    my %due = (
        'directory' => 'directory: error: "directory" is not a file that can be read',
        'main.conf' => 'main.conf:1: error: "pipe" is not a file that can be read',
        'data.conf' => 'data.conf:1: error: data file "directory" is no file',
        'pipe.conf' => 'pipe.conf:1: error: data file "pipe" is no file',
    );
    is_deeply [tool($files, 'check', $_)], [1, "$due{$_}\n"], $_ for sort keys %due;
};

subtest 'what only libmodsecurity refuses' => sub {
    my $files = in_files(
        'main.conf'  => "Include other.conf\n",
        'other.conf' => "\n\nSecRequestBodyLimit x\n",
    );
    my ($status, $output) = tool($files, 'check', 'main.conf');
    is $status, 1, 'it is a problem';
    like $output, qr/^\S*other\.conf:3: error: .+\n    included from main\.conf:1$/m,
        'with its place, and how it was included';
};

subtest 'includes' => sub {
    my $files = in_files(
        'main.conf'  => "Include rules/*.conf\n",
        'rules/a.conf' => "Include deeper/b.conf\n",
        'rules/deeper/b.conf' => "\nSecFoo\n",
        'rules/c.conf' => "Include none.conf\n",
        'circle.conf'  => "Include circle.conf\n",
    );
    my ($status, $output) = tool($files, 'check', 'main.conf');
    is $status, 1, 'there are problems';
    like $output, qr{^\S*rules/deeper/b\.conf:2:\ error:\ unknown\ directive\ "SecFoo".*\n
        \ +included\ from\ \S*rules/a\.conf:1\n\ +included\ from\ main\.conf:1$}mx, 'the chain';
    like $output, qr{^\S*rules/c\.conf:1: error: "none\.conf" is not found$}m, 'a file that is missing';

    ($status, $output) = tool($files, 'check', 'circle.conf');
    is $status, 1, 'a circle is a problem';
    like $output, qr/^circle\.conf:1: error: ".*circle\.conf" includes itself$/, '... and is named';
    ($status, $output) = tool($files, 'check', 'nothing.conf');
    is "$status $output", qq{1 nothing.conf: error: "nothing.conf" is not a file that can be read\n},
        'a file that does not exist';
};

subtest 'several files are one set of rules' => sub {
    my $files = in_files('a.conf' => "$rule\n", 'b.conf' => "$rule\n", 'c.conf' => "Include a.conf\n");
    my ($status, $output) = tool($files, 'check', 'a.conf', 'b.conf');
    is "$status $output", "1 b.conf:1: error: id 1 is duplicate, it is used in a.conf:1\n",
        'ids are of all of them';
    ($status, $output) = tool($files, 'check', 'a.conf', 'c.conf');
    is "$status $output", '0 ', 'what another includes is read once';
};

subtest 'JSON' => sub {
    my $files = in_files('main.conf' => "Include sub.conf\n", 'sub.conf' => "SecFoo\n");
    my ($status, $output) = tool($files, 'check', '--json', 'main.conf');
    my $report = decode_json($output);
    is $status, 1, 'the exit status is the same';
    ok !$report->{clean}, 'the whole';
    my ($finding) = $report->{findings}->@*;
    is_deeply [map { $finding->{$_} } qw(severity line)], ['error', 1], 'a finding';
    like $finding->{file}, qr/sub\.conf$/, '... its file';
    is_deeply $finding->{included_from}, [{file => 'main.conf', line => 1}], '... who includes it';
};

subtest 'usage' => sub {
    my $files = in_files();
    is +(tool($files, @$_))[0], 2, "exit status of '@$_'"
        for [], ['check'], ['nonsense'], ['check', '--nonsense', 'x'], ['check', '--json=1', 'x'];
    my ($status, $output) = tool($files, '--help');
    is $status, 0, '--help is no mistake';
    like $output, qr/^usage: gatehouse-waf check /, '... and says how';
    like +(tool($files, '--version'))[1], qr/^gatehouse-waf with ModSecurity v3/, '--version';
};

done_testing;
