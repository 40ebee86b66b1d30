# Uploads that nobody is to look at reach the upstream as they come in: half of a body is there before
# the client has sent the other. The usual connector reads all of it first wherever it is on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(upstream client);
use Test::More;

my %places = (
    off    => 'modsecurity off;',
    access => "modsecurity_rules 'SecRequestBodyAccess Off';",
    engine => "modsecurity_rules 'SecRuleEngine Off';",
    none   => 'modsecurity_request_body off;',
    read   => '',
);
my $locations = join "\n", map { "location = /$_ { $places{$_} proxy_pass http://unix:\$PREFIX/upstream.sock; }" } sort keys %places;
my $server    = <<"END";
proxy_request_buffering off;
proxy_http_version 1.1;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule ARGS:q "\@streq bad" "id:1,phase:1,deny"
    SecRule ARGS_POST:q "\@streq bad" "id:2,phase:2,deny"';
$locations
location = /fence { return 204; }
END

# A body in two parts, as it is sent and as it is passed on.
my %bodies = (
    'a length' => ["Content-Length: 8\r\n\r\nhalf", 'half', 'rest', 'rest'],
    'chunks'   => ["Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n",
        "4\r\nrest\r\n0\r\n\r\n", "4\r\nrest\r\n0\r\n\r\n"],
);

# `none` is a directive that the connector does not know.
my %due = (
    module    => { read => 'held', map { ($_ => 'streamed') } qw(off access engine none) },
    connector => { off => 'streamed', map { ($_ => 'held') } qw(access engine none read) },
);

# How the body gets to the upstream. Events are dealt with in their order: once another client has its
# answer, so has what there was of the body.
sub upload ($waf, $upstream, $uri, $body) {
    my ($first, $arrives, $second, $follows) = @$body;
    my $client = client("POST $uri HTTP/1.1\r\nHost: localhost\r\n$first", $waf->file('nginx.sock'));
    $waf->status('/fence');
    my $held  = $upstream->nobody_waits;
    my $asked = $held ? undef : $upstream->next_request;
    my @taken = $held ? () : $asked->take(length $arrives);
    $client->send($second);
    $asked //= $upstream->next_request;
    push @taken, $held ? $asked->body : $asked->take(length $follows);
    is_deeply \@taken, $held ? ['halfrest'] : [$arrives, $follows], "$uri: complete";
    $asked->answer(200, '');
    is $client->response->{status}, 200, "$uri: answered";
    $client->leave;
    return $held ? 'held' : 'streamed';
}

for my $waf (Gatehouse::Waf->beside($server)) {
    my $upstream = upstream($waf->file('upstream.sock'));
    for my $body (sort keys %bodies) {
        subtest $waf->name . ", $body" => sub {
            my %how = map { ($_ => upload($waf, $upstream, "/$_", $bodies{$body})) } sort keys %places;
            is_deeply \%how, $due{ $waf->name }, 'how it gets there';
        };
    }
    is_deeply [$waf->differing('/access?q=bad' => 403, '/read?q=bad' => 403)], [], 'headers are inspected';
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
}

done_testing;
