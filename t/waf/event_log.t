# modsecurity_event_log: a JSON object for each request that was refused or noticed, with all that
# has led to it, and without what nobody should read.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::Wire ();
use IO::Socket::UNIX ();
use JSON::PP ();
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', files => { 'html/page.html' => 'A page.' });
root html;
modsecurity on;
modsecurity_event_log logs/events.log;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS:q "@streq one" "id:1,phase:1,deny,msg:\'first\',severity:CRITICAL"
    SecRule ARGS "@contains warn" "id:2,phase:2,pass,log,msg:\'look\',logdata:\'saw %{MATCHED_VAR}\',setvar:tx.anomaly_score=+5"
    SecRule ARGS:q "@streq two" "id:3,phase:2,deny,msg:\'second\'"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"';
location / { proxy_pass APPLICATION; }
location /page/ { error_page 403 /page.html; proxy_pass APPLICATION:/; }
location /dry/  { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
location /off/  { modsecurity_event_log off; proxy_pass APPLICATION:/; }
location /own/  { modsecurity_event_log logs/own.log; proxy_pass APPLICATION:/; }
location /names/ { modsecurity_event_log logs/names.log redact=PIN,code; proxy_pass APPLICATION:/; }
location /syslog/ { modsecurity_event_log syslog:server=unix:$PREFIX/syslog.sock,tag=waf,severity=warn redact=pin; proxy_pass APPLICATION:/; }
location /stderr/ { modsecurity_event_log stderr; proxy_pass APPLICATION:/; }
location /quiet/ { modsecurity_use_error_log off; proxy_pass APPLICATION:/; }
location /where/ {
    modsecurity_event_log logs/where.log;
    modsecurity_rules 'SecRule REQUEST_HEADERS:Content-Type "@endsWith json" "id:11,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
        SecRule REQUEST_HEADERS:Content-Type "@endsWith plain" "id:12,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
        SecRule REQUEST_COOKIES|REQUEST_HEADERS:Referer "@contains warn" "id:13,phase:1,pass,log,logdata:%{MATCHED_VAR}"
        SecRule REQUEST_LINE "@contains whole" "id:14,phase:2,pass,log,logdata:%{MATCHED_VAR}"
        SecRule REQUEST_URI "@contains whole" "id:15,phase:2,pass,log,logdata:%{MATCHED_VAR}"
        SecRule REQUEST_URI_RAW "@contains whole" "id:16,phase:2,pass,log,logdata:%{MATCHED_VAR}"
        SecRule QUERY_STRING "@contains whole" "id:17,phase:2,pass,log,logdata:%{MATCHED_VAR}"
        SecRule REQUEST_BODY "@contains whole" "id:18,phase:2,pass,log,logdata:%{MATCHED_VAR}"';
    proxy_pass APPLICATION:/;
}
location /body/ {
    modsecurity_event_log logs/body.log redact=user-agent;
    modsecurity_rules 'SecRequestBodyLimit 100
        SecRequestBodyLimitAction Reject
        SecResponseBodyLimit 100
        SecResponseBodyLimitAction Reject
        SecRule REQUEST_HEADERS:Content-Type "@endsWith json" "id:21,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
        SecRule REQUEST_HEADERS:X-Mode "@streq detect" "id:22,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"
        SecRule REQUEST_HEADERS:X-Mode "@streq silent" "id:23,phase:2,deny,nolog,chain"
            SecRule REQBODY_ERROR "@eq 1" "t:none"
        SecRule REQBODY_ERROR "!@eq 0" "id:24,phase:2,deny,status:400,log,severity:EMERGENCY,tag:\'one\',tag:\'two\'"
        SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:25,phase:2,deny,status:400,log"
        SecRule ARGS:q "@streq chain" "id:26,phase:2,pass,log,severity:NOTICE,chain"
            SecRule ARGS:q "@rx ." "t:none"';
    proxy_pass APPLICATION:/;
}
location /block/ {
    modsecurity_event_log logs/block.log;
    modsecurity_rules 'SecDefaultAction "phase:1,log,deny"
        SecDefaultAction "phase:2,log,pass"
        SecRule ARGS:r "@streq block" "id:31,phase:1,block"
        SecRule ARGS:r "@streq block2" "id:32,phase:2,block"
        SecRule ARGS:r "@streq redirect" "id:33,phase:2,redirect:http://other.example/"
        SecRule ARGS:r "@streq drop" "id:34,phase:2,drop"
        SecRule ARGS:r "@streq allow" "id:35,phase:2,allow,log"
        SecRule ARGS:r "@streq late" "id:36,phase:5,deny,log"
        SecRule ARGS:r "@streq updated" "id:37,phase:2,pass,log"
        SecRuleUpdateActionById 37 "deny"
        SecRule ARGS:q "@streq block" "id:38,phase:2,pass,log"';
    modsecurity detect;
    proxy_pass APPLICATION:/;
}
location = /page.html { internal; }
END

my $count = 0;

sub event ($uri, @lines) {
    $waf->status($uri, @lines);
    return JSON::PP->new->utf8->decode(($waf->wait_lines('events.log', ++$count))[-1]);
}

subtest 'a refusal' => sub {
    my $event = event('/?q=two&a=warn', 'X-Any: thing');
    is_deeply [@{ $event->{event} }{qw(kind action outcome)}, $event->{event}{type}], ['alert', 'waf.blocked', 'failure', ['denied']], 'what';
    like $event->{'@timestamp'}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'when';
    is_deeply [$event->{url}{path}, $event->{url}{domain}, $event->{http}{request}{method}, $event->{http}{response}{status_code}],
        ['/', 'localhost', 'GET', 403], 'of which request';
    is $event->{score}, 5, 'the score';
    is_deeply [map { [@$_{qw(id description phase)}] } $event->{rules}->@*], [[2, 'look', 2], [3, 'second', 2]], 'each rule';
    is_deeply [@{ $event->{rules}[0] }{qw(variable data)}], ['ARGS:a', 'saw warn'], 'and what it matched';
    my $id = $event->{http}{request}{id};
    like $waf->log, qr/\[id "3"\].*\[unique_id "\Q$id\E"\]/, 'the id of the error log';
};

subtest 'other endings' => sub {
    is event('/?a=warn')->{event}{action}, 'waf.detected', 'noticed';
    is event('/dry/?q=one')->{event}{action}, 'waf.detected', 'a dry run';
    is event('/header')->{rules}[0]{id}, 4, 'phase 3';
    is event('/secret')->{rules}[0]{id}, 5, 'phase 4';
    is event('/quiet/?q=one')->{rules}[0]{id}, 1, 'whatever the error log has';
    my $event = event('/page/?q=one');
    is_deeply [$event->{url}{path}, $event->{http}{response}{status_code}], ['/page/', 403], 'an error page';
};

subtest 'nothing to say' => sub {
    $waf->status($_) for '/', '/?q=x', '/off/?q=one', '/page.html';
    is event('/?q=one')->{rules}[0]{id}, 1, 'no line for others';
};

subtest 'a refusal that no rule has brought about' => sub {
    my $event = event('/some#token=abc');
    is_deeply [@{ $event->{event} }{qw(action reason)}, $event->{rules}, $event->{http}{response}{status_code}],
        ['waf.blocked', 'there is a "#" in the path', [], 400], 'has a reason';
    is $event->{url}{path}, '/some', 'without the fragment';
};

# The events of a log, at least so many.
sub events ($name, $count) {
    return map { JSON::PP->new->utf8->decode($_) } $waf->wait_lines($name, $count);
}

subtest 'a body' => sub {
    my ($json, $form) = ('Content-Type: application/json', 'Content-Type: application/x-www-form-urlencoded');
    my $part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\n--b--\n";
    my $large = 'a=' . 'x' x 200;
    $waf->post('/body/', @$_) for [$large, $form], ['{"a": ', $json], ['{"a": ', $json, 'X-Mode: silent'],
        [$part, 'Content-Type: multipart/form-data; boundary=b'], [$large, $form, 'X-Mode: detect'], ['{"a": ', $json, 'X-Mode: detect'];
    my @events = events('body.log', 6);
    my $limit  = 'the request body exceeds SecRequestBodyLimit';
    is_deeply [map { [$_->{event}{action}, $_->{event}{reason}, [map { $_->{id} } $_->{rules}->@*]] } @events[0, 4]],
        [['waf.blocked', $limit, []], ['waf.detected', $limit, []]], 'a limit';
    like $_->{event}{reason}, qr/^REQBODY_ERROR: JSON parsing error: ./, 'a parser' for @events[1, 2, 5];
    like $events[3]{event}{reason}, qr/^(?:MULTIPART_STRICT_ERROR|REQBODY_ERROR: Multipart parsing error)/, 'a flag';
    is_deeply [map { [map { $_->{id} } $_->{rules}->@*] } @events[1, 2, 5]], [[24], [], [24]], 'and the rule';
    is_deeply [map { $_->{event}{would_have_been_blocked} ? 'yes' : 'no' } @events[4, 5]], [('yes') x 2], 'detected, would be blocked';
    ok !exists $events[0]{event}{would_have_been_blocked}, 'blocked, was blocked';
    $waf->get('/body/files/page.html', 'X-Mode: detect');
    $waf->get('/body/?q=chain', 'User-Agent: tester');
    my ($event) = grep { $_->{rules}->@* && $_->{rules}[0]{id} == 26 } events('body.log', 7);
    is_deeply [$event->{rules}[0]{severity}, $event->{user_agent}], [5, { original => '(redacted)' }], 'severity of a chain; a user agent that is not written';
    is_deeply [$events[1]{rules}[0]{severity}, $events[1]{rules}[0]{tags}], [0, ['one', 'two']], 'an emergency, with tags';
};

subtest 'what would have been' => sub {
    my @rules = qw(block block2 redirect drop allow late updated);
    $waf->get("/block/?r=$_", "User-Agent: a \"b\" \xff" . 'x' x 1000) for @rules;
    my %blocked = map { my $event = $_; map { ($_->{id} => $event->{event}{would_have_been_blocked} ? 1 : 0) } $event->{rules}->@* }
        my @events = events('block.log', scalar @rules);
    is_deeply \%blocked, { 31 => 1, 32 => 0, 33 => 1, 34 => 1, 35 => 0, 36 => 0, 37 => 1 }, 'blocked';
    ok !exists $events[0]{rules}[0]{severity}, 'no severity';
    is length $events[0]{user_agent}{original}, 512, 'a user agent';
};

subtest 'a log of its own' => sub {
    $waf->status('/own/?q=one');
    like +($waf->wait_lines('own.log', 1))[0], qr/"path":"\/own\/"/, 'has it';
    unlike slurp($waf->file('logs/events.log')), qr{/own/}, 'and not the other';
};

subtest 'syslog' => sub {
    my $path   = $waf->file('syslog.sock');
    my $server = IO::Socket::UNIX->new(Type => IO::Socket::SOCK_DGRAM(), Local => $path) or die "$path: $!";
    chmod 0777, $path;
    for my $n (1 .. 2) {
        $waf->status("/syslog/?q=one&n=$n");
        Gatehouse::Wire::wait_readable($server, 'message of syslog');
        $server->recv(my $message, 65536);
        my ($head, $json) = $message =~ /\A(.*? waf: )(\{.*\})\z/s;
        like $head, qr/^<188>\w{3} [ \d]\d [\d:]{8} \S+ waf: $/, "message $n: its head";
        is JSON::PP->new->utf8->decode($json)->{rules}[0]{id}, 1, 'the event';
    }
    close $server;
    unlink $path;
    $waf->status('/syslog/?q=one');
    $waf->wait_log(qr/\[warn\] .*send\(\) to syslog failed|\[alert\].*syslog/);
};

subtest 'what nobody should read' => sub {
    my $event = event('/?password=warn-hunter2');
    is $event->{rules}[0]{variable}, 'ARGS:password', 'a password';
    is $event->{rules}[0]{data}, '(redacted)', 'is not written';
    unlike slurp($waf->file('logs/events.log')), qr/hunter2/, 'nowhere';
    $waf->status("/names/?$_=warn-hunter2") for qw(pin Code token other);
    my @data = map { JSON::PP->new->utf8->decode($_)->{rules}[0]{data} } $waf->wait_lines('names.log', 4);
    is_deeply \@data, [('(redacted)') x 3, 'saw warn-hunter2'], 'redact: these as well, however they are spelled';
};

subtest 'wherever it is' => sub {
    my $json = 'Content-Type: application/json';
    my ($referer, $field) = ('Referer: http://site.test/?a=warn', 'Content-Type: text/plain');
    $waf->post('/where/', @$_) for ['{"user": {"password": "warn-hunter2"}}', $json], ['{"token": {"new": "warn-hunter2"}}', $json],
        ['{"passwords": "warn"}', $json], ['password=hunter2, whole', $field], ['passphrase=?, whole', $field];
    $waf->status('/where/', $_) for 'Cookie: session=warn-hunter2', "$referer&token=hunter2", $referer;
    $waf->status("/where/?$_") for 'user%5Bpassword%5D=warn-hunter2', 'whole=1&Secret=hunter2', 'whole=1', 'a' x 600 . '.password=warn-hunter2';
    my @rules = map { JSON::PP->new->utf8->decode($_)->{rules}->@* } $waf->wait_lines('where.log', 12);
    my $no = '(redacted)';
    is_deeply [map { substr("$_->{variable}: ", 0, 40) . $_->{data} } @rules], [
        "ARGS:json.user.password: $no", "ARGS:json.token.new: $no", 'ARGS:json.passwords: saw warn',
        "REQUEST_BODY: $no", 'REQUEST_BODY: passphrase=?, whole',
        "REQUEST_COOKIES:session: $no", "REQUEST_HEADERS:Referer: $no", 'REQUEST_HEADERS:Referer: http://site.test/?a=warn',
        "ARGS:user[password]: $no",
        (map { "$_: $no" } qw(REQUEST_LINE REQUEST_URI REQUEST_URI_RAW QUERY_STRING)),
        'REQUEST_LINE: GET /where/?whole=1 HTTP/1.1', 'REQUEST_URI: /where/?whole=1', 'REQUEST_URI_RAW: /where/?whole=1', 'QUERY_STRING: whole=1',
        'ARGS:' . 'a' x 35 . $no,
    ], 'the name is a part of another, or among the data';
    unlike slurp($waf->file('logs/where.log')), qr/hunter2/, 'nowhere';
};

subtest 'what cannot be written as it is' => sub {
    is event("/?a=warn%22%0a%7d")->{rules}[0]{id}, 2, 'quotes, line ends';
    is event("/?a=warn%ff%fe")->{rules}[0]{data}, 'saw warn??', 'octets that are no UTF-8';
    cmp_ok length event('/?a=warn' . 'x' x 3000)->{rules}[0]{data}, '<=', 512, 'much of it';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
