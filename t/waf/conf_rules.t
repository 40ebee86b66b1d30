# Rules that libmodsecurity would lose a part of without a word, or refuses without saying what or
# where: nginx -t names the line and the reason.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'waf';

my $behind = qq{SecRequestBodyAccess On\nSecAction "id:99,phase:1,pass"\n};

# A file by itself, and included where more follows: the line of what is wrong in either case.
sub refused ($text, $line, $message, $name) {
    my $file = conf_file('part.conf', $text);
    my $main = conf_file('whole.conf', "SecRuleEngine On\n\nInclude $file\n$behind");
    conf_refused("modsecurity_rules_file $main; server {}", qr/\Q$file\E:$line, included from \Q$main\E:3: $message/, "$name, included");
    conf_file('part.conf', "$text\n$behind");
    conf_refused("modsecurity_rules_file $file; server {}", qr/\Q$file\E:$line: $message/, $name);
}

sub accepted ($text, $name) {
    my $file = conf_file('part.conf', "$text\n$behind");
    conf_accepted("modsecurity_rules_file $file; server {}", $name);
}

my $quotes = qr/actions must be in double quotes/;
my $rule   = 'SecRule ARGS "@rx a"';
my $chain  = qq{$rule "id:1,phase:1,deny,chain"\n};

subtest 'actions without quotes' => sub {
    refused("\nSecAction nolog,phase:1,deny,status:418,id:5", 2, $quotes, 'several');
    refused("\n\nSecAction id:5", 3, $quotes, 'one');
    refused('SecAction', 1, $quotes, 'none');
    refused("SecAction 'id:5,phase:1,deny'", 1, $quotes, 'other quotes');
    refused("SecAction id:5,phase:1 \\\n  deny", 1, $quotes, 'in two lines');
    refused('SecDefaultAction phase:1,log,pass', 1, $quotes, 'by default');
    refused("\n$rule id:1,phase:1,deny", 2, $quotes, 'of a rule');
    refused("\n$rule \\\n  id:1,phase:1,deny", 3, $quotes, 'of a rule, in its second line');
    refused("$chain$rule nolog,t:none", 2, $quotes, 'of a link');
    refused("\nSecRuleUpdateActionById 1 pass,nolog", 2, $quotes, 'of an update');
    accepted("$chain$rule t:none", 'a single one');
    accepted("SecAction\n  \"id:1,phase:1,pass\"", 'in the next line');
};

subtest 'what is not complete' => sub {
    refused("\n$chain$rule", 3, qr/(?:actions were|a line end was) expected/, 'a rule without actions');
    refused("\n$chain$rule\n# text\n", 3, qr/actions were expected/, 'a comment in their place');
    refused("\nSecRuleUpdateActionById 1\nSecRuleEngine On", 2, qr/actions were expected/, 'an update');
    refused("\nSecRule ARGS\nSecRuleEngine On", 2, qr/an operator was expected/, 'a rule without operator');
    refused("\nSecRuleEngine\nSecRuleEngine On", 2, qr/an argument was expected behind SecRuleEngine/, 'a setting');
    refused(qq{\n$rule "id:1,phase:1,deny\n}, 2, qr/the list of actions is not closed/, 'a quote');
    refused(qq{\n$rule "id:1,phase:1,msg:'text\n,deny"\n}, 2, qr/the quote is not closed/, 'a quote inside');
    refused(qq{\nSecComponentSignature "text\n}, 2, qr/the quote is not closed/, 'the quote of a setting');
    refused(qq{\n$rule \\ \n  "id:1,phase:1,deny"}, 2, qr/blanks behind the backslash/, 'a line');
    accepted("$chain$rule\n", 'a link without actions');
};

subtest 'what is too much' => sub {
    my $much = qr/nothing was expected behind the actions, got "/;
    refused(qq{\n$rule "id:1,phase:1,deny" more text}, 2, $much, 'behind a rule');
    refused(qq{\nSecAction "id:1,phase:1,deny",log}, 2, $much, 'behind an action');
    refused(qq{\nSecRuleUpdateActionById 1 "pass,nolog"more}, 2, $much, 'behind an update');
    refused(qq{\n$rule "id:1,\\\n  phase:1,deny" more}, 3, $much, 'behind several lines');
    accepted(qq{$rule "id:1,phase:1,deny" # text}, 'a comment');
};

subtest 'lines of directives' => sub {
    refused(qq{SecRuleRemoveById 10-x}, 1, qr/SecRuleRemoveById: failed to load/, 'the first in its file');
    refused(qq{SecRuleRemoveById 1\n\nSecRuleRemoveById 10-x}, 3, qr/SecRuleRemoveById: failed to load/, 'the second of its kind');
    refused(qq{SecDefaultAction "phase:1,log,pass"\nSecDefaultAction "phase:2,log"}, 2, qr/SecDefaultAction must specify a disruptive action/, 'a default');
};

subtest 'marks of editors' => sub {
    my $mark = qr/a byte order mark stands here/;
    refused(qq{\xef\xbb\xbfSecAction "id:1,phase:1,deny"}, 1, $mark, 'at the beginning');
    refused(qq{\n\xef\xbb\xbfSecAction "id:1,phase:1,deny"}, 2, $mark, 'where files were joined');
    refused("\xff\xfeS\0e\0c\0", 1, qr/the file is UTF-16/, 'UTF-16');
    my $typographic = qr/typographic quotes quote nothing/;
    my ($open, $close) = ("\xe2\x80\x9c", "\xe2\x80\x9d");
    refused("\nSecAction ${open}id:1,phase:1,deny$close", 2, $typographic, 'actions');
    refused("\nSecRule ARGS ${open}\@rx a$close ${open}id:1,phase:1,deny$close", 2, $typographic, 'an operator');
    refused("\nSecRule ARGS \"\@rx a\" ${open}id:1,phase:1,deny$close", 2, $quotes, 'behind an operator');
    refused("\nSecRule ARGS \"\@rx a\" \\\n \x93id:1,phase:1,deny\x94", 3, $quotes, 'of Windows');
    refused("\nSecAuditLog $open/x$close", 2, $typographic, 'a path');
    refused("\nSecAction \"id:1,phase:1,deny,msg:\xe2\x80\x98a, b\xe2\x80\x99\"", 2, $typographic, 'a text');
    accepted("SecAction \"id:1,phase:1,deny,msg:'\xe2\x80\x98a\xe2\x80\x99, b'\"", 'inside of a text');
};

subtest 'addresses' => sub {
    my %wrong = (
        '300.1.1.1'            => qr/"300\.1\.1\.1" is neither an address nor a network/,
        '10.0.0.1,10.0.0.0/33' => qr/"10\.0\.0\.0\/33" is neither/,
        'host.example'         => qr/"host\.example" is neither/,
        '10.0.0.1, 10.0.0.2'   => qr/blanks stand around the address "10\.0\.0\.2"/,
        '::1/128'              => qr/"::1\/128": libmodsecurity wants it without/,
        '10.0.0.0/0'           => qr/"10\.0\.0\.0\/0": libmodsecurity knows no network of all addresses/,
    );
    refused(qq{\nSecRule REMOTE_ADDR "\@ipMatch $_" "id:1,phase:1,pass"}, 2, $wrong{$_}, $_) for sort keys %wrong;
    for my $list (["10.0.0.0/8\n# text\n300.1.1.1\n", 3, qr/"300/], ["10.0.0.1\r\n", 1, qr/"10\.0\.0\.1" ends with a carriage return/],
        ["\xef\xbb\xbf10.0.0.1\n", 1, qr/a byte order mark/]) {
        conf_file('list.txt', $list->[0]);
        refused(qq{\nSecRule REMOTE_ADDR "\@ipMatchFromFile list.txt" "id:1,phase:1,pass"}, 2, qr/line $list->[1] of "list\.txt": $list->[2]/, "a list, $list->[1]");
    }
    conf_file('list.txt', "10.0.0.1\n\n::1\nfe80::/10\n10.0.0.0/8 # text\n");
    accepted(qq{SecRule REMOTE_ADDR "\@ipMatchFromFile list.txt" "id:1,phase:1,pass"}, 'a good one');
};

subtest 'scripts' => sub {
    my $script = conf_file('a.lua', "function main() return nil end\n");
    refused("\nSecRuleScript $script", 2, $quotes, 'without actions');
    refused(qq{\nSecRuleScript $script "phase:1,deny"}, 2, qr/rules must have an id/, 'without an id');
    refused(qq{\nSecRuleScript a.lua "id:1,phase:1,deny"}, 2, qr/the path of the script "a\.lua" must be absolute/, 'a relative path');
    refused(qq{\n${chain}SecRuleScript $script "t:none"}, 3, qr/a script cannot be a link of a chain/, 'in a chain');
    refused(qq{\nSecRuleScript $script "id:1,phase:1,deny,chain"\n$rule "t:none"}, 2, qr/a script cannot be a link of a chain/, 'before a chain');
};

subtest 'exclusions' => sub {
    my $ids = qr/SecRuleRemoveById takes ids and ranges without quotes, with blanks between them/;
    refused(qq{\nSecRuleRemoveById "400-600"}, 2, $ids, 'a range in quotes');
    refused(qq{\nSecRuleRemoveById 1 "5"}, 2, $ids, 'the second one in quotes');
    accepted('SecRuleRemoveById 400-600 7', 'a range and an id');
    my %wrong = (
        'ruleRemoveById=400,450'            => qr/ctl:ruleRemoveById takes no list: write another one for "450"/,
        'ruleRemoveTargetById=4,5;ARGS:a'   => qr/ctl:ruleRemoveTargetById takes no list: write another one for "5;ARGS"/,
        "ruleRemoveById='450'"              => qr/.*takes ids, tags and names as they are, .* got "'" in "'450'"/,
        'ruleRemoveByTag=^attack'           => qr/.*takes ids, tags and names as they are, .* got "\^" in "\^attack"/,
        'ruleRemoveTargetById=4;ARGS:/^a+/' => qr/.*got "\^" in "4;ARGS:\S+"; SecRuleUpdateTargetById takes them/,
        'ruleRemoveTargetById=4'            => qr/.*takes ID;VARIABLE, got "4"/,
        'ruleRemoveTargetByTag=a'           => qr/.*takes TAG;VARIABLE, got "a"/,
        'ruleRemoveById=4,ruleRemoveById=5' => qr/"ctl:" is missing in front of "ruleRemoveById=5"/,
    );
    for my $control (sort keys %wrong) {
        refused(qq{\nSecAction "id:5,phase:1,pass,ctl:$control"}, 2, $wrong{$control}, $control);
    }
    accepted('SecAction "id:5,phase:1,pass,ctl:ruleRemoveById=4-9,ctl:ruleRemoveTargetByTag=a-b;ARGS:c"', 'two');
};

subtest 'operators without their argument' => sub {
    refused(qq{\nSecRule ARGS "\@$_" "id:5,phase:1,deny"}, 2, qr/"\@\Q$_\E" needs an argument/, $_) for qw(contains pm ipMatch);
    accepted('SecRule ARGS "@detectSQLi" "id:5,phase:2,deny"', 'one that takes none');
};

subtest 'a file that is named twice' => sub {
    my $file  = conf_file('twice.conf', qq{\n$rule "id:17,phase:1,pass"\n});
    my $outer = conf_file('outer.conf', "Include $file\n");
    my $both  = qr/\Q$file\E:2.*: rule id 17 is duplicated, as its file is named at \S*nginx\.conf:(\d+) and at \S*nginx\.conf:(\d+) in /;
    conf_refused("modsecurity_rules_file $file;\nserver {\nmodsecurity_rules_file $file;\n}", $both, 'at two levels');
    conf_refused("modsecurity_rules_file $outer;\nserver {\nmodsecurity_rules_file $file;\n}", $both, 'by another');
    conf_refused("server {\nmodsecurity_rules_file $file;\nmodsecurity_rules_file $file;\n}", $both, 'at one');
};

done_testing;
