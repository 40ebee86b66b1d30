# The audit and debug logs that rules ask for: at each place its own, complete whatever became of the
# request, and written anew by an engine that has been reloaded.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', files => { 'html/page.html' => 'A page.' });
modsecurity on;
modsecurity_transaction_id "gate-$http_x_id";
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecAuditEngine RelevantOnly
    SecAuditLogRelevantStatus "^(?:5|4(?!04))"
    SecAuditLogFormat JSON
    SecAuditLogParts ABCEFHIZ
    SecAuditLog $PREFIX/logs/server.log
    SecRule ARGS:q "@streq one" "id:1,phase:1,deny,msg:\'first\',tag:\'t/one\',severity:CRITICAL"
    SecRule ARGS:q "@streq warn" "id:3,phase:2,pass,log,auditlog,msg:\'look\'"
    SecRule ARGS:q "@streq five" "id:4,phase:5,pass,log,auditlog,msg:\'at the end\'"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"';
location / { proxy_pass APPLICATION; }
location /own/ {
    modsecurity_rules 'SecAuditLog $PREFIX/logs/own.log
        SecAuditEngine On';
    proxy_pass APPLICATION:/;
}
location /text/ {
    modsecurity_rules 'SecAuditLogFormat Native
        SecAuditLogType Serial
        SecAuditLog $PREFIX/logs/text.log';
    proxy_pass APPLICATION:/;
}
location /mode/ {
    modsecurity_rules 'SecAuditLogFileMode 0604
        SecAuditEngine On
        SecAuditLog $PREFIX/logs/mode.log';
    proxy_pass APPLICATION:/;
}
location /parallel/ {
    modsecurity_rules 'SecAuditLogType Concurrent
        SecAuditEngine On
        SecAuditLogStorageDir $PREFIX/closed';
    proxy_pass APPLICATION:/;
}
location /debug/ {
    modsecurity_rules 'SecDebugLog $PREFIX/logs/debug.log
        SecDebugLogLevel 4';
    proxy_pass APPLICATION:/;
}
location /silent/ { modsecurity_rules 'SecAuditEngine Off'; proxy_pass APPLICATION:/; }
END

my $form = 'Content-Type: application/x-www-form-urlencoded';
my %count;

# The entry that a request adds to a log.
sub entry ($log) {
    my @entries = $waf->wait_audit($log, ++$count{$log});
    is scalar @entries, $count{$log}, "$log: one more entry";
    return $entries[-1];
}

subtest 'a refusal' => sub {
    $waf->post('/page?x=1', 'q=one', $form, 'X-Id: 1');
    $waf->get('/page?q=one', 'X-Id: 2');
    is $_->{unique_id}, 'gate-2', 'a body is not there in phase 1' for my $entry = entry('server.log');
    is_deeply [@{ $entry->{request} }{qw(method uri)}, $entry->{response}{http_code}], ['GET', '/page?q=one', 403], 'what and why';
    is $entry->{request}{headers}{'X-Id'}, 2, 'headers';
    is $entry->{response}{headers}{Server} =~ s{/.*}{}r, 'nginx', 'of the response, too';
    my ($message) = $entry->{messages}->@*;
    is_deeply [$message->{message}, @{ $message->{details} }{qw(ruleId severity)}, $message->{details}{tags}], ['first', 1, 2, ['t/one']], 'the rule';
};

subtest 'other endings' => sub {
    $waf->get('/?q=warn', 'X-Id: 3');
    is entry('server.log')->{messages}[0]{message}, 'look', 'a warning';
    $waf->get('/fails', 'X-Id: 4');
    is entry('server.log')->{response}{http_code}, 500, 'a relevant status';
    $waf->get('/?q=five', 'X-Id: 5');
    is entry('server.log')->{messages}[0]{message}, 'at the end', 'phase 5';
    $waf->get('/secret', 'X-Id: 6');
    is entry('server.log')->{messages}[0]{details}{ruleId}, 5, 'a response that is cut';
    my $client = Gatehouse::Wire::client("POST /?q=warn HTTP/1.1\r\nHost: localhost\r\n$form\r\nX-Id: 7\r\nContent-Length: 100\r\n\r\na=b", $waf->file('nginx.sock'));
    $client->leave;
    $waf->get('/?q=warn', 'X-Id: 8');
    # nginx may hear of the second client first.
    my %last = map { ($_->{unique_id} => $_) } (splice @{[$waf->wait_audit('server.log', $count{'server.log'} += 2)]}, -2);
    is $last{'gate-7'}{response}{http_code}, 400, 'a client that leaves';
    is $last{'gate-8'}{messages}[0]{message}, 'look', 'does not stop it';
};

subtest 'nothing to say' => sub {
    my $before = slurp($waf->file('logs/server.log')) =~ tr/\n//;
    is_deeply [$waf->differing('/' => 200, '/none?q=x' => 200, '/silent/?q=one' => 403)], [], 'requests';
    $waf->get('/?q=warn', 'X-Id: fence');
    $waf->nginx->until(sub { slurp($waf->file('logs/server.log')) =~ /gate-fence/ }, 'fence');
    my @new = splice @{ [split /\n/, slurp($waf->file('logs/server.log'))] }, $before;
    is_deeply [map { /"unique_id":"([^"]*)"/ } @new], ['gate-fence'], 'are not in the audit log';
};

subtest 'logs of places' => sub {
    $waf->get('/own/', 'X-Id: 10');
    is entry('own.log')->{unique_id}, 'gate-10', 'SecAuditEngine On: everything';
    $waf->get('/text/?q=one', 'X-Id: 11');
    my $text = '';
    $waf->nginx->until(sub { ($text = join "\n", $waf->wait_lines('text.log', 1)) =~ /-Z--$/m }, 'an entry as text');
    like $text, qr/^---\w+---A--\n\[[^\]]+\] gate-11 /m, 'as text: the head';
    like $text, qr/^---\w+---B--\nGET \/text\/\?q=one HTTP\/1\.1$/m, 'the request';
    like $text, qr/^---\w+---F--\nHTTP\/1\.1 403$/m, 'the response';
    like $text, qr/^---\w+---H--\nModSecurity: Access denied.*\[id "1"\]/m, 'the rule';
    like $text, qr/^---\w+---Z--$/m, 'the end';
    unlike slurp($waf->file('logs/server.log')), qr/gate-1[01]/, 'not in that of the server';
    $waf->get('/debug/?q=one', 'X-Id: 12');
    like slurp($waf->file('logs/debug.log')), qr/^\[gate-12\] .*\[4\] /m, 'a debug log, with the id';
};

# As log rotation does it.
sub moved ($name) {
    rename $waf->file("logs/$name"), $waf->file("logs/$name.1") or die "$name: $!";
    return $waf->file("logs/$name");
}

subtest 'after USR1' => sub {
    $waf->get('/mode/', 'X-Id: 13');
    entry('mode.log');
    my $mode = sub ($file) { sprintf '%04o', (stat $file)[2] & 07777 };
    is $mode->($waf->file('logs/mode.log')), '0604', 'the mode of a file that is made';
    my @files = map { moved($_) } qw(mode.log server.log debug.log);
    $waf->get('/mode/', 'X-Id: 14');
    $waf->nginx->until(sub { slurp("$files[0].1") =~ /gate-14/ }, 'before that, the old file goes on');
    $waf->nginx->signal('USR1');
    $waf->nginx->until(sub { 3 == grep { -e } @files }, 'new files');
    # A worker may still be at it.
    $waf->nginx->until(sub { $waf->get('/mode/', 'X-Id: 15'); -s $files[0] }, 'an entry in the new file');
    $waf->get('/?q=one', 'X-Id: 16');
    $waf->nginx->until(sub { slurp($files[1]) =~ /gate-16/ }, 'in that of the server');
    $waf->get('/debug/?q=one', 'X-Id: 17');
    $waf->nginx->until(sub { slurp($files[2]) =~ /gate-17/ }, 'in the debug log');
    unlike slurp("$files[1].1"), qr/gate-16/, 'and not in the old one';
    is $mode->($files[0]), '0604', 'the mode of the new file';
    $count{$_} = () = slurp($waf->file("logs/$_")) =~ /\n/g for qw(mode.log server.log);
};

subtest 'a directory that is closed' => sub {
    plan skip_all => 'workers may write anywhere' if $>;
    chmod 0700, $waf->file('closed');
    is $waf->status('/parallel/', 'X-Id: 18'), 200, 'a request';
    $waf->wait_log(qr/\[error\].*the audit log lacks transaction gate-18: ./);
};

subtest 'after a reload' => sub {
    $waf->nginx->reload;
    $count{'own.log'} = () = slurp($waf->file('logs/own.log')) =~ /\n/g;
    $waf->get('/own/?q=one', 'X-Id: 20');
    is entry('own.log')->{unique_id}, 'gate-20', 'the logs go on';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
