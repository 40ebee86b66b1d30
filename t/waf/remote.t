# modsecurity_rules_remote: rules from a server, that knows us by a key; and why they could not be had.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'waf';
use Gatehouse::Jose::Keys 'openssl';
use Gatehouse::Server;
use Gatehouse::Wire 'free_port';

my $port   = free_port(1);
my $secure = $port + 1;
my $server = Gatehouse::Server->new;
$server->file('html/rules.conf', qq{SecRuleEngine On\nSecRule ARGS:q "\@streq bad" "id:1,phase:1,deny"\n});
$server->file('html/broken.conf', "SecNonsense On\n");
my $key = $server->file('server.key', openssl('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)));
$server->file('server.pem', openssl('', qw(req -new -batch -x509 -days 2 -subj /CN=localhost -key), $key));
$server->configure(<<"END", workers => 1);
server {
    listen 127.0.0.1:$port;
    listen 127.0.0.1:$secure ssl;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    if (\$http_modsec_key != "gate-7") { return 401; }
}
END
$server->start;

sub remote ($key, $name, $more = '') {
    return "modsecurity on; modsecurity_rules_remote $key http://127.0.0.1:$port/$name; $more server {}";
}

conf_accepted(remote('gate-7', 'rules.conf'), 'rules');
conf_refused(remote('gate-7', 'rules.conf', q{modsecurity_rules 'SecRule ARGS "@rx a" "id:1,phase:1,deny"';}),
    qr/rule id 1 is duplicated/, 'they count as any');
conf_refused(remote('gate-7', 'broken.conf'), qr{SecNonsense}, 'a mistake');
conf_refused(remote('gate-8', 'rules.conf'), qr/cannot download the rules: .*(?:401|HTTP)/i, 'another key');
conf_refused(remote('gate-7', 'none.conf'), qr/cannot download the rules: .*(?:404|HTTP)/i, 'not there');
conf_refused("modsecurity_rules_remote gate-7 https://localhost:$secure/rules.conf; server {}",
    qr/cannot download the rules: .*certificate/i, 'a server that anybody could be');

is $server->stop, 0, 'the server ends';
done_testing;
