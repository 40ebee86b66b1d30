# What rules read of a request target is what the upstream reads of it: each attack reaches the upstream
# where there is no WAF, and is refused where there is one.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Recorder qw(request h2_request);
use Test::More;

my $recorder = Gatehouse::Recorder->new(<<'END');
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRule ARGS|ARGS_NAMES "@streq attack" "id:1,phase:2,deny"
    SecRule REQUEST_FILENAME "@rx /[.]git/" "id:2,phase:2,deny"
    SecRule REQUEST_BASENAME "@endsWith .bak" "id:3,phase:2,deny"
    SecRule REQUEST_HEADERS:Host "@streq attack.example" "id:4,phase:2,deny"
    SecRule SERVER_NAME "@rx ^(?:named[.]example|[[]::1[]])$" "id:5,phase:2,deny"
    SecRule QUERY_STRING "@endsWith raw" "id:6,phase:2,deny"
    SecRule REQUEST_URI "@streq /?whole=a b" "id:7,phase:2,deny"';
END

# What the upstream gets of a target without the WAF, and the status with it.
sub refused ($target, $got, $status, @lines) {
    my $octets = request("GET $target HTTP/1.1", @lines);
    is $recorder->through(off => $octets)->{line}, "GET $got HTTP/1.1", "$target: the upstream gets it";
    my $seen = $recorder->through(on => $octets);
    is $seen->{status}, $status, "$target: refused";
    is $seen->{line}, undef, "$target: nothing has come";
    return;
}

sub passed ($target, $got, @lines) {
    my $seen = $recorder->through(on => request("GET $target HTTP/1.1", @lines));
    is $seen->{status}, 200, "$target: passed";
    is $seen->{line}, "GET $got HTTP/1.1", "$target: as it was sent";
    return;
}

subtest 'a fragment ends no query' => sub {
    refused($_, $_, 403) for '/?x=1#&q=attack', '/?#q=&x=attack', '/?x=1&y=2#&z=3#&q=attack', '/?x#y=attack', '/?x=1#raw',
        '/?q=attack#', '/?q=attack#fragment';
    passed($_, $_) for '/?x=1#&y=2', '/?x=attack%23', '/%23';
};

subtest 'a fragment in the path is read in two ways' => sub {
    refused($_, $_, 400) for '/a#/../.git/config', '/#', '/a#b?q=none';
    refused($_, $_, 403) for '/a.bak#', '/a#?q=attack', '/.git/#';
    $recorder->waf->wait_log(qr/there is a "#" in the path: the upstream may read the request otherwise than the rules, denied/);
};

subtest 'a question mark that is encoded ends no path' => sub {
    refused($_, $_, 403) for '/x%3f/.git/config', '/x%3F/.git/config', '/a%3f.bak', '/%3f/a.bak', '/x%3f/.git/a?b=c', '/x%3f/%2egit/config';
    passed($_, $_) for '/x%3f', '/a.bak%3f', '/a.bak%3f/', '/%253f/a%252ebak', '/%252egit/x';
};

subtest 'absolute forms' => sub {
    refused('http://localhost?q=attack', '/?q=attack', 403);
    refused('HTTP://localhost:80?q=http://a/b&p=attack', '/?q=http://a/b&p=attack', 403);
    refused('http://localhost/.git/config', '/.git/config', 403);
    refused('http://[::2]?q=attack', '/?q=attack', 403);
    refused('http://localhost?whole=a%20b', '/?whole=a%20b', 403);
    passed('http://localhost', '/');
    passed('http://LOCALHOST:80/x', '/x');
    passed('http://[::2]:80/', '/');
};

subtest 'hosts' => sub {
    refused('http://attack.example/', '/', 403, 'Host: localhost');
    refused('http://attack.example:8080/', '/', 403, 'Host: localhost');
    refused('http://localhost/', '/', 403, 'Host: attack.example');
    refused('/', '/', 403, $_) for 'Host: named.example:80', 'Host: named.example.', 'Host: [::1]', 'Host: [::1]:8080';
};

subtest 'HTTP/2' => sub {
    for ('/?x=1#&q=attack', '/x%3f/.git/config', '/a#/../.git/config') {
        my $octets = h2_request('GET', $_);
        is $recorder->through(off2 => $octets)->{line}, "GET $_ HTTP/1.1", "$_: the upstream gets it";
        my $seen = $recorder->through(on2 => $octets);
        like $seen->{status}, qr/^40[03]$/, "$_: refused";
        is $seen->{line}, undef, "$_: nothing has come";
    }
    is $recorder->through(on2 => h2_request('GET', '/?x=1#&y=2'))->{line}, 'GET /?x=1#&y=2 HTTP/1.1', 'others pass';
};

subtest 'what nginx refuses' => sub {
    for ("/ ?q=attack", "/?x=1\t&q=attack", "/?x=\0", 'http://user@localhost/', 'http://localhost#?q=attack', 'q=attack', '*') {
        is $recorder->through(off => request("GET $_ HTTP/1.1"))->{status}, 400, $_ =~ s/[^ -~]/./gr;
    }
    is $recorder->through(off => request('get / HTTP/1.1'))->{status}, 400, 'a method in small letters';
};

is $recorder->stop, 0, 'nginx ends';
is_deeply [$recorder->waf->complaints], [], 'without harm';

done_testing;
