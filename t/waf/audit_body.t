# The body of a response in the audit log (part E), where no rule looks at responses: it is there
# whenever settings or rules ask for it, however late these say so, and nowhere else is it read.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my %with = (
    setting  => 'SecAuditLogParts AEZ',
    request  => 'SecAction "id:1,phase:1,pass,nolog,ctl:auditLogParts=+E"',
    body     => 'SecAction "id:1,phase:2,pass,nolog,ctl:auditLogParts=+E"',
    headers  => 'SecAction "id:1,phase:3,pass,nolog,ctl:auditLogParts=+E"',
    response => 'SecAction "id:1,phase:response,pass,nolog,ctl:auditLogParts=+E"',
    logging  => 'SecAction "id:1,phase:5,pass,nolog,ctl:auditLogParts=+E"',
    chain    => q{SecRule REQUEST_METHOD "@streq GET" "id:1,phase:logging,pass,nolog,chain"
        SecRule REQUEST_METHOD "@streq GET" "ctl:auditLogParts=+E"},
    several  => 'SecAction "id:1,phase:1,pass,nolog,ctl:auditLogParts=+EF"',
    default  => q{SecDefaultAction "phase:1,pass,nolog,ctl:auditLogParts=+E"
        SecAction "id:1,phase:1,pass"},
    engine   => 'SecAuditEngine Off
        SecAuditLog $PREFIX/logs/audit.log
        SecAction "id:1,phase:1,pass,nolog,ctl:auditEngine=On,ctl:auditLogParts=+E"',
);
my %without = (
    nothing => 'SecAuditLogParts AFZ',
    taken   => 'SecAuditLogParts AEZ
        SecAction "id:1,phase:1,pass,nolog,ctl:auditLogParts=-E"',
    access  => 'SecResponseBodyAccess Off
        SecAuditLogParts AEZ',
    type    => 'SecResponseBodyMimeType text/plain
        SecAuditLogParts AEZ',
);
my %places    = (%with, %without);
my $locations = join "\n", map {
    "location /$_/ { modsecurity_rules '$places{$_}'; proxy_pass APPLICATION:/; }"
} sort keys %places;

my $waf = Gatehouse::Waf->new(<<"END");
modsecurity on;
modsecurity_transaction_id \$arg_id;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecAuditEngine On
    SecAuditLogFormat JSON
    SecAuditLogParts AFHZ
    SecAuditLog \$PREFIX/logs/audit.log';
$locations
location /look-back/ {
    modsecurity_rules 'SecRule RESPONSE_BODY "\@contains works" "id:1,phase:5,pass,log,auditlog,msg:found"';
    proxy_pass APPLICATION:/;
}
location /limit/ {
    modsecurity_rules 'SecResponseBodyLimit 5
        SecResponseBodyLimitAction Reject';
    proxy_pass APPLICATION:/;
}
END

my $count = 0;
sub response ($place) {
    $waf->status("/$place/?id=$place");
    my ($entry) = grep { $_->{unique_id} eq $place } $waf->wait_audit('audit.log', ++$count);
    return $entry->{response};
}

is response($_)->{body}, "It works!\n", "$_: there" for sort keys %with;
is response($_)->{body} // '', '', "$_: not" for sort keys %without;
like response('nothing')->{headers}{'Content-Type'}, qr{text/html}, 'fields, in either case';

is $waf->status('/look-back/?id=a'), 200, 'a rule that looks back';
$waf->wait_log(qr/\[id "1"\].*\[msg "found"\].*\[uri "\/look-back\/"\]/);
is $waf->status('/limit/?id=b'), 'cut', 'a limit without a rule';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
