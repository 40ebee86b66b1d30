# gatehouse-waf check: rules and exclusions that libmodsecurity takes, and that do something else than
# they seem to. Beside each sort stand rules that look alike and are sound.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename 'basename';
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
        'ruleRemoveTargetById=2;ARGS:page', 'ruleRemoveTargetById=3;ARGS',
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
    is_deeply [told(ctl("$_->[0]=1,$_->[1]") =~ s/,nolog//r, 1)],
        [qq{main.conf:1: error: ctl:$_->[0] takes no list: write another one for "$_->[1]"}], "commas, $_->[0]"
        for ['ruleRemoveById', '2'], ['ruleRemoveTargetById', '2;ARGS'];
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
    warned 'a dot', ctl('ruleRemoveTargetById=1;ARGS.q'), 'ctl:ruleRemoveTargetById changes nothing: "ARGS.q" needs a colon behind "ARGS"';
    warned 'another case', ctl('ruleRemoveTargetById=2;ARGS:Page'), 'ctl:ruleRemoveTargetById changes nothing: rule 2 does not look at "ARGS:Page", but at ARGS:page|!ARGS:x';
    sound 'headers in another case', qq{SecRuleUpdateTargetById 7 !REQUEST_HEADERS:x-key\nSecRule REQUEST_HEADERS:X-Key "\@rx a" "id:7,phase:1,deny"};
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

subtest 'variables before their phase' => sub {
    my sub early ($name, $phase, $first) { return "$name is read in phase $phase, but is not known before phase $first" }
    my %first = (
        (map { $_ => 2 } qw(REQUEST_BODY REQUEST_BODY_LENGTH ARGS_POST ARGS_POST:a ARGS_POST_NAMES FILES FILES_NAMES FILES_COMBINED_SIZE
            MULTIPART_STRICT_ERROR MULTIPART_UNMATCHED_BOUNDARY MULTIPART_PART_HEADERS REQBODY_ERROR FULL_REQUEST XML:/* XML://a/@b &ARGS_POST)),
        (map { $_ => 3 } qw(RESPONSE_STATUS RESPONSE_HEADERS:Server RESPONSE_HEADERS_NAMES RESPONSE_PROTOCOL RESPONSE_CONTENT_TYPE)),
        (map { $_ => 4 } qw(RESPONSE_BODY RESPONSE_CONTENT_LENGTH)),
    );
    for my $variable (sort keys %first) {
        my ($name) = $variable =~ /(\w+)/;
        my $first = $first{$variable};
        for my $phase (1 .. 5) {
            warned "$variable in phase $phase", qq{SecRule $variable "\@rx x" "id:1,phase:$phase,pass,log"},
                $phase < $first ? early($name, $phase, $first) : ();
        }
    }
    warned 'no phase', 'SecRule ARGS_POST "@rx x" "id:1,pass"', early('ARGS_POST', 1, 2);
    warned 'the phase of a default', qq{SecDefaultAction "phase:2,log,pass"\nSecRule ARGS_POST "\@rx x" "id:1,pass"}, early('ARGS_POST', 1, 2);
    warned 'by an update', qq{SecRule ARGS "\@rx x" "id:1,phase:1,deny"\nSecRuleUpdateTargetById 1 ARGS_POST}, 'ARGS_POST is read by rule 1 in phase 1, but is not known before phase 2';
    sound 'by an update of a rule that is late enough', qq{SecRule ARGS "\@rx x" "id:1,phase:2,deny"\nSecRuleUpdateTargetById 1 ARGS_POST};
    warned 'a phase by name', 'SecRule RESPONSE_BODY "@rx x" "id:1,phase:request,pass"', early('RESPONSE_BODY', 2, 4);
    warned 'in a chain', qq{SecRule ARGS "\@rx x" "id:1,phase:1,deny,chain"\n    SecRule Request_Body "\@rx y" "t:none"}, early('Request_Body', 1, 2);
    warned 'in a macro', 'SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=%{REQUEST_BODY}"', early('REQUEST_BODY', 1, 2);
    warned 'once', 'SecRule ARGS_POST:a|ARGS_POST:b|FILES "@rx x" "id:1,phase:1,pass"', early('ARGS_POST', 1, 2), early('FILES', 1, 2);
    sound $_, qq{SecRule $_ "\@rx x" "id:1,phase:1,pass"} for 'ARGS', 'ARGS_GET', 'ARGS|!ARGS_POST:a', 'REQBODY_PROCESSOR', 'QUERY_STRING';
    sound 'phases by name', qq{SecRule RESPONSE_BODY "\@rx x" "id:1,phase:response,pass"\nSecRule RESPONSE_STATUS "\@rx x" "id:2,phase:logging,pass"};
    warned 'a control of bodies', 'SecAction "id:1,phase:2,pass,nolog,ctl:requestBodyProcessor=XML"',
        'ctl:requestBodyProcessor comes too late in phase 2: the body has been read before phase 2';
    sound 'a control of bodies in phase 1', 'SecAction "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"';
};

subtest 'collections' => sub {
    my %of = (IP => ['initcol:ip', 'all clients have', 'initcol:ip=%{REMOTE_ADDR}'], SESSION => ['setsid', 'all sessions have', 'setsid:%{REQUEST_COOKIES.sid}'],
        USER => ['setuid', 'all users have', 'setuid:%{REMOTE_USER}'], RESOURCE => ['initcol:resource', 'all resources have', 'initcol:resource=%{REQUEST_FILENAME}']);
    for my $name (sort keys %of) {
        my ($by, $who, $action) = $of{$name}->@*;
        my $set = qq{SecAction "id:9,phase:1,nolog,pass,$action"};
        my $due = "$by: $who one in common";
        for my $rule (qq{SecRule $name:count "\@gt 5" "id:1,phase:1,deny"}, qq{SecRule &$name:count "\@eq 0" "id:1,phase:1,deny"},
            qq{SecAction "id:1,phase:1,pass,setvar:\L$name\E.count=+1"}, qq{SecRule ARGS "\@streq %{\L$name\E.count}" "id:1,phase:1,deny"}) {
            warned $rule, $rule, "$name is used without $due";
            warned "$rule, before it", "$rule\n$set", "$name is used before $by in main.conf:2: $who one in common";
            sound "$rule, behind it", "$set\n$rule";
        }
    }
    warned 'GLOBAL', 'SecRule GLOBAL:a "@gt 5" "id:1,phase:1,deny"', 'GLOBAL is used without initcol:global: it has no key';
    sound 'in the same rule', 'SecAction "id:1,phase:1,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.count=+1"';
    sound 'in an earlier phase, behind it', qq{SecRule IP:a "\@gt 5" "id:1,phase:2,deny"\nSecAction "id:2,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"};
    sound 'what is called like one', 'SecRule TX:ip|ARGS:session|SESSIONID "@rx x" "id:1,phase:2,deny,setvar:tx.ip=1"';
};

subtest 'expirevar' => sub {
    my ($version) = +(tool(in_files(), '--version'))[1] =~ /v3\.0\.(\d+)/;
    my $due = "libmodsecurity 3.0.$version ignores expirevar, and ip.a does not expire: 3.0.11 is needed";
    warned 'for libraries that ignore it', q{SecAction "id:1,phase:1,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.a=1,expirevar:'ip.a=60'"}, $version < 11 ? $due : ();
};

# A MaxMind DB that says the same of each address. Its maps are lists of names and values.
sub maxmind_value ($value) {
    return pack 'C a*', 0x40 | length $value, $value if !ref $value;
    return pack('C', 0xe0 | @$value / 2) . join '', map { maxmind_value($_) } @$value;
}
sub maxmind_db ($kind, $data) {
    my sub named ($name, @number) { return maxmind_value($name) . pack $number[0], @number[1, 2] }
    my $meta = join '', pack('C', 0xe6), maxmind_value('database_type'), maxmind_value($kind),
        named('binary_format_major_version', 'C n', 0xa2, 2), named('binary_format_minor_version', 'C n', 0xa2, 0),
        named('ip_version', 'C n', 0xa2, 4), named('node_count', 'C N', 0xc4, 1), named('record_size', 'C n', 0xa2, 24);
    return "\0\0\x11" x 2 . "\0" x 16 . maxmind_value($data) . "\xab\xcd\xefMaxMind.com$meta";
}

subtest 'databases of places' => sub {
    my $rules = qq{SecRule REMOTE_ADDR "\@geoLookup" "id:1,phase:1,pass,chain"\n    SecRule GEO:COUNTRY_CODE "\@streq XX" "t:none"\n};
    my sub of ($database, $what = "SecGeoLookupDb places\n$rules") {
        my ($status, $output) = tool(in_files('main.conf' => $what, 'places' => $database), 'check', 'main.conf');
        return $output;
    }
    my $nothing = 'main.conf:1: warning: @geoLookup finds nothing in "places":';
    my $kind = 'it is neither a MaxMind DB (.mmdb) of countries or cities nor a GeoIP database of cities';
    is of(maxmind_db('GeoLite2-Country', ['country', ['iso_code', 'DE']])), '', 'countries';
    is of(maxmind_db('GeoLite2-ASN', ['organization', 'x'])), "$nothing it has no codes of countries\n", 'a MaxMind DB of something else';
    is of("start,end,country\n" x 1000), "$nothing $kind\n", 'a table';
    is of("x" x 1000 . "\xff\xff\xff\x01"), "$nothing $kind\n", 'a GeoIP database of countries';
    is of("x" x 1000 . "\xff\xff\xff\x02\x10\0\0"), '', 'a GeoIP database of cities';
    like of('', "SecGeoLookupDb none\n$rules"), qr/^main\.conf:1: error: data file "none" is not found$/m, 'none';
    warned 'none is named', $rules, '@geoLookup finds nothing without a database: SecGeoLookupDb names none';
    is of(maxmind_db('GeoLite2-Country', ['country', ['iso_code', 'DE']]), qq{SecGeoLookupDb places\nSecRule GEO:COUNTRY_CODE "\@streq XX" "id:2,phase:1,deny"\n}),
        "main.conf:2: warning: GEO is used without \@geoLookup: it is empty\n", 'nobody asks';
    is of(maxmind_db('GeoLite2-Country', ['country', ['iso_code', 'DE']]), qq{SecGeoLookupDb places\nSecRule GEO:COUNTRY_CODE "\@streq XX" "id:2,phase:1,deny"\n$rules}),
        "main.conf:2: warning: GEO is used before \@geoLookup in main.conf:3: it is empty\n", 'somebody asks too late';
};

subtest 'what may be missing' => sub {
    my sub due ($name) { return "a request without $name passes: operators, negated ones too, are asked only for what is there; test &$name, too" }
    my $key = 'REQUEST_HEADERS:X-Key';
    my $rule = qq{SecRule $key "!\@streq abc" "id:1,phase:1,deny,status:401"};
    warned 'a header', $rule, due($key);
    warned $_, $rule =~ s/deny,status:401/$_/r, due($key) for 'drop', 'block', q{redirect:'https://shop.example/'};
    warned $_, $rule =~ s/!\@streq abc/$_/r, due($key) for '!@rx ^abc$', '!^abc$', '! @within abc,def', '!@pm abc', '!@ipMatch 192.0.2.0/24';
    warned $_, $rule =~ s/$key/$_/r, due($_) for 'REQUEST_COOKIES:sid', 'Request_Headers:Host', 'REQUEST_HEADERS:Authorization', 'REQUEST_HEADERS:/^X-Key$/';
    warned 'one of two', $rule =~ s/$key/REQUEST_COOKIES:sid|$key/r, due('REQUEST_COOKIES:sid');
    warned 'the first of a chain', ($rule =~ s/deny/deny,chain/r) . qq{\n    SecRule REQUEST_FILENAME "\@beginsWith /admin" "t:none"}, due($key);
    warned 'the last of a chain', qq{SecRule REQUEST_FILENAME "\@beginsWith /admin" "id:1,phase:1,deny,chain"\n    SecRule $key "!\@streq abc"}, due($key);
    warned 'another is counted', qq{SecRule &REQUEST_HEADERS:X-Other "\@eq 0" "id:2,phase:1,deny"\n$rule}, due($key);
    sound 'counted by another rule', qq{SecRule &$_ "\@eq 0" "id:2,phase:1,deny"\n$rule} for $key, 'request_headers:x-key';
    sound 'counted in the chain', ($rule =~ s/deny/deny,chain/r) . qq{\n    SecRule &$key "!\@eq 0" "t:none"};
    sound 'counted in the same rule', $rule =~ s/$key/&$key|$key/r;
    sound 'what stops nothing', $rule =~ s/deny,status:401/pass/r;
    sound 'a default that passes', qq{SecDefaultAction "phase:1,log,pass"\n} . $rule =~ s/deny,status:401/block/r;
    warned 'a default that denies', qq{SecDefaultAction "phase:1,log,deny"\n} . ($rule =~ s/deny,status:401/block/r), due($key);
    sound 'the form of those that are there', $rule =~ s/$key/REQUEST_COOKIES:\/^sess\//r;
    sound 'not negated', $rule =~ s/!\@/\@/r;
    sound $_, $rule =~ s/$key/$_/r for 'REQUEST_METHOD', 'REQUEST_HEADERS', 'REMOTE_ADDR', "!$key|REQUEST_HEADERS", "$key|REMOTE_ADDR";
    sound 'the form of what need not be there', 'SecRule REQUEST_HEADERS:Content-Length "!@rx ^\d+$" "id:1,phase:1,deny"';
};

# pieces NAME, ACTIONS, TABLE: what never matches of each operator, or undef; one rule for each.
sub pieces ($name, $actions, @table) {
    my (@due, $text);
    for my $line (1 .. @table / 2) {
        my ($operator, $piece) = splice @table, 0, 2;
        $text .= qq{SecRule ARGS "$operator" "id:$line,phase:2,deny,$actions"\n};
        push @due, [$operator, $piece];
    }
    my ($status, $output) = tool(in_files('main.conf' => $text), 'check', 'main.conf');
    my %said = $output =~ /^main\.conf:(\d+): \w+: (.*)$/mg;
    is_deeply [map { [$due[$_][0], $said{$_ + 1} && ($said{$_ + 1} =~ /^"(.*)" never matches: t:\w+ leaves no \w+ letters$/ ? $1 : $said{$_ + 1})] } keys @due],
        \@due, $name;
}

subtest 'letters that are gone' => sub {
    pieces 'phrases', 't:none,t:lowercase', map { @$_ } (map { (["\@$_ Foo", 'Foo'], ["!\@$_ foo Bar", 'Bar'], ["\@$_ foo-1", undef]) }
        qw(streq contains containsWord beginsWith endsWith strmatch within)),
        ['@within GET,post', 'GET'], ['@contains %{ARGS.Foo}', undef], ['@contains %{ARGS.Foo}Bar', 'Bar'],
        ['@pm Foo', undef], ['@eq 5', undef], ['@detectSQLi', undef], ['@ipMatch 2001:DB8::1', undef], ['@STREQ Foo', 'Foo'];
    pieces 'expressions', 't:none,t:lowercase', map { @$_ }
        ['@rx Foo', 'Foo'], ['Foo', 'Foo'], ['!@rx ^Foo$', 'Foo'], ['@rx a(?:b|Foo)', 'Foo'], ['@rx (Foo)+', 'Foo'], ['@rx [A-Z]', '[A-Z]'],
        ['@rx \x46oo', '\x46oo'], ['@rx \x{46}', '\x{46}'], ['@rx [\x41-\x5a]x', '[\x41-\x5a]x'], ['@rx [[:upper:]]', '[[:upper:]]'], ['@rx (?=Foo)', 'Foo'],
        ['@rx (?i:foo)Bar', 'Bar'], ['@rx (?i)foo(?-i)Bar', 'Bar'], ['@rx (?<Name>Foo)', 'Foo'], ['@rx a{2}B{1,3}', 'a{2}B{1,3}'], ['@rx \.\.Foo\/', '\.\.Foo\/'],
        ['@rx foo.*Bar', 'Bar'], ['@rxGlobal Foo', 'Foo'], ['@rx (?s)Foo', 'Foo'], ['@rx {Foo}', '{Foo}'], ['@rx x[a]Foo', 'Foo'],
        map { [$_, undef] } '@rx foo', '@rx (?i)Foo', '@rx (?i:Foo)', '@rx (?is)Foo', '@rx a(?i)b|Foo', '@rx \S\W\B\D\A\Z\G\H\N\V\R\X', '@rx [a-zA-Z]', '@rx [^A-Z]', '@rx [\S\W]',
        '@rx (?<Name>foo)\k<Name>', q{@rx (?'Name'foo)}, '@rx (?P<Name>foo)(?P=Name)', '@rx (?P<Name>a)(?P>Name)(?&Name)', '@rx \p{Lu}\pL\P{Greek}', '@rx a(?:Foo)?', '@rx A?b', '@rx A*b', '@rx A{0,3}b',
        '@rx (?!Foo)a', '@rx (?<!Foo)a', '@rx (?:GET|get)', '@rx \x2E\x{3A}\xAB', '@rx (?#Foo)a', '@rx (?R)?a', '@rx \cA', '@rx %{tx.Foo}Bar', '@rx (?x) foo # Foo', '@rx (*UTF)foo', '@rx [Aa]',
        '@rx \Qfoo\E', '@rx (a)(?(1)b|c)', '@rx [[:alpha:]]';
    pieces "transformations $_->[0]", $_->[0], '@streq Foo', $_->[1] for
        map({ [$_, 'Foo'] } 't:lowercase', 't:none,t:lowercase,t:trim', 't:urlDecodeUni,t:lowercase', 't:cmdLine', 't:lowercase,t:normalizePath,t:compressWhitespace', 't:uppercase,t:lowercase', 't:LowerCase'),
        map({ [$_, undef] } 't:none', 't:trim', 't:lowercase,t:none', 't:lowercase,t:urlDecodeUni', 't:lowercase,t:base64Decode', 't:lowercase,t:htmlEntityDecode', 't:lowercase,multiMatch', 't:lowercase,t:hexEncode');
    pieces 'the other way round', 't:uppercase', '@streq foo', 'foo', '@rx \x66OO', '\x66OO', '@rx FOO\d', undef, '@rx (?i)foo', undef;
    my $foo = q{"Foo" never matches: t:lowercase leaves no capital letters};
    my $default = 'SecDefaultAction "phase:2,log,pass,t:lowercase"';
    warned 'transformations of the default', qq{$default\nSecRule ARGS "\@streq Foo" "id:1,phase:2,deny"}, $foo;
    warned '... of a rule before it', qq{SecRule ARGS "\@streq Foo" "id:1,phase:2,deny"\n$default}, $foo;
    warned '... with one of its own', qq{$default\nSecRule ARGS "\@streq Foo" "id:1,phase:request,deny,t:trim"}, $foo;
    warned '... in a chain', qq{$default\nSecRule ARGS "\@streq foo" "id:1,phase:2,deny,chain"\nSecRule ARGS "\@streq Foo"}, $foo;
    sound 'reset', qq{$default\nSecRule ARGS "\@streq Foo" "id:1,phase:2,deny,t:none"};
    sound 'of another phase', qq{$default\nSecRule ARGS "\@streq Foo" "id:1,phase:1,deny"};
    sound 'changed by an update', qq{SecRule ARGS "\@streq Foo" "id:1,phase:2,deny,t:lowercase"\nSecRuleUpdateActionById 1 "t:none"};
    sound 'in the rule before', qq{SecRule ARGS "\@streq foo" "id:1,phase:2,deny,t:lowercase,chain"\nSecRule ARGS "\@streq Foo" "t:none"};
};

# Rules as they are delivered, with what they are delivered with.
subtest 'sound rules' => sub {
    plan skip_all => 'they take a sanitized tool too long' if $ENV{ASAN_OPTIONS};
    my $conf = "$FindBin::Bin/../../conf/crs";
    my $debian = '/usr/share/modsecurity-crs/rules';
    my $version4 = $ENV{CRS4_RULES};
    my %sets = (
        (map { (basename($_) => [$_]) } grep { !/main\.conf$/ } glob "$conf/*.conf"),
        (-d $debian ? ('version 3 with our settings' => ["$conf/main.conf"], 'version 3' => [glob "$debian/*.conf"],
            'version 3 with its settings' => [glob("/etc/modsecurity/crs/{crs-setup,REQUEST-900*}.conf"), glob("$debian/*.conf"), glob '/etc/modsecurity/crs/RESPONSE-999*.conf']) : ()),
        ($version4 ? ('version 4' => [glob "$version4/*.conf"],
            'version 4 with plugins' => [map { glob "$version4/$_.conf" } '../plugins/*-config', '../plugins/*-before', '*', '../plugins/*-after']) : ()),
    );
    for my $name (sort keys %sets) {
        my ($status, $output) = tool("$FindBin::Bin", 'check', $sets{$name}->@*);
        is $output =~ s/^\S+: notice: .*\n(?: .*\n)*//gmr, '', $name;
    }
};

done_testing;
