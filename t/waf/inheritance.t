# Rules of all levels hold together, the inner ones first; of what can be said once, the inner level
# wins.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

# What a rule at each level leaves behind shows the order; rule 9 says it.
sub mark ($id, $name) { return qq{SecRule REQUEST_URI "\@unconditionalMatch" "id:$id,phase:1,pass,nolog,setvar:'tx.order=%{tx.order}$name'"} }

my $http = <<'END';
modsecurity_rules 'SecRuleEngine On
    HTTP
    SecRule ARGS:q "@streq http" "id:11,phase:1,deny,status:410"
    SecRule ARGS:q "@streq all" "id:12,phase:1,deny,status:410"
    SecRule ARGS:late "@streq order" "id:13,phase:1,pass,log,msg:\'order %{tx.order}\'"
';
modsecurity on;
modsecurity_status 418;
log_format seen "$uri $modsecurity_status $modsecurity_rules";
END

my $server = <<'END';
access_log logs/seen.log seen;
modsecurity_status 409;
modsecurity_rules 'SERVER
    SecRule ARGS:q "@streq server" "id:21,phase:1,deny,status:411"
    SecRule ARGS:q "@streq all" "id:22,phase:1,deny,status:411"';
location / { return 200; }
location /rules/ {
    modsecurity_status 420;
    modsecurity_rules 'LOCATION
        SecRule ARGS:q "@streq location" "id:31,phase:1,deny,status:412"
        SecRule ARGS:q "@streq all" "id:32,phase:1,deny,status:412"';
    location /rules/nested { return 200; }
    location /rules/off/ {
        modsecurity off;
        location /rules/off/on { modsecurity on; return 200; }
        return 200;
    }
    return 200;
}
location /detects { modsecurity_rules 'SecRuleEngine DetectionOnly'; return 200; }
location /sleeps  { modsecurity_rules 'SecRuleEngine Off'; return 200; }
location /without { modsecurity_rules 'SecRuleRemoveById 11 22'; return 200; }
location /range   { modsecurity_rules 'SecRuleRemoveById 10-29'; return 200; }
location /target  { modsecurity_rules 'SecRuleUpdateTargetById 11 "!ARGS:q"'; return 200; }
location /detect  { modsecurity detect; return 200; }
END

my %mark = (HTTP => mark(1, 'h'), SERVER => mark(2, 's'), LOCATION => mark(3, 'l'));
s/(HTTP|SERVER|LOCATION)\n/($mark{$1} =~ s{'}{\\'}gr) . "\n"/ge for $http, $server;
my $waf = Gatehouse::Waf->new($server, http => $http);

subtest 'rules add up' => sub {
    is_deeply [$waf->differing('/' => 200, '/?q=http' => 409, '/?q=server' => 409, '/?q=location' => 200)], [], 'a server';
    is_deeply [$waf->differing("/rules/?q=$_" => 420)], [], "a location: $_" for qw(http server location);
    is_deeply [$waf->differing("/rules/nested?q=$_" => 420)], [], "a nested one: $_" for qw(http server location);
};

subtest 'in which order' => sub {
    is $waf->status("/$_->[0]?late=order"), 200, $_->[0] for ['rules/'], [''];
    $waf->wait_log(qr/order ls?h"/);
    like $waf->log, qr/\[msg "order lsh"\]/, 'from the location outwards';
    like $waf->log, qr/\[msg "order sh"\]/, 'from the server outwards';
    my %first = (rules => 32, '' => 22);
    is_deeply [$waf->differing('/rules/?q=all' => 420, '/?q=all' => 409)], [], 'each level wants to be the one';
    my @seen = map { s{^(\S+) BLOCKED (\d+)$}{$1 $2}r } grep { / BLOCKED (?:[123]2)$/ } $waf->wait_lines('seen.log', 14);
    is_deeply [@seen[-2, -1]], ['/rules/ 32', '/ 22'], 'and the innermost is';
};

subtest 'modsecurity' => sub {
    is_deeply [$waf->differing('/rules/off/?q=all' => 200, '/rules/off/on?q=all' => 420)], [], 'off, and on again inside';
    is_deeply [$waf->differing('/detect?q=all' => 200)], [], 'detect';
};

subtest 'properties: the inner one wins' => sub {
    is_deeply [$waf->differing('/detects?q=all' => 200, '/sleeps?q=all' => 200, '/?q=all' => 409)], [], 'SecRuleEngine';
    my ($detects, $sleeps) = map { my $uri = $_; grep { /^$uri / } $waf->wait_lines('seen.log', 20) } qw(/detects /sleeps);
    like $detects, qr/ DETECTED \S*22\b/, 'DetectionOnly';
    like $sleeps, qr/ (?:-|PASSED) -?$/, 'Off';
};

subtest 'rules that are taken away' => sub {
    is_deeply [$waf->differing('/without?q=http' => 200, '/without?q=server' => 409, '/without?q=all' => 409)], [], 'by id';
    is_deeply [$waf->differing(map { ("/range?q=$_" => 200) } qw(http server all))], [], 'by a range of them';
    is_deeply [$waf->differing('/target?q=http' => 200, '/target?q=server' => 409)], [], 'by target';
    is_deeply [$waf->differing('/?q=http' => 409, '/rules/?q=http' => 420)], [], 'there, and only there';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
