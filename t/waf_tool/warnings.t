# gatehouse-waf check: rules and exclusions that libmodsecurity takes, and that do something else than
# they seem to. Beside each sort stand rules that look alike and are sound.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::WafTool qw(available in_files tool);
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

# What check says of main.conf, without its place; of LINE alone if there is one.
sub told ($rules, $line = undef) {
    my ($status, $output) = tool(in_files('main.conf' => $rules), 'check', 'main.conf');
    my @told = grep { !/: notice: / } split /\n/, $output;
    is $status, @told ? 1 : 0, '... exit status' if !defined $line;
    return map { s/^main\.conf:\d+: warning: //r } grep { !defined $line || /^main\.conf:$line:/ } @told;
}

# warned NAME, RULES, TEXT...: these warnings and no more.
sub warned ($name, $rules, @due) {
    is_deeply [told($rules)], \@due, $name;
}
sub sound ($name, $rules) { warned($name, $rules) }

my $rules = <<'RULES';
SecRule ARGS|REQUEST_HEADERS:X-Key "@rx foo" "id:1,phase:2,deny,tag:'attack-sqli',msg:'A message'"
SecRule ARGS:page|!ARGS:x "@rx foo" "id:2,phase:2,deny,tag:'attack-sqli'"
SecRule &ARGS "@gt 9" "id:3,phase:1,deny,chain"
    SecRule REQUEST_COOKIES "@rx foo" "t:none"
SecRule XML:/* "@rx foo" "id:4,phase:2,deny"
SecRule ARGS:/^page/ "@rx foo" "id:5,phase:2,deny"
RULES

# An exclusion by ctl, in front of the rules.
sub ctl ($control) { return qq{SecAction "id:100,phase:1,nolog,pass,ctl:$control"\n$rules} }

subtest 'exclusions that do what they say' => sub {
    sound "ctl:$_", ctl($_) for 'ruleRemoveById=1', 'ruleRemoveById=1-3', 'ruleRemoveByTag=attack-sqli',
        'ruleRemoveTargetById=1;ARGS', 'ruleRemoveTargetById=1;ARGS:q', 'ruleRemoveTargetById=1;REQUEST_HEADERS:x-key',
        'ruleRemoveTargetById=2;ARGS:page', 'ruleRemoveTargetById=2;ARGS:Page', 'ruleRemoveTargetById=3;ARGS',
        'ruleRemoveTargetById=4;XML:/*', 'ruleRemoveTargetById=5;ARGS:page2', 'ruleRemoveTargetByTag=attack-sqli;ARGS:q',
        'ruleRemoveById=1,ctl:ruleRemoveTargetById=2;ARGS:page';
    sound $_, "$_\n$rules" for 'SecRuleRemoveById 1', 'SecRuleRemoveById 1 3', 'SecRuleRemoveById 1-3 5', 'SecRuleRemoveById 1, 3',
        'SecRuleRemoveByTag attack-sqli', q{SecRuleRemoveByTag 'attack-sqli'}, 'SecRuleRemoveByMsg "A message"',
        'SecRuleUpdateTargetById 1 !ARGS:q', 'SecRuleUpdateTargetById "1" "!ARGS:/^q/|!REQUEST_HEADERS:X-Key"',
        'SecRuleUpdateTargetById 1 !args:q', 'SecRuleUpdateTargetById 1 ARGS_GET',
        'SecRuleUpdateTargetByTag attack-sqli !ARGS:q', 'SecRuleUpdateTargetByMsg "A message" !ARGS:q',
        'SecRuleUpdateActionById 1 "pass"';
    sound "$_, behind the rules", "$rules\n$_\n" for 'SecRuleRemoveById 1', 'SecRuleUpdateTargetById 1 !ARGS:q';
    sound 'a file of exclusions alone', "SecRuleRemoveById 942100\n"
        . 'SecRule REQUEST_FILENAME "@streq /" "id:100,phase:1,nolog,pass,ctl:ruleRemoveTargetById=942100;ARGS:q"';
};

subtest 'ids' => sub {
    my $one = 'takes one id: of';
    warned 'a range for one id', ctl('ruleRemoveTargetById=1-3;ARGS:q'),
        qq{ctl:ruleRemoveTargetById $one "1-3" libmodsecurity reads rule 1 only};
    warned 'more than one range', ctl('ruleRemoveById=1-2;4'),
        'ctl:ruleRemoveById takes one id or range: of "1-2;4" libmodsecurity reads rules 1-2 only';
    warned $_, "$_\n$rules", /^(\w+) (?|"([^"]+)"|(\S+))/ ? qq{$1 $one "$2" libmodsecurity reads rule 1 only} : ()
        for 'SecRuleUpdateTargetById 1-3 !ARGS:q', 'SecRuleUpdateTargetById 1,2 "!ARGS:q"', 'SecRuleUpdateTargetById "1 2" !ARGS:q',
        'SecRuleUpdateTargetById 1:1 !ARGS:q', 'SecRuleUpdateActionById 1-3 "pass"', 'SecRuleUpdateActionById 1:1 "pass"';
    my $blanks = 'SecRuleRemoveById takes ids and ranges with blanks between them: of';
    warned 'commas', "SecRuleRemoveById 1,3\n$rules", qq{$blanks "1,3" libmodsecurity reads rule 1 only};
    warned 'commas and ranges', "SecRuleRemoveById 1-2,3 5\n$rules", qq{$blanks "1-2,3 5" libmodsecurity reads rules 1-2, rule 5 only};
    warned 'ids that no rule has', "SecRuleRemoveById 1 77 80-90\n$rules",
        'SecRuleRemoveById changes nothing: no rule has the id 77', 'SecRuleRemoveById changes nothing: no rule has an id of 80-90';
    warned "an id that no rule has, $_", ctl("$_=77" . (/Target/ ? ';ARGS' : '')), "ctl:$_ changes nothing: no rule has the id 77"
        for 'ruleRemoveById', 'ruleRemoveTargetById';
    warned $_, "$_\n$rules", /^(\w+)/ && "$1 changes nothing: no rule has the id 77"
        for 'SecRuleUpdateTargetById 77 !ARGS', 'SecRuleUpdateActionById 77 "pass"';
};

subtest 'tags and messages' => sub {
    my $none = 'changes nothing: no rule has the tag';
    my $literal = 'which libmodsecurity takes as it stands, not for a regular expression';
    warned 'ctl: no such tag', ctl('ruleRemoveByTag=attack'), qq{ctl:ruleRemoveByTag $none "attack"};
    warned 'ctl: an expression', ctl('ruleRemoveByTag=attack-.*'), qq{ctl:ruleRemoveByTag $none "attack-.*", $literal};
    warned 'ctl: the wrong case', ctl('ruleRemoveTargetByTag=Attack-SQLi;ARGS'),
        qq{ctl:ruleRemoveTargetByTag $none "Attack-SQLi"; did you mean "attack-sqli"? Case matters here};
    warned 'an expression', "SecRuleRemoveByTag ^attack\n$rules", qq{SecRuleRemoveByTag $none "^attack", $literal};
    warned 'an expression for targets', "SecRuleUpdateTargetByTag /attack/ !ARGS\n$rules", qq{SecRuleUpdateTargetByTag $none "/attack/", $literal};
    warned 'an expression for messages', qq{SecRuleRemoveByMsg "A .*"\n$rules},
        qq{SecRuleRemoveByMsg changes nothing: no rule has the message "A .*", $literal};
    warned 'a message in part', qq{SecRuleUpdateTargetByMsg "A" !ARGS\n$rules},
        'SecRuleUpdateTargetByMsg changes nothing: no rule has the message "A"';
};

subtest 'targets' => sub {
    my $not = 'changes nothing: rule 1 does not look at';
    my $has = 'but at ARGS|REQUEST_HEADERS:X-Key';
    for my $target ('ARGS_GET:q', 'ARGS_GET', 'REQUEST_HEADERS', 'REQUEST_HEADERS:Host', 'ARGS_NAMES:q', 'REQUEST_COOKIES:/a/') {
        warned "ctl:$target", ctl("ruleRemoveTargetById=1;$target"), qq{ctl:ruleRemoveTargetById $not "$target", $has} if $target !~ m{/};
        warned "!$target", "SecRuleUpdateTargetById 1 !$target\n$rules",
            'SecRuleUpdateTargetById ' . ($target =~ m{/} ? $not =~ s/changes nothing/takes the names off all targets of the rule/r : $not) . qq{ "$target", $has};
    }
    warned 'by tag', ctl('ruleRemoveTargetByTag=attack-sqli;FILES'), 'ctl:ruleRemoveTargetByTag changes nothing: no rule that it is for looks at "FILES"';
    warned 'by message', qq{SecRuleUpdateTargetByMsg "A message" !ARGS_GET\n$rules}, qq{SecRuleUpdateTargetByMsg changes nothing: no rule that it is for looks at "ARGS_GET", $has};
    warned 'another argument', ctl('ruleRemoveTargetById=2;ARGS:q'), 'ctl:ruleRemoveTargetById changes nothing: rule 2 does not look at "ARGS:q", but at ARGS:page|!ARGS:x';
    warned 'all of what one is taken of', ctl('ruleRemoveTargetById=2;ARGS'), 'ctl:ruleRemoveTargetById changes nothing: rule 2 does not look at "ARGS", but at ARGS:page|!ARGS:x';
    warned 'one of what is counted', ctl('ruleRemoveTargetById=3;ARGS:q'), 'ctl:ruleRemoveTargetById changes nothing: rule 3 does not look at "ARGS:q", but at &ARGS';
    warned 'in a chain', ctl('ruleRemoveTargetById=3;REQUEST_COOKIES'),
        'ctl:ruleRemoveTargetById changes nothing: rule 3 does not look at "REQUEST_COOKIES" but in its chain, and libmodsecurity excludes from the first rule only';
    warned 'patterns', ctl('ruleRemoveTargetById=1;ARGS:a*'), 'ctl:ruleRemoveTargetById changes nothing: libmodsecurity takes "ARGS:a*" for the whole name, not for a pattern';
    warned 'patterns of an update', "SecRuleUpdateTargetById 1 !ARGS:a*\n$rules", 'SecRuleUpdateTargetById changes nothing: libmodsecurity takes "ARGS:a*" for the whole name, not for a pattern';
    warned 'the wrong case', ctl('ruleRemoveTargetById=1;args:q'), 'ctl:ruleRemoveTargetById changes nothing: case matters here, and "args:q" is not "ARGS:q"';
    warned 'an expression', ctl('ruleRemoveTargetById=1;ARGS:/a/'),
        'ctl:ruleRemoveTargetById changes nothing: libmodsecurity takes "ARGS:/a/" as it stands, not for a regular expression, which only SecRuleUpdateTarget... takes';
    warned 'two targets', ctl('ruleRemoveTargetById=1;ARGS:a;ARGS:b'), 'ctl:ruleRemoveTargetById takes one target: of "ARGS:a;ARGS:b" libmodsecurity reads "ARGS:a" only';
    warned 'several exclusions in one rule', ctl('ruleRemoveTargetById=1;ARGS:a,ctl:ruleRemoveTargetById=1;FILES,ctl:ruleRemoveById=77'),
        qq{ctl:ruleRemoveTargetById $not "FILES", $has}, 'ctl:ruleRemoveById changes nothing: no rule has the id 77';
};

subtest 'exclusions that come too late' => sub {
    my $rule = 'SecRule ARGS "@rx x" "id:1,phase:2,deny,tag:a"';
    my sub by ($phase, $control = 'ruleRemoveById=1') { return qq{SecRule REQUEST_FILENAME "\@streq /" "id:100,phase:$phase,nolog,pass,ctl:$control"} }
    my $late = 'ctl:ruleRemoveById comes too late: rule 1';
    warned 'behind the rule', join("\n", $rule, by(2)), "$late stands before it, and has run";
    warned 'behind the rule, by name', join("\n", $rule, by('request')), "$late stands before it, and has run";
    warned 'in a later phase', join("\n", by(3), $rule), "$late runs in phase 2, this one in phase 3";
    warned 'in a later phase, by name', join("\n", by('logging'), $rule), "$late runs in phase 2, this one in phase 5";
    warned 'the last phase that is told', join("\n", by('1,phase:3'), $rule), "$late runs in phase 2, this one in phase 3";
    warned 'no phase is the first', join("\n", by(2), 'SecAction "id:1,pass,setvar:tx.a=1"'), "$late runs in phase 1, this one in phase 2";
    warned 'of a tag', join("\n", $rule, by(2, 'ruleRemoveByTag=a')), 'ctl:ruleRemoveByTag comes too late: rule 1 stands before it, and has run';
    warned 'of a target, in a chain', join("\n", $rule, 'SecRule ARGS "@rx y" "id:100,phase:2,pass,chain"', 'SecRule ARGS "@rx z" "ctl:ruleRemoveTargetById=1;ARGS:q"'),
        'ctl:ruleRemoveTargetById comes too late: rule 1 stands before it, and has run';
    warned 'its own', 'SecRule ARGS "@rx x" "id:1,phase:2,deny,ctl:ruleRemoveById=1"', "$late is the one that it stands in";
    sound 'in an earlier phase', join("\n", $rule, by(1));
    sound 'in front', join("\n", by(2), $rule);
    sound 'between rules of a tag', join("\n", $rule, by(2, 'ruleRemoveByTag=a'), 'SecRule ARGS "@rx x" "id:2,phase:2,deny,tag:a"');
    my $files = in_files('main.conf' => "Include a.conf\nInclude b.conf\n", 'a.conf' => "\n$rule\n", 'b.conf' => by(2) . "\n");
    my ($status, $output) = tool($files, 'check', 'main.conf');
    like $output, qr{^\S*b\.conf:1: warning: \Q$late stands before it, and has run\E\n    included from main\.conf:2\n\z}, 'over several files';
};

done_testing;
