# A transaction's ID that the client chooses: it is the same in every log and in the variable, none of
# them is lost or torn by it, and an audit log that lacks a transaction is not silent about that.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use JSON::PP 'decode_json';
use Test::More;

my $server = <<'END';
modsecurity on;
modsecurity_transaction_id $id;
modsecurity_event_log logs/events.log;
add_header X-Id "[$modsecurity_id]" always;
modsecurity_rules 'SecRuleEngine On
    SecAuditEngine RelevantOnly
    SecAuditLogFormat JSON
    SecAuditLogType Parallel
    SecAuditLogStorageDir $PREFIX/entries
    SecRule ARGS:q "@streq bad" "id:1,phase:1,deny"';
location / { proxy_pass APPLICATION; }
location /index/ { modsecurity_rules 'SecAuditLog $PREFIX/logs/index.log'; proxy_pass APPLICATION:/; }
location /serial/ {
    modsecurity_rules 'SecAuditLogType Serial
        SecAuditLog $PREFIX/logs/serial.log';
    proxy_pass APPLICATION:/;
}
location /nowhere/ { modsecurity_rules 'SecAuditLogStorageDir $PREFIX/gone'; proxy_pass APPLICATION:/; }
location /debugged/ {
    modsecurity_rules 'SecDebugLog $PREFIX/logs/debug.log
        SecDebugLogLevel 3
        SecAuditLogStorageDir $PREFIX/gone';
    proxy_pass APPLICATION:/;
}
location /full/ {
    modsecurity_rules 'SecAuditLogType Serial
        SecAuditLog /dev/full';
    proxy_pass APPLICATION:/;
}
END
my $map = 'map $uri $from_uri { "~(?s)^/named/(.*)\z" $1; } map $from_uri $id { "" $http_x_id; default $from_uri; }';

my $waf = Gatehouse::Waf->new($server, http => $map);
my $entries = $waf->file('entries');
chmod 0777, $entries or die "chmod: $!";    # for workers that are nobody

# The entries that are files, by their IDs. Those that have one in common are in one file.
sub entries () {
    return map { my ($entry) = eval { JSON::PP->new->decode_prefix(slurp($_)) }; $entry ? ($entry->{transaction}{unique_id} => $_) : () }
        glob "$entries/*/*/*";
}

my %ids = (
    'plain-1.2_3'              => 'plain-1.2_3',
    'a/b'                      => 'a_b',
    '../../../tmp/x'           => '.._.._.._tmp_x',
    '..'                       => '..',
    'a"b\\c'                   => 'a_b_c',
    "tab\tb"                   => 'tab_b',
    'Root=1-67;Parent=5'       => 'Root_1-67_Parent_5',
    "\xc3\xa4"                 => '__',
    '%2e%2e%2f'                => '_2e_2e_2f',
    'x' x 300                  => 'x' x 128,
    'y' x 127 . '/' . 'z' x 99 => 'y' x 127 . '_',
);

for my $sent (sort keys %ids) {
    my $id = $ids{$sent};
    subtest substr($sent, 0, 40) => sub {
        my $answer = $waf->get('/?q=bad', "X-Id: $sent");
        is $answer->{status}, 403, 'refused';
        is $answer->{headers}{'x-id'}[0], "[$id]", '$modsecurity_id';
        my %files;
        $waf->nginx->until(sub { (%files = entries()) && $files{$id} }, "an entry $id");
        like $files{$id}, qr/-\Q$id\E\z/, 'the file of the audit log';
        $waf->wait_log(qr/ModSecurity: Access denied[^\n]*\[unique_id "\Q$id\E"\]/);
        my sub is_there { grep { decode_json($_)->{http}{request}{id} eq $id } $waf->wait_lines('events.log', 1) }
        ok $waf->nginx->until(sub { scalar is_there() }, "an event of $id"), 'the event log';
    };
}

subtest 'octets that only a decoded path has' => sub {
    my %decoded = ('a%0d%0aX-Evil:1' => 'a__X-Evil_1', 'a%0ab' => 'a_b', 'a%01%7fb' => 'a__b', 'a%20b' => 'a_b');
    for my $path (sort keys %decoded) {
        my $answer = $waf->get("/named/$path?q=bad");
        is $answer->{headers}{'x-id'}[0], "[$decoded{$path}]", $path;
        is $answer->{headers}{'x-evil'}, undef, 'and no field of the client';
        my %files;
        $waf->nginx->until(sub { (%files = entries()) && $files{ $decoded{$path} } }, "an entry for $path");
    }
};

subtest 'other audit logs' => sub {
    $waf->get('/serial/?q=bad', 'X-Id: a/1');
    is +($waf->wait_audit('serial.log', 1))[0]{unique_id}, 'a_1', 'a serial one';
    $waf->get('/index/?q=bad', 'X-Id: a/2');
    like +($waf->wait_lines('index.log', 1))[0], qr/-a_2 /, 'an index';
};

is scalar(() = $waf->log =~ /the audit log lacks/g), 0, 'nothing was lost so far';

subtest 'what cannot be written' => sub {
    rmdir $waf->file('gone') or die "rmdir: $!";
    is $waf->status('/nowhere/?q=bad', 'X-Id: lost-1'), 403, 'no directory';
    $waf->wait_log(qr/\[error\] .*the audit log lacks transaction lost-1: Not able to create directory: \S+gone\S+ No such file or directory/);
    is $waf->status('/debugged/?q=bad', 'X-Id: lost-2'), 403, 'with a debug log';
    $waf->wait_log(qr/the audit log lacks transaction lost-2: Not able/);
    like slurp($waf->file('logs/debug.log')), qr/^\[lost-2\].*\[1\] Cannot save the audit log/m, 'that says it, too';
    unlike slurp($waf->file('logs/debug.log')), qr/\[[4-9]\]/, 'as much as it is to';
    is $waf->status('/full/?q=bad', 'X-Id: lost-3'), 403, 'no space';
    $waf->wait_log(qr/the audit log lacks transaction lost-3: No space left on device/);
    is $waf->status('/nowhere/', 'X-Id: fence-1'), 200, 'what it is not to have';
    is $waf->status('/serial/?q=bad', 'X-Id: fence-2'), 403, 'what it has';
    $waf->wait_lines('serial.log', 2);
    my @lost = $waf->log =~ /the audit log lacks transaction ([^:]*):/g;
    is_deeply \@lost, ['lost-1', 'lost-2', 'lost-3'], 'a line for each';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
