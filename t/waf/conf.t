# What each directive accepts, and what nginx says about what it does not.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'waf';
use POSIX 'mkfifo';

sub place ($text) { return "server { location / { $text } }" }

my @accepted = (
    map({ "modsecurity $_;" } qw(on off detect $arg_m)),
    "modsecurity_rules 'SecRuleEngine On';",
    "modsecurity_rules 'SecRuleEngine On'; modsecurity_rules 'SecRequestBodyAccess On';",
    map({ "modsecurity_transaction_id $_;" } qw(fixed $request_id gate-$request_id)),
    map({ "modsecurity_use_error_log $_;" } qw(on off)),
    map({ "modsecurity_phase $_;" } qw(early late)),
    map({ "modsecurity_dry_run $_;" } qw(on off $arg_d)),
    map({ "modsecurity_bypass $_;" } '127.0.0.1', '10.0.0.0/8', '::1', '$arg_b', '10.0.0.1 $arg_b'),
    'modsecurity_bypass 10.0.0.1; modsecurity_bypass 10.0.0.2;',
    map({ "modsecurity_on_error $_;" } qw(deny pass)),
    map({ "modsecurity_status $_;" } qw(400 429 599)),
    map({ "modsecurity_request_body $_;" } 'on', 'off', 'max=1m', 'on max=100'),
    map({ "modsecurity_response_body $_;" } 'on', 'off', 'text/html', 'text/html application/json', 'on max=1m text/html'),
    map({ "modsecurity_event_log $_;" } 'off', 'events.log', 'events.log redact=pin,code', 'stderr', 'syslog:server=127.0.0.1:514,tag=waf redact=pin'),
    map({ "modsecurity_limits $_;" } 'time=0', 'time=1s time_per_megabyte=500ms', 'arguments=1', 'json_names=64k',
        'fields=1 cookies=2 arguments=3 parts=4 attributes=5 entities=6'),
    map({ "modsecurity_response_buffer $_;" } 'on', 'off', 'on max=1m'),
);
conf_accepted(place($_), $_) for @accepted;
for my $open ('', 'server {', 'server { location / {', 'server { location / { location /a {') {
    my $close = $open =~ tr/{//cdr =~ tr/{/}/r;
    conf_accepted("$open @accepted[1, -1] $close", $open || 'http');
}

my @once = ('modsecurity on', 'modsecurity_transaction_id a', 'modsecurity_use_error_log on', 'modsecurity_phase late',
    'modsecurity_dry_run on', 'modsecurity_on_error deny', 'modsecurity_status 403', 'modsecurity_request_body on',
    'modsecurity_response_body on', 'modsecurity_response_buffer on', 'modsecurity_event_log off', 'modsecurity_limits time=1s');
for my $directive (@once) {
    my ($name) = split ' ', $directive;
    conf_refused(place("$directive; $directive;"), qr/"\Q$name\E" directive is duplicate/, "$name twice");
}

my @numbers = map { /^\S+/g } @once, 'modsecurity_bypass', 'modsecurity_rules', 'modsecurity_rules_file';
conf_refused(place("$_;"), qr/invalid number of arguments in "\Q$_\E"/, "$_ of nothing") for @numbers;
conf_refused(place("modsecurity_rules_remote $_;"), qr/invalid number of arguments/, "modsecurity_rules_remote $_")
    for 'key', 'key https://localhost/ more';

my $must = qr/must be between 400 and 599/;
my @refused = (
    ['modsecurity maybe'             => qr/invalid value "maybe" in "modsecurity"/],
    ['modsecurity $nowhere'          => qr/unknown "nowhere" variable/],
    ["modsecurity_rules ''"          => qr/invalid value "" in "modsecurity_rules"/],
    ["modsecurity_rules_file ''"     => qr/invalid value "" in "modsecurity_rules_file"/],
    ['modsecurity_transaction_id $nowhere' => qr/unknown "nowhere" variable/],
    ['modsecurity_use_error_log 1'   => qr/invalid value "1"/],
    ['modsecurity_phase soon'        => qr/invalid value "soon"/],
    ['modsecurity_dry_run detect'    => qr/invalid value "detect"/],
    ['modsecurity_bypass localhost'  => qr/invalid value "localhost".*must be an address, a CIDR, or a string with variables/],
    ['modsecurity_on_error ignore'   => qr/invalid value "ignore"/],
    (map { ["modsecurity_status $_"  => $must] } qw(200 302 399 600 x)),
    (map { ["modsecurity_limits $_" => qr/invalid parameter "\Q$_\E"/] } qw(time time= time=soon time=-1 time=2h time_per_megabyte=61m arguments=0 arguments=1k
        json_names=1x fields= parts=-1 headers=1)),
    ['modsecurity_limits time=1s time=2s' => qr/duplicate parameter "time"|"time" parameter is duplicate|duplicate/],
    ['modsecurity_request_body maybe'      => qr/invalid parameter "maybe"/],
    ['modsecurity_request_body on off'     => qr/invalid parameter "off"/],
    ['modsecurity_request_body on max=x'   => qr/invalid parameter "max=x"/],
    ['modsecurity_request_body text/html'  => qr{invalid parameter "text/html"}],
    ['modsecurity_response_body maybe'     => qr/invalid parameter "maybe"/],
    ['modsecurity_response_body on max=-1' => qr/invalid parameter "max=-1"/],
    ['modsecurity_response_buffer maybe'   => qr/invalid parameter "maybe"/],
    ['modsecurity_response_buffer on max=' => qr/invalid parameter "max="/],
    ['modsecurity_event_log off redact=a'  => qr/invalid parameter "redact=a"/],
    ['modsecurity_event_log e.log mask=a'  => qr/invalid parameter "mask=a"/],
    ['modsecurity_event_log logs/$host.json' => qr/invalid value "logs\/\$host\.json" in "modsecurity_event_log" directive; variables are not supported/],
    ['modsecurity_event_log memory:1m'     => qr/invalid value "memory:1m"/],
    ["modsecurity_event_log ''"            => qr/invalid value ""/],
    ['modsecurity_event_log syslog:tag=a'  => qr/no syslog server specified/],
    ['modsecurity_event_log syslog:server=127.0.0.1,level=x' => qr/unknown syslog parameter "level=x"/],
    ['modsecurity_event_log /gone/e.log'   => qr{open\(\) "/gone/e\.log" failed}],
    ['if ($arg_a) { modsecurity off; }'    => qr/"modsecurity" directive is not allowed here/],
);
for my $case (@refused) {
    my ($directive, $message) = @$case;
    conf_refused(place($directive =~ /}$/ ? $directive : "$directive;"), $message, $directive);
}

subtest 'rules that are wrong' => sub {
    my $inline = qr/nginx\.conf:\d+, line 3 of the rules: /;
    conf_refused(place("modsecurity_rules '\n\nSecRule ARGS \"a(\" \"id:1,phase:2,deny\"';"), qr/${inline}invalid regular expression "a\(": /, 'never matches');
    conf_refused(place("modsecurity_rules '\nSecRuleEngine On\nSecNonsense On';"), qr/${inline}Invalid input:  SecNonsense/, 'in place');

    conf_file('inner/broken.conf', qq{# one\n\nSecRule ARGS "\@rx x" "id:1,phase:1,nonsense"\n});
    conf_file('middle.conf', "# one\nInclude inner/*.conf\n");
    conf_file('main.conf',   "SecRuleEngine On\n# two\n\nInclude middle.conf\n");
    my $broken = qr{/inner/broken\.conf:3};
    my $file   = conf_file('alone.conf', "SecRuleEngine On\nSecRuleEngine Maybe\n");
    conf_refused(place('modsecurity_rules_file alone.conf;'), qr{\Q$file\E:2: .*Maybe.* in .*nginx\.conf:\d+}, 'a file');
    conf_refused(place("modsecurity_rules_file $file;"), qr/\Q$file\E:2: /, 'its whole path');
    conf_refused(place('modsecurity_rules_file main.conf;'),
        qr{$broken, included from \S+/middle\.conf:2, included from \S+/main\.conf:4: Expecting an action}, 'the chain of includes');
    conf_refused(place("modsecurity off; modsecurity_rules_file main.conf;"), $broken, 'although they are not used');

    conf_refused(place('modsecurity_rules_file gone.conf;'), qr{Failed to open the file: \S+/gone\.conf}, 'no file');
    conf_refused(place('modsecurity_rules_file inner;'), qr{/inner is a directory}, 'a directory');
    conf_file('loop.conf', "Include loop.conf\n");
    conf_refused(place('modsecurity_rules_file loop.conf;'), qr{/loop\.conf:1: \S+/loop\.conf includes itself}, 'a loop');
    conf_refused(place('modsecurity_rules_remote key https://127.0.0.1:1/rules;'),
        qr/cannot download the rules: .*connect/i, 'a server that is not there');
};

# libmodsecurity takes them, and dies.
subtest 'rules that would crash nginx' => sub {
    my $conf = conf_file('crash.conf', "SecRuleEngine On\nSecMarker\tEND\n");
    conf_refused(place("modsecurity_rules_file $conf;"),
        qr{\Q$conf\E:2: a space is needed behind SecMarker: .* in .*nginx\.conf:\d+}, 'a tab');
    my %rules = (
        'a tab in place'       => ["SecDebugLogLevel\t3", qr/a space is needed behind SecDebugLogLevel/],
        'a selector'           => ['SecRule ARGS:/(/ x "id:1,pass"', qr/invalid regular expression "\("/],
        'a selector in a macro' => ['SecAction "id:1,pass,setvar:tx.a=%{ARGS:/(/}"', qr/invalid regular expression "\("/],
        'an operator'          => ['SecRule ARGS "@verifySSN (" "id:1,pass"', qr/invalid regular expression "\("/],
        'an operator with a macro' => ['SecRule ARGS "@rxGlobal %{ARGS.a}" "id:1,pass"', qr/\@rxGlobal cannot have variables/],
        'a phase'              => ['SecAction "id:1,pass,phase:2147483648"', qr/Unknown phase/],
    );
    for my $name (sort keys %rules) {
        my ($rules, $message) = $rules{$name}->@*;
        conf_refused(place("modsecurity_rules '\n$rules';"), qr/nginx\.conf:\d+, line 2 of the rules: $message/, $name);
    }
};

# libmodsecurity would read a part of the one, and wait for the other.
subtest 'rules that are no text' => sub {
    my $conf = conf_file('nul.conf', "SecRuleEngine On\n# \0\nSecNonsense On\n");
    conf_refused(place("modsecurity_rules_file $conf;"), qr{\Q$conf\E:2: a NUL octet stands here in }, 'a NUL');
    my $pipe = conf_file('pipes.conf', "\nInclude a.pipe\n") =~ s/pipes\.conf$/a.pipe/r;
    mkfifo($pipe, 0600) or die "mkfifo: $!";
    conf_refused(place('modsecurity_rules_file pipes.conf;'), qr{/pipes\.conf:2: \Q$pipe\E is a pipe in }, 'a pipe');
    conf_refused(place("modsecurity_rules_file $pipe;"), qr{\Q$pipe\E is a pipe in }, 'a pipe itself');
    conf_refused(place(q{modsecurity_rules 'SecRule ARGS "@pmFromFile } . $pipe . q{" "id:1,pass"';}),
        qr{line 1 of the rules: \Q$pipe\E is a pipe in }, 'a pipe of words');
};

# As by the usual connector: "@example\.com" is a pattern that somebody may well have written.
conf_accepted(place(q{modsecurity_rules 'SecRule ARGS "@nonsense x" "id:1,pass"';}), 'an unknown operator is a regular expression');

subtest 'an id twice' => sub {
    my ($a, $b) = map { qq{SecRule ARGS "\@rx $_" "id:17,phase:1,pass"\n} } qw(a b);
    conf_file('a.conf', $a);
    conf_file('b.conf', "# one\n$b");
    conf_file('both.conf', "$a\n$b");
    my $twice = qr/rule id 17 is duplicated, first at/;
    conf_refused('modsecurity_rules_file both.conf; server {}', qr{/both\.conf:3: $twice \S+/both\.conf:1 in}, 'in one file');
    conf_refused(place('modsecurity_rules_file a.conf; modsecurity_rules_file b.conf;'),
        qr{/b\.conf:2: $twice \S+/a\.conf:1 in}, 'in two files of one level');
    conf_refused('modsecurity_rules_file a.conf;' . place('modsecurity_rules_file b.conf;'),
        qr{/b\.conf:2: $twice \S+/a\.conf:1 in}, 'at two levels');
    conf_refused("modsecurity_rules_file a.conf;\n" . place("modsecurity_rules '\n$b';"),
        qr{nginx\.conf:\d+, line 2 of the rules: $twice \S+/a\.conf:1 in}, 'at two levels, one in place');
    conf_accepted('server { location /a { modsecurity_rules_file a.conf; } location /b { modsecurity_rules_file b.conf; } }',
        'beside each other');
};

subtest 'a file that cannot be written' => sub {
    conf_refused(place("modsecurity_rules 'SecAuditEngine On\nSecAuditLog /gone/audit.log';"), qr{/gone/audit\.log}, 'audit log');
    conf_refused(place("modsecurity_rules 'SecDebugLogLevel 9\nSecDebugLog /gone/debug.log';"), qr{/gone/debug\.log}, 'debug log');
};

done_testing;
