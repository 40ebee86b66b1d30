# gatehouse-waf exclude: from the event log and from a request, for all rules at once, and for paths
# and names that stand for others. What is printed is loaded, and lets the request pass and no other.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::WafTool qw(available in_files spew tool tool_errors);
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

my $rules = <<'RULES';
SecRule REQUEST_HEADERS:Content-Type "@beginsWith application/json" "id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule ARGS "@contains attack" "id:11,phase:2,block,log,msg:'An attack',setvar:tx.anomaly_score=+5"
SecRule ARGS "@contains tack" "id:12,phase:2,block,log,msg:'A tack',setvar:tx.anomaly_score=+5"
SecRule ARGS:r "@contains stop" "id:13,phase:2,deny,log"
SecRule TX:ANOMALY_SCORE "@ge 5" "id:949110,phase:2,deny,log,msg:'Too much'"
RULES
my $engine = "SecRuleEngine On\nSecRequestBodyAccess On\n" . join '', map { qq{SecDefaultAction "phase:$_,log,pass"\n} } 1, 2;
my $files = in_files('rules.conf' => "$engine$rules", 'with.conf' => $engine . "Include front.conf\n${rules}Include behind.conf\n");

# As a browser sends it.
sub request ($uri, $type, $body) { return "POST $uri HTTP/1.1\nHost: shop.example:8080\nContent-Type: $type\n\n$body\n" }
my $form = 'application/x-www-form-urlencoded';

# The verdict with what was printed, put where it says that it belongs.
sub verdict ($printed, $request) {
    my @parts = split /^(?=# False positive)/m, $printed;
    spew("$files/front.conf", join '', "# Exclusions.\n", grep { !/^# Belongs behind/m } @parts);
    spew("$files/behind.conf", join '', "# Exclusions.\n", grep { /^# Belongs behind/m } @parts);
    spew("$files/other.http", $request);
    my ($status, $output) = tool($files, qw(test --rules with.conf --request other.http));
    return $output =~ /^verdict (\w+)/m ? $1 : $output;
}

sub excluded ($request, @options) {
    spew("$files/request.http", $request);
    return tool_errors($files, qw(exclude --rules rules.conf --request request.http), @options);
}

subtest 'from a request' => sub {
    my $request = request('/search', $form, 'q=attack&p=attack&r=stop');
    my ($status, $printed, $errors) = excluded($request, '--all');
    is $status, 0, 'until it passes';
    like $errors, qr/^gatehouse-waf: rule 949110 is not excluded: it judges/m, 'what is not excluded is named';
    unlike $errors, qr/in spite/, '... and is not needed';
    is verdict($printed, $request), 'passed', 'it does';
    is verdict($printed, request('/search', $form, 's=attack')), 'blocked', 'another parameter does not';
    is verdict($printed, request('/other', $form, 'q=attack')), 'blocked', 'nor another path';
    is verdict('', $request), 'blocked', 'nor without';
    ($status, $printed) = excluded($request, '--rule', 13);
    is $status, 0, 'one rule';
    is_deeply [$printed =~ /RemoveTargetById=(\S+)"/g], ['13;ARGS:r'], 'and no other';
    ($status, $printed, $errors) = excluded(request('/', $form, 'q=fine'), '--all');
    is "$status $printed$errors", "2 gatehouse-waf: the request passes: there is nothing to exclude\n", 'nothing to do';
    ($status, $printed, $errors) = excluded($request =~ s/^Host.*\n//mr, '--all');
    like "$status $errors", qr/^2 .*does not tell the host for certain.*in spite of that$/s, 'what cannot be done';
    my $many = request('/many', $form, join '&', map { "p$_=attack" } 1 .. 120);
    spew("$files/blocking.conf", "${engine}SecRule ARGS \"\@contains attack\" \"id:11,phase:2,deny,log\"\n");
    spew("$files/request.http", $many);
    ($status, $printed, $errors) = tool_errors($files, qw(exclude --rules blocking.conf --request request.http --all));
    like "$status $errors", qr/^1 .*still blocked after 100 rounds: run it again/s, 'more than its rounds: no success';
};

subtest 'paths with ids' => sub {
    my $of = sub ($path) { return request($path, $form, 'q=attack') };
    my @ids = ('/orders/17/items', '/a.b/0190b2a4-6b1f-7cc3-98c4-dc0c0c07398f', '/file/5d41402abc4b2a76b9719d911017c592.png/5d41402abc4b2a76b9719d911017c592');
    my @like = ('/orders/4/items', '/a.b/11111111-2222-3333-4444-555555555555', '/file/5d41402abc4b2a76b9719d911017c592.png/0123456789abcdef');
    my @unlike = ('/orders/17x/items', '/aXb/0190b2a4-6b1f-7cc3-98c4-dc0c0c07398f', '/file/5d41402abc4b2a76b9719d911017c592.png/word');
    for my $i (keys @ids) {
        my (undef, $printed) = excluded($of->($ids[$i]), '--all', '--any-id');
        is verdict($printed, $of->($_->[0])), $_->[1], "$ids[$i]: $_->[0]"
            for ["$ids[$i]%0a", 'blocked'], [$ids[$i], 'passed'], [$like[$i], 'passed'], [$unlike[$i], 'blocked'], ["/x$ids[$i]", 'blocked'], ["$ids[$i]/x", 'blocked'];
        (undef, $printed) = excluded($of->($ids[$i]), '--all');
        is verdict($printed, $of->($like[$i])), 'blocked', '... and without the option no other id';
    }
};

subtest 'names' => sub {
    my $of = sub ($json) { return request('/', 'application/json', $json) };
    my $request = $of->('{"items": [{"name": "attack"}, {"name": "attack"}], "a b/\u0022|,x": "attack"}');
    my ($status, $printed, $errors) = excluded($request, '--all');
    like "$status $errors", qr/cannot exclude a variable with such a name for a path: .*--everywhere/, 'what ctl cannot express';
    ($status, $printed, $errors) = excluded($request, '--all', '--everywhere');
    is $status, 0, 'as a regular expression';
    like $printed, qr/^# Belongs behind the rules\. Holds for every host and path/m, 'which says where it holds';
    is verdict($printed, $request), 'passed', 'it passes';
    is verdict($printed, $of->('{"items": [1, 2, 3, {"name": "attack"}]}')), 'passed', 'with any index';
    is verdict($printed, $of->('{"items": [{"other": "attack"}]}')), 'blocked', 'but no other name';
    is verdict($printed, $of->('{"items": {"name": "attack"}}')), 'blocked', 'nor without an array';
    is verdict($printed, $of->('{"items": [{"NAME": "attack"}]}')), 'blocked', 'nor in capitals';
    is verdict($printed, $of->('{"items": [{"name\\n": "attack"}]}')), 'blocked', 'nor with a line end';
};

subtest 'from the event log' => sub {
    my $waf = Gatehouse::Waf->new(<<"END");
modsecurity on;
modsecurity_event_log logs/events.log;
modsecurity_transaction_id \$request_id;
modsecurity_rules_file $files/rules.conf;
location / { proxy_pass APPLICATION; }
END
    $waf->ask('POST', '/a/7?p=attack', 'Host: Shop.example:8080', "Content-Type: $form", \'q=attack');
    $waf->ask('GET', '/b?q=attack', 'Host: shop.example');
    my @events = $waf->wait_lines('events.log', 2);
    is $waf->stop, 0, 'nginx ends';
    spew("$files/events.log", join '', map { "$_\n" } @events);
    my @ids = map { /"request":\{"id":"([^"]+)"/ } @events;
    my ($status, $printed, $errors) = tool_errors($files, qw(exclude --from events.log --all --transaction), $ids[0]);
    is $status, 0, 'all rules of a transaction';
    is verdict($printed, request('/a/7', $form, 'x=y')), 'passed', 'they load';
    like $printed, qr/^SecRule SERVER_NAME "\@streq shop\.example"/m, 'the host as events have it';
    is verdict($printed, "GET /a/7?$_=attack HTTP/1.1\nHost: SHOP.example:8080\n\n"), 'passed', "what the event has: $_" for $printed =~ /RemoveTargetById=11;ARGS:(\w+)/g;
    is verdict($printed, "GET /b?q=attack HTTP/1.1\nHost: shop.example\n\n"), 'blocked', 'not the other one';
    my $of_header = (excluded(request('/a/7', $form, 'q=attack'), '--rule', 11))[1];
    my $of_name = (tool_errors($files, qw(exclude --from events.log --rule 11 --transaction), $ids[0]))[1];
    unlike $of_name, qr/id:\Q@{[$of_header =~ m{"id:(\d+)}]}\E,/, 'host and name of a server have exclusions of different ids';
    ($status, $printed, $errors) = tool_errors($files, qw(exclude --from events.log --all));
    like "$status $errors", qr/^2 .*there are several transactions; choose by --transaction, \Q$ids[0]\E or \Q$ids[1]\E/s, 'which of them';
    ($status, $printed) = tool_errors($files, qw(exclude --from events.log --rule 12 --transaction), $ids[1]);
    like "$status $printed", qr/^0 .*ctl:ruleRemoveTargetById=12;ARGS:q"$/ms, 'one rule';
    spew("$files/long.log", $events[1] =~ s/"path":"[^"]+"/'"path":"' . 'a' x 512 . '"'/er . "\n");
    ($status, $printed, $errors) = tool_errors($files, qw(exclude --from long.log --rule 12));
    like "$status $errors", qr/^2 .*does not have the whole path/, 'a path that was cut';
};

subtest 'from the error log' => sub {
    for my $waf (Gatehouse::Waf->beside(<<"END")) {
modsecurity on;
modsecurity_transaction_id \$request_id;
modsecurity_rules_file $files/rules.conf;
location / { proxy_pass APPLICATION; }
END
        my $module = $waf->name;
        $waf->ask('GET', '/a?q=attack&r=tack', 'Host: Shop.example:8080');
        $waf->ask('GET', '/b?q=attack&s=,+host:+%22evil%22,+host:+%22', 'Host: shop.example');
        is $waf->stop, 0, "$module: nginx ends";
        spew("$files/error.log", $waf->log);
        my @ids = do { my %seen; grep { !$seen{$_}++ } $waf->log =~ /\[unique_id "([^"]+)"\]/g };
        is scalar @ids, 2, 'two transactions';
        my ($status, $printed, $errors) = tool_errors($files, qw(exclude --from error.log --all --transaction), $ids[0]);
        is $status, 0, 'all rules of one';
        like $printed, qr/^SecRule REQUEST_HEADERS:Host "\@streq Shop\.example:8080" .*SecRule REQUEST_FILENAME "\@streq \/a"/ms, 'for that host and path';
        is verdict($printed, "GET /a?q=fine HTTP/1.1\nHost: Shop.example:8080\n\n"), 'passed', 'they load';
        is verdict($printed, "GET /b?q=attack HTTP/1.1\nHost: shop.example\n\n"), 'blocked', 'not for another path';
    }
    my $line = sub ($data, $request) {
        return qq{2026/12/01 00:00:00 [error] 1#1: *1 [client 127.0.0.1] ModSecurity: Access denied with code 403 (phase 2). Matched "Operator `Contains' with parameter `tack' against variable `ARGS:q' (Value: `x' ) }
            . qq{[file "/none"] [line "1"] [id "12"] [msg "A"] [data "$data"] [hostname "127.0.0.1"] [uri "/x"] [unique_id "7"], client: 127.0.0.1, server: a, request: "$request", host: "shop.example"\n};
    };
    my %forged = ('a host' => ['a, host: "evil.example"', 'GET /x HTTP/1.1'], 'a path' => ['a, request: "GET /y HTTP/1.1"', 'GET /x HTTP/1.1'], 'an id' => ['a"] [id "13', 'GET /x HTTP/1.1']);
    for my $what (sort keys %forged) {
        spew("$files/error.log", $line->($forged{$what}->@*));
        is +(tool_errors($files, qw(exclude --from error.log --rule 12)))[0], 2, "$what that a client may have forged";
    }
    spew("$files/error.log", $line->('a', 'GET /x HTTP/1.1'));
    is +(tool_errors($files, qw(exclude --from error.log --rule 12)))[0], 0, 'and one that it has not';
};

subtest 'wrong options' => sub {
    for my $arguments (['--rule', 11], [qw(--rules rules.conf --all)], [qw(--from a --rules rules.conf --request b --all)],
        [qw(--from a)], [qw(--from a --rule 1 --all)], [qw(--from a --rule x)], [qw(--from a --all --id 1000000)], [qw(--rules rules.conf --request request.http --all --client me)]) {
        my ($status, undef, $errors) = tool_errors($files, 'exclude', @$arguments);
        is $status, 2, "@$arguments";
        like $errors, qr/^usage: /m, '... and how it is used';
    }
};

done_testing;
