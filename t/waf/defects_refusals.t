# What becomes of a refusal, beside the usual connector: its status, where it redirects to, and what
# the audit log knows of it when the answer is a page of the site's own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use JSON::PP ();
use Test::More;

my $elsewhere = 'http://other.example/';
my $far       = $elsewhere . 'x' x 1500;
my $server    = <<"END";
keepalive_requests 10000;
root html;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecAuditEngine RelevantOnly
    SecAuditLogFormat JSON
    SecAuditLogParts ABFHZ
    SecAuditLogType Serial
    SecAuditLog \$PREFIX/logs/audit.log
    SecRule ARGS:q "\@streq one" "id:1,phase:1,deny,log,auditlog"
    SecRule ARGS:q "\@streq two" "id:2,phase:2,deny,log,auditlog"
    SecRule RESPONSE_HEADERS:X-Secret "\@streq yes" "id:3,phase:3,deny,log,auditlog"
    SecRule ARGS:away "\@streq 1" "id:11,phase:1,redirect:$elsewhere,log,noauditlog"
    SecRule ARGS:away "\@streq 2" "id:12,phase:2,redirect:$elsewhere,log,noauditlog"
    SecRule ARGS:away "\@streq 3" "id:13,phase:3,redirect:$elsewhere,log,noauditlog"
    SecRule ARGS:status "\@streq 0" "id:20,phase:1,deny,status:0,log,noauditlog"
    SecRule ARGS:status "\@streq 1000" "id:21,phase:1,deny,status:1000,log,noauditlog"';
location /       { proxy_pass APPLICATION; }
location /page/  { error_page 403 /403.html; proxy_pass APPLICATION:/; }
location /named/ { error_page 403 \@denied; proxy_pass APPLICATION:/; }
location \@denied { return 403 "Denied."; }
location = /403.html { internal; }
location = /far  { modsecurity_rules 'SecAction "id:30,phase:1,redirect:$far,nolog"'; proxy_pass APPLICATION; }
END

sub answers ($waf, @uris) {
    return [map { join ' ', $_->{status}, ($_->{headers}{location} // [])->@* } map { $waf->get($_) } @uris];
}

# For each request that there was how many entries the audit log has, and whether they know the
# header of the response. There is one worker: once another one's entry is there, so are theirs.
sub audited ($waf, @uris) {
    $waf->get('/end?q=two');
    my $path = $waf->file('logs/audit.log');
    $waf->nginx->until(sub { -e $path && slurp($path) =~ m{"uri":"/end\?} }, 'last entry');
    my %entries;
    for my $line (split /\n/, slurp($path)) {
        my $entry = JSON::PP->new->decode($line)->{transaction};
        push $entries{ $entry->{request}{uri} }->@*, keys(($entry->{response}{headers} // {})->%*) ? 'complete' : 'without answer';
    }
    return { map { ($_ => join ', ', ($entries{$_} // ['none'])->@*) } @uris };
}

# Kilobytes by which a worker has grown after so many redirects.
sub grown ($waf, $count) {
    my ($worker) = $waf->nginx->workers;
    my $held = sub { (slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+) kB/m)[0] };
    $waf->nginx->statuses('/far', 100);
    my $before = $held->();
    $waf->nginx->statuses('/far', $count);
    return $held->() - $before;
}

my @refused = map { ("/$_", "/page/$_", "/named/$_") } qw(?q=one ?q=two header);
my %due = (
    module => {
        redirects => [("302 $elsewhere") x 3],
        statuses  => [403, 403],
        audited   => { map { ($_ => 'complete') } @refused },
    },
    connector => {
        redirects => ["302 $elsewhere", "302 $elsewhere", '302'],
        statuses  => [200, 'cut'],
        audited   => {
            '/?q=one' => 'without answer', '/?q=two' => 'complete', '/header' => 'complete',
            '/page/?q=one' => 'without answer, without answer', '/page/?q=two' => 'complete', '/page/header' => 'none',
            '/named/?q=one' => 'without answer, without answer', '/named/?q=two' => 'none', '/named/header' => 'none',
        },
    },
);

for my $waf (Gatehouse::Waf->beside($server, files => { 'html/403.html' => 'Refused.' })) {
    my $name = $waf->name;
    my $due  = $due{$name};
    subtest $name => sub {
        is_deeply answers($waf, @refused), [(403) x 9], 'refused';
        is_deeply answers($waf, map { "/?away=$_" } 1 .. 3), $due->{redirects}, 'redirects in each phase';
        is_deeply answers($waf, map { "/?status=$_" } 0, 1000), $due->{statuses}, 'a status that is none';
        is_deeply audited($waf, @refused), $due->{audited}, 'the audit log';

        my $grown = $ENV{ASAN_OPTIONS} ? 0 : grown($waf, 2000);
        note "redirected: $grown kB";
        cmp_ok $grown, $name eq 'module' ? '<' : '>', 1500, 'memory that redirects leave behind';
        is $waf->stop, 0, 'nginx ends';
        is_deeply [$waf->complaints], [], 'without harm' if $name eq 'module';
    };
}

done_testing;
