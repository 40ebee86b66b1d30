# One configuration, written for the usual connector, and nothing but load_module differs: each request
# has the same status, the same Location and the same body, the same rules have matched it, in the
# error log and in the audit log of its location, and the debug log has seen the same phases. What the
# connector gets wrong is left out here; defects*.t and audit.t have it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::Wire qw(h2_start h2_get);
use JSON::PP ();
use Test::More;

plan skip_all => 'the usual connector fits the packaged nginx only' unless Gatehouse::Waf::connector_fits();

my $http = <<'END';
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html text/plain
    SecRequestBodyNoFilesLimit 10000000
    SecDefaultAction "phase:1,log,auditlog,pass"
    SecDefaultAction "phase:2,log,auditlog,deny,status:406"';
modsecurity_rules_file $PREFIX/site.conf;
modsecurity_transaction_id "gate-$http_x_id";
server {
    listen unix:$PREFIX/nginx.sock;
    server_name own;
    modsecurity on;
    location /own/all/ {
        modsecurity_rules 'SecAuditEngine On
            SecAuditLogParts ABFHZ
            SecAuditLogFormat JSON
            SecAuditLog $PREFIX/logs/all.log
            SecDebugLog $PREFIX/logs/debug.log
            SecDebugLogLevel 4
            SecRule ARGS:q "@streq own" "id:71,phase:2,deny,status:410"';
        proxy_pass APPLICATION:/;
    }
    location /own/text/ {
        modsecurity_rules 'SecAuditEngine RelevantOnly
            SecAuditLogParts ABCHZ
            SecAuditLog $PREFIX/logs/text.log';
        proxy_pass APPLICATION:/;
    }
}
END
my $site = "Include rules-*.conf\n";
my $denials = <<'END';
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@contains xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@streq text/plain" "id:3,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
SecRule REQBODY_ERROR "!@eq 0" "id:4,phase:2,deny,status:400,msg:'unreadable: %{reqbody_error_msg}'"
SecRule ARGS_GET:q "@streq one" "id:11,phase:1,deny,status:405,msg:'first',tag:'t/one',severity:CRITICAL"
SecRule ARGS_GET:q "@streq away1" "id:12,phase:1,redirect:http://other.example/1?a=b&c=d"
SecRule ARGS_GET:q "@streq moved1" "id:13,phase:1,status:301,redirect:http://other.example/"
SecRule ARGS_GET:q "@streq dropped" "id:14,phase:1,deny"
SecRule ARGS:q "@streq two" "id:21,phase:2,deny,msg:'second'"
SecRule ARGS:q "@streq away2" "id:22,phase:2,redirect:http://other.example/2"
SecRule ARGS:q "@streq block" "id:23,phase:2,block"
SecRule ARGS:q "@streq silent" "id:24,phase:2,deny,nolog"
SecRule ARGS:q "@streq unaudited" "id:25,phase:2,deny,noauditlog"
SecRule FILES "@endsWith .php" "id:26,phase:2,deny,status:403"
SecRule XML:/*|ARGS:json.q|REQUEST_BODY "@contains top secret" "id:27,phase:2,deny,status:403"
SecRule ARGS:q "@streq chain" "id:28,phase:2,deny,chain"
    SecRule REQUEST_METHOD "@streq POST" "t:none"
SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:31,phase:3,deny,status:403"
SecRule RESPONSE_STATUS "@streq 500" "id:32,phase:3,pass,log,msg:'it fails'"
SecRule RESPONSE_BODY "@contains top secret" "id:41,phase:4,deny"
SecRule RESPONSE_BODY "@contains works" "id:42,phase:4,pass,log,msg:'seen'"
SecRule ARGS:q "@streq five" "id:51,phase:5,pass,log,msg:'at the end'"
END
my $scores = <<'END';
SecRule ARGS:q "@rx ^(?:skip|allow)$" "id:61,phase:1,pass,nolog,skipAfter:END_OF_SCORES"
SecRule ARGS "@contains select" "id:62,phase:2,pass,capture,t:lowercase,logdata:'%{matched_var}',setvar:tx.score=+3"
SecRule ARGS "@contains union" "id:63,phase:2,pass,t:lowercase,setvar:tx.score=+3"
SecRule TX:score "@ge 5" "id:64,phase:2,deny,status:403,msg:'score %{tx.score}'"
SecMarker END_OF_SCORES
SecRule ARGS:q "@streq allow" "id:65,phase:1,allow"
END
my $server = <<'END';
listen unix:$PREFIX/http2.sock http2;
root html;
client_body_buffer_size 16k;
client_max_body_size 0;
proxy_http_version 1.1;
server_name localhost;
modsecurity on;
modsecurity_rules 'SecAuditEngine RelevantOnly
    SecAuditLogRelevantStatus "^(?:5|4(?!04))"
    SecAuditLogParts ABCFHIZ
    SecAuditLogFormat JSON
    SecAuditLog $PREFIX/logs/site.log';
location / { proxy_pass APPLICATION; }
location /static/ { alias html/; }
location = /auth { auth_request /allowed; proxy_pass APPLICATION:/; }
location = /allowed { internal; modsecurity off; return 204; }
location = /file { client_body_in_file_only clean; proxy_pass APPLICATION:/; }
location = /return { return 200 "returned\n"; }
location = /rewrite { rewrite ^ / break; proxy_pass APPLICATION; }
location /page/ { error_page 405 406 /static/sorry.html; proxy_pass APPLICATION:/; }
location = /limited { modsecurity_rules 'SecRequestBodyLimit 20000
    SecRequestBodyLimitAction Reject'; proxy_pass APPLICATION:/; }
location = /partial { modsecurity_rules 'SecRequestBodyLimit 20000
    SecRequestBodyLimitAction ProcessPartial'; proxy_pass APPLICATION:/; }
location /detect/ { modsecurity_rules 'SecRuleEngine DetectionOnly'; proxy_pass APPLICATION:/; }
location /off/ { modsecurity off; proxy_pass APPLICATION:/; }
location /engine/off/ { modsecurity_rules 'SecRuleEngine Off'; proxy_pass APPLICATION:/; }
location /without/ { modsecurity_rules 'SecRuleUpdateTargetById 62 "!ARGS:text"
    SecRuleRemoveById 11 20-29'; proxy_pass APPLICATION:/; }
END

my %type = (form => 'application/x-www-form-urlencoded', json => 'application/json', xml => 'text/xml', text => 'text/plain',
    file => 'multipart/form-data; boundary=x');

sub form ($size, $q) { return 'a=' . ('x' x $size) . "&q=$q" }
sub upload ($name) { return join "\r\n", '--x', qq(Content-Disposition: form-data; name="f"; filename="$name"), '', 'content', '--x--', '' }

# METHOD URI, then what the body is and the body.
my @words = qw(none one two away1 away2 moved1 dropped block silent unaudited chain five);
my @gets  = (
    map({ my $uri = $_; map { "$uri?q=$_" } @words } qw(/ /static/index.html)),
    map({ "/return?q=$_" } qw(none one away1)),
    map({ "/rewrite?q=$_" } qw(none one two)),
    map({ my $uri = $_; map { "$uri/?q=$_" } qw(none one two) } qw(/detect /off /engine/off /without /own/all /own/text /page)),
    qw(/own/all/?q=own /none /static/none /static/none?q=two /header /detect/header /fails),
    qw(/secret /detect/secret /off/secret /files/index.html),
    qw(/?q=a%20SELECT /?q=SELECT%20a%20UNION /?q=skip&a=select /?q=allow&a=select%20union&b=two),
    qw(/without/?text=select%20union /detect/?q=select%20union),
    qw(/%2e%2e/?q=%00one /?q=o%6ee /a//b/../?q=two), '/?' . 'a=b&' x 300 . 'q=two',
);
my @requests = (
    map({ ["GET $_"] } @gets),
    map({ ["HEAD $_"] } qw(/ /?q=one /?q=two /static/index.html /static/index.html?q=two /secret /header)),
    map({ (["$_ /", form => form(0, 'two')], ["$_ /?q=one"], ["$_ /", form => form(0, 'none')]) }
        qw(POST PUT PATCH DELETE OPTIONS PROPFIND)),
    map({ my $size = $_; map { my $uri = $_; map { ["POST $uri", form => form($size, $_)] } qw(none two) }
        qw(/ /auth /file /page/) } 100, 15_000, 40_000, 300_000),
    map({ my $size = $_; map { ["POST / chunked", form => form($size, $_)] } qw(none two away2) } 100, 40_000),
    map({ (["POST $_", form => form(100, 'two')], ["POST $_", form => form(40_000, 'two')],
        ["POST $_", form => 'q=two&' . form(40_000, 'none')], ["POST $_ chunked", form => form(40_000, 'two')]) }
        qw(/limited /partial)),
    map({ ['POST /', @$_] }
        [json => '{"q": "fine"}'], [json => '{"q": "top secret"}'], [json => '{"q": '],
        [xml => '<a>fine</a>'], [xml => '<a>top secret</a>'], [xml => '<a>'],
        [text => 'fine'], [text => 'top secret'], [file => upload('a.txt')], [file => upload('a.php')], [file => '--x'],
        [form => ''], [form => '%zz&q=two&&=']),
    ['POST /static/index.html', form => 'q=two'], ['POST /?q=one', form => 'q=two'],
    ['POST /own/all/', form => 'q=own'], ['POST /own/text/', form => 'q=two'],
);

sub head ($i) {
    my ($method, $uri, $chunked) = split ' ', $requests[$i][0];
    return ($method, $uri, "X-Id: $i", $uri =~ m{^/own} ? 'Host: own' : (), $chunked ? 'Transfer-Encoding: chunked' : ());
}

# Status, Location and body of each.
sub answers ($waf) {
    my @answers;
    for my $i (keys @requests) {
        my ($what, $type, $body) = $requests[$i]->@*;
        my @head = head($i);
        push @head, "Content-Type: $type{$type}", \($what =~ / chunked/ ? Gatehouse::Waf::chunked($body, 1000) : $body) if defined $body;
        my $answer = $waf->ask(@head);
        push @answers, join ' ', $answer->{status}, ($answer->{headers}{location} // [])->@*, $answer->{body} // '';
    }
    return @answers;
}

# The rules that the error log names, by transaction, in their order.
sub logged ($waf) {
    my ($log, %logged) = $waf->log;
    push $logged{$2}->@*, $1 while $log =~ /ModSecurity: .*\[id "(\d+)"\].*\[unique_id "gate-([^"]*)"\]/mg;
    return map { join ',', ($logged{$_} // [])->@* } keys @requests;
}

# Of each entry of an audit log what it says of the request, and its rules.
sub audited ($waf, $log) {
    my %entries;
    for my $line ($waf->wait_lines($log, 1)) {
        my $entry = JSON::PP->new->decode($line)->{transaction};
        my ($id) = $entry->{unique_id} =~ /(\d+)$/ or next;
        my $request = $entry->{request};
        push $entries{$id}->@*, join ' ', $entry->{response}{http_code}, @$request{qw(method uri http_version)},
            map({ "$_=$request->{headers}{$_}" } sort keys $request->{headers}->%*), length($request->{body} // ''),
            'rules', map { "$_->{details}{ruleId}:$_->{message}" } $entry->{messages}->@*;
    }
    return map { join '; ', ($entries{$_} // [])->@* } keys @requests;
}

# The same of one that is text, without what differs between any two runs.
sub texts ($waf) {
    my %entries;
    for my $entry (slurp($waf->file('logs/text.log')) =~ /(^-+\w+-+A--\n.*?-Z--\n)/msg) {
        my ($id) = $entry =~ / gate-(\d+) / or next;
        $entries{$id} .= $entry =~ s/^-+\w+-+(\w--)$/$1/mgr =~ s/^\[[^\]]*\]//mr =~ s{/\S*/nginx-\w+/}{}gr;
    }
    return map { $entries{$_} // '' } keys @requests;
}

# How often the debug log has seen a phase begin, by transaction.
sub debugged ($waf) {
    my ($log, %phases) = slurp($waf->file('logs/debug.log'));
    $phases{$1} .= "$2 " while $log =~ /^\[gate-(\d+)\] .*\[4\] Starting phase (\w+)/mg;
    return map { $phases{$_} // '' } keys @requests;
}

# Requests on one connection, and on one of HTTP/2: there, 200 or not.
sub kept ($waf) {
    my @asked = map { "GET /?q=$_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } qw(none one two none block none);
    push @asked, map { "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: $type{form}\r\nContent-Length: 6\r\n\r\nq=$_" } qw(none two! four), "two\n";
    my $client = Gatehouse::Wire::client(join('', @asked), $waf->file('nginx.sock'));
    my @statuses = map { $client->response->{status} } @asked;
    $client->leave;
    my $http2 = Gatehouse::Wire::client(h2_start() . h2_get(1, '/?q=none') . h2_get(3, '/?q=one') . h2_get(5, '/?q=two'), $waf->file('http2.sock'));
    my %fine = map { $http2->h2_response } 1 .. 3;
    $http2->leave;
    return join ' ', @statuses, @fine{1, 3, 5};
}

my %seen;
for my $waf (Gatehouse::Waf->beside($server, http => $http, files => {
    'site.conf' => $site, 'rules-1.conf' => $denials, 'rules-2.conf' => $scores,
    'html/index.html' => "A page.\n", 'html/sorry.html' => "Sorry.\n" })) {
    my %own = (answers => [answers($waf)], kept => [kept($waf)]);
    is $waf->stop, 0, $waf->name . ': nginx ends';
    $own{logged}  = [logged($waf)];
    $own{debugged} = [debugged($waf)];
    $own{$_} = [audited($waf, "$_.log")] for qw(site all);
    $own{text} = [texts($waf)];
    $seen{ $waf->name } = \%own;
}

# What the connector gets wrong (audit.t, defects_refusals.t): it inspects a refused request once more
# on its way to the error page, and the page; its entries say 200 of redirects in phase 1, and 403
# where 200 was sent before the connection was cut.
my %wrong = (
    logged   => qr{/page/.* => 40[56]$},
    site     => qr{/page/.* => 40[56]$|[?]q=(?:away|moved)1 |=> cut$},
    debugged => qr{ => 4..$},
);

for my $what (sort keys $seen{module}->%*) {
    my ($ours, $theirs) = map { $_->{$what} } @seen{qw(module connector)};
    my @unlike = grep { $ours->[$_] ne $theirs->[$_] } keys @$theirs;
    my @names  = map { "$requests[$_][0] => " . $seen{module}{answers}[$_] =~ s/ .*//sr } keys @requests;
    @unlike = grep { $names[$_] !~ $wrong{$what} } @unlike if $wrong{$what};
    is join("\n", map { "$names[$_]: $ours->[$_]" } @unlike), join("\n", map { "$names[$_]: $theirs->[$_]" } @unlike), $what;
    cmp_ok scalar(grep { length } @$ours), '>', $what eq 'kept' ? 0 : 2, "$what: there is something to compare";
}
is scalar $seen{module}{answers}->@*, 160, 'requests';

done_testing;
