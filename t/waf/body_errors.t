# Bodies that nginx gives up on while the rules wait for them: the client gets the answer that it
# would get without the module, and nothing of the request stays.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire ();
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP');
modsecurity on;
client_max_body_size 1000;
location /        { proxy_pass APPLICATION; }
location /late/   { modsecurity_phase late; proxy_pass APPLICATION; }
location /off/    { modsecurity off; proxy_pass APPLICATION; }
location /page/   { error_page 400 413 /sorry; proxy_pass APPLICATION; }
location /named/  { error_page 400 413 @sorry; proxy_pass APPLICATION; }
location = /sorry { internal; proxy_pass APPLICATION; }
location @sorry {
    modsecurity_rules 'SecRule ARGS "@streq other" "id:2,phase:2,deny"';
    proxy_pass APPLICATION;
}
location /slow/   { client_body_timeout 300ms; proxy_pass APPLICATION; }
END
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule ARGS "@streq attack" "id:1,phase:2,deny,status:403"';
HTTP

# The status after a pause amid the body, "left" without one, and whether nginx closes.
sub torn ($uri, $rest) {
    my $client = Gatehouse::Wire::client(join("\r\n", "POST $uri HTTP/1.1", 'Host: localhost', 'Transfer-Encoding: chunked',
        'Content-Type: application/x-www-form-urlencoded', '', "4\r\nq=at\r\n"), $waf->file('nginx.sock'));
    select undef, undef, undef, 0.05;
    $client->send($rest);
    my $status = eval { $client->response->{status} } // 'left';
    my $closed = $client->is_left ? 'closed' : 'open';
    $client->leave;
    return "$status $closed";
}

my %rest = ('no chunk' => "zz\r\n", 'too much' => '400' . "\r\n" . 'a' x 1024 . "\r\n");
my %due  = ('no chunk' => 400, 'too much' => 413);

for my $name (sort keys %rest) {
    is torn($_, $rest{$name}), "$due{$name} closed", "$name: $_" for qw(/ /late/ /off/);
    is torn($_, $rest{$name}), "$due{$name} closed", "$name: $_, with an error page" for qw(/page/ /named/);
}
is torn('/slow/', ''), 'left closed', 'too slow: nginx leaves, as it does without rules';

my $whole = "4\r\ntack\r\n0\r\n\r\n";
for my $uri (qw(/ /late/ /page/)) {
    my $client = Gatehouse::Wire::client(join("\r\n", "POST $uri HTTP/1.1", 'Host: localhost', 'Transfer-Encoding: chunked',
        'Content-Type: application/x-www-form-urlencoded', '', "4\r\nq=at\r\n"), $waf->file('nginx.sock'));
    select undef, undef, undef, 0.05;
    is $client->send($whole)->response->{status}, 403, "$uri: in pieces, but whole";
    is $client->send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")->response->{status}, 200, "$uri: and the connection goes on";
    $client->leave;
}

# A client that leaves amid the body.
for my $uri (qw(/ /late/ /page/)) {
    my $client = Gatehouse::Wire::client("POST $uri HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nq=at", $waf->file('nginx.sock'));
    select undef, undef, undef, 0.05;
    $client->leave;
}

# A worker in which a connection is left ends only when that is over.
is $waf->stop, 0, 'an orderly end';
is_deeply [$waf->complaints], [], 'without connections that are left open';

done_testing;
