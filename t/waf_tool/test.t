# gatehouse-waf test: which rules match a request in a file, and what becomes of it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::WafTool qw(available in_files tool tool_errors);
use JSON::PP 'decode_json';
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

my $rules = <<'RULES';
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain
SecRule ARGS:q "@contains attack" "id:1,phase:2,pass,log,severity:CRITICAL,\
    msg:'An attack',logdata:'in %{MATCHED_VAR_NAME}',setvar:tx.anomaly_score=+5"
SecRule TX:ANOMALY_SCORE "@ge 10" "id:2,phase:2,deny,status:406,log,msg:'Too many'"
SecRule ARGS:p "@contains attack" "id:3,phase:2,pass,log,msg:'Another',setvar:tx.anomaly_score=+5"
SecRule TX:ANOMALY_SCORE "@ge 10" "id:4,phase:2,deny,status:406,log,msg:'Too many'"
SecRule REQUEST_URI "@beginsWith /old" "id:5,phase:1,redirect:http://example.org/new,log"
SecRule RESPONSE_BODY "@contains secret" "id:6,phase:4,deny,status:502,log,msg:'A leak'"
SecRule REMOTE_ADDR "@ipMatch 198.51.100.7" "id:7,phase:1,pass,log,msg:'From there'"
SecRule REQUEST_HEADERS:X-Odd "@rx ." "id:8,phase:1,pass,log,msg:'Odd: %{MATCHED_VAR}'"
SecRule REQUEST_HEADERS:Host "@streq attack.example" "id:9,phase:1,pass,log,msg:'A host'"
RULES

my $files = in_files(
    'rules.conf'  => $rules,
    'off.conf'    => "SecRuleEngine Off\n",
    'detect.conf' => $rules =~ s/SecRuleEngine On/SecRuleEngine DetectionOnly/r,
    'broken.conf' => "SecFoo\n",
    'get.http'    => "GET /?q=attack HTTP/1.1\nHost: example.com\n\n",
    'both.http'   => "GET /?q=attack&p=attack HTTP/1.1\r\nHost: example.com\r\n\r\n",
    'post.http'   => "POST / HTTP/1.1\nHost: example.com\n"
        . "Content-Type: application/x-www-form-urlencoded\n\nq=attack\n",
    'long.http' => "POST / HTTP/1.1\nHost: example.com\nContent-Length: 3\n"
        . "Content-Type: application/x-www-form-urlencoded\n\nq=attack\n",
    'hash.http'   => "GET /?a=1#&q=attack HTTP/1.1\nHost: example.com\n\n",
    'host.http'   => "GET http://attack.example?q=none HTTP/1.1\nHost: example.com\n\n",
    'doubt.http'  => "GET /a#b HTTP/1.1\nHost: example.com\n\n",
    'coded.http'  => "POST / HTTP/1.1\nHost: example.com\nContent-Encoding: gzip\n\nq=attack\n",
    'old.http'    => "GET /old HTTP/1.0\n\n",
    'odd.http'    => "GET / HTTP/1.1\nX-Odd: \e[31mred\xc2\x9b\n\n",
    'clean.http'  => "GET / HTTP/1.1\nHost: example.com\n\n",
    'leak.http'   => "HTTP/1.1 200 OK\nContent-Type: text/plain\n\na secret\n",
    'fine.http'   => "HTTP/1.1 200 OK\nContent-Type: text/plain\n\nnothing\n",
);

sub tested (@arguments) { return tool($files, 'test', '--rules', 'rules.conf', @arguments) }

sub answer (@arguments) {
    my ($status, $output) = tested('--json', @arguments);
    return ($status, decode_json($output));
}

subtest 'a match that does not block' => sub {
    my ($status, $output) = tested('--request', 'get.http');
    is $status, 0, 'passed';
    like $output, qr{^rule\ 1,\ phase\ 2,\ critical:\ An\ attack\n
        \ +variable\ ARGS:q\n\ +data\ in\ ARGS:q\n\ +\S*rules\.conf:\d+\n
        engine\ on\nscore\ 5\nverdict\ passed\n\z}x, 'what matched, on what, where';
};

subtest 'a block' => sub {
    my ($status, $answer) = answer('--request', 'both.http');
    is $status, 1, 'the exit status tells';
    is_deeply [map { $_->{id} } $answer->{rules}->@*], [1, 3, 4], 'every rule, in its order';
    is_deeply [map { $_->{disruptive} ? 1 : 0 } $answer->{rules}->@*], [0, 0, 1], '... who blocks';
    is_deeply [@$answer{qw(engine score verdict status)}], ['on', 10, 'blocked', 406], 'the verdict';
    is_deeply [@{$answer->{rules}[0]}{qw(variable message data phase severity)}],
        ['ARGS:q', 'An attack', 'in ARGS:q', 2, 'critical'], 'a match';
    like +(tested('--request', 'both.http'))[1], qr/^verdict blocked, status 406$/m, 'in words';
};

subtest 'a redirect' => sub {
    my ($status, $answer) = answer('--request', 'old.http');
    is $status, 1, 'is a block';
    is_deeply [@$answer{qw(verdict status redirect)}],
        ['blocked', 302, 'http://example.org/new'], 'with its place';
    like +(tested('--request', 'old.http'))[1],
        qr{^verdict redirected, status 302, to http://example\.org/new$}m, 'in words';
};

subtest 'bodies' => sub {
    my (undef, $answer) = answer('--request', 'post.http');
    is $answer->{rules}[0]{variable}, 'ARGS:q', 'a body without a length is read';
    is $answer->{rules}[0]{id}, 1, '... and its last newline is the editor\'s';
    (undef, $answer) = answer('--request', 'long.http');
    is_deeply $answer->{rules}, [], 'one with a length is as long as that';
};

subtest 'as the upstream reads it' => sub {
    my (undef, $answer) = answer('--request', 'hash.http');
    is $answer->{rules}[0]{variable}, 'ARGS:q', 'a fragment ends no query';
    (undef, $answer) = answer('--request', 'host.http');
    is $answer->{rules}[0]{id}, 9, 'an absolute target has a host';
    (my $status, $answer) = answer('--request', 'doubt.http');
    is_deeply [$status, @$answer{qw(verdict status reason)}], [1, 'blocked', 400, 'there is a "#" in the path'], 'or in which ways';
    is +(tested('--request', 'coded.http'))[1], "engine on\nscore 0\nverdict blocked, status 400: the body has a content coding\n", 'in words';
    ($status, my $output) = tool($files, qw(test --rules detect.conf --request coded.http));
    is $status, 0, '... if rules block at all';
};

subtest 'responses' => sub {
    my ($status, $answer) = answer('--request', 'clean.http', '--response', 'leak.http');
    is "$status $answer->{status} $answer->{rules}[0]{id}", '1 502 6', 'are inspected';
    ($status) = answer('--request', 'clean.http', '--response', 'fine.http');
    is $status, 0, '... and pass';
    ($status, $answer) = answer('--request', 'both.http', '--response', 'leak.http');
    is_deeply [map { $_->{id} } $answer->{rules}->@*], [1, 3, 4], 'unless the request is blocked';
};

subtest 'modes' => sub {
    my ($status, $output) =
        tool($files, qw(test --json --rules detect.conf --request both.http));
    my $answer = decode_json($output);
    is "$status $answer->{engine} $answer->{verdict}", '0 detection only passed', 'detection only';
    is scalar $answer->{rules}->@*, 3, '... with every match';
    ($status, $output) = tool($files, qw(test --rules off.conf --request both.http));
    is "$status $output", "0 engine off\nscore 0\nverdict passed\n", 'off';
};

subtest 'the client' => sub {
    my (undef, $answer) = answer('--request', 'clean.http', '--client', '198.51.100.7');
    is $answer->{rules}[0]{id}, 7, 'has the address that is given';
    (undef, $answer) = answer('--request', 'clean.http', '--client', '2001:db8::1');
    is_deeply $answer->{rules}, [], '... of either kind';
    is +(tested('--request', 'clean.http', '--client', 'there'))[0], 2, 'and no other';
};

subtest 'terminals' => sub {
    unlike +(tested('--request', 'both.http'))[1], qr/\e/, 'no colours but on a terminal';
    unlike +(tested(qw(--request both.http --colour never)))[1], qr/\e/, '... or never';
    like +(tested(qw(--request both.http --colour always)))[1],
        qr/\e\[1;31mblocked, status 406\e\[0m/, '... or always';
    my ($status, $output) = tested('--request', 'odd.http');
    unlike $output, qr/[\e\xc2\x9b]/, 'what a client sends does not command the terminal';
    like $output, qr/Odd: \\x1b\[31mred/, '... and is shown';
};

subtest 'what cannot be tested' => sub {
    my %bad = (
        'line'     => ["GET /\n\n",                                  'line.http:1: '],
        'header'   => ["GET / HTTP/1.1\nHost: x\n folded\n\n",       'header.http:3: '],
        'cut'      => ["GET / HTTP/1.1\nHost: x\n",                  'cut.http:3: '],
        'short'    => ["POST / HTTP/1.1\nContent-Length: 9\n\nx\n",  'short.http:3: '],
        'nul'      => ["GET / HTTP/1.1\nHost: a\0b\n\n",           'nul.http:2: a NUL oct'],
        'blank'    => ["GET /?q=a b HTTP/1.1\nHost: x\n\n",         'blank.http:1: '],
        'length'   => ["POST / HTTP/1.1\nContent-Length: -1\n\nx\n", 'length.http:3: the Content-Length is no num'],
        'lengths'  => ["POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\nab\n", 'lengths.http:4: there is more than on'],
        'coding'   => ["POST / HTTP/1.1\nTransfer-Encoding: gzip\n\n0\n\n", 'coding.http:3: '],
    );
    for my $name (sort keys %bad) {
        my ($text, $place) = $bad{$name}->@*;
        Gatehouse::WafTool::spew("$files/$name.http", $text);
        my ($status, $output, $errors) =
            tool_errors($files, qw(test --rules rules.conf --request), "$name.http");
        is "$status $output", '2 ', "$name: no result";
        like $errors, qr/^gatehouse-waf: \Q$place\E\w/, '... and why';
    }
    my ($status, undef, $errors) =
        tool_errors($files, qw(test --rules broken.conf --request get.http));
    is $status, 2, 'rules that are refused';
    like $errors, qr/broken\.conf:1/, '... where';
    Gatehouse::WafTool::spew("$files/binary.conf", "SecFoo \e[31m\n");
    ($status, undef, $errors) = tool_errors($files, qw(test --rules binary.conf --request get.http));
    like $errors, qr/binary\.conf:1: .*\?\[31m\n\z/, '... without what commands a terminal';
    for my $arguments (
        ['test'], [qw(test --rules rules.conf)], [qw(test --request get.http)],
        [qw(test --rules rules.conf --request none.http)], [qw(test --rules none.conf --request get.http)],
        [qw(test --rules rules.conf --request get.http more)],
        [qw(test --rules rules.conf --request get.http --colour red)],
        [qw(test --rules rules.conf --request)],
        )
    {
        is +(tool($files, @$arguments))[0], 2, "@$arguments";
    }
};

done_testing;
