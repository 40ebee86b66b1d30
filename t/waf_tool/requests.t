# gatehouse-waf test: the forms in which requests come from browsers and the wire, and many of them
# with the verdicts that are expected.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::WafTool qw(available in_files tool tool_errors);
use JSON::PP 'decode_json';
use Test::More;

plan skip_all => 'gatehouse-waf is not built' unless available();

my $files = in_files('rules.conf' => <<'RULES');
SecRuleEngine On
SecRequestBodyAccess On
SecAction "id:1,phase:1,pass,log,msg:'%{REQUEST_METHOD} %{REQUEST_FILENAME} %{REQUEST_PROTOCOL} %{REQUEST_HEADERS.Host}'"
SecRule ARGS:q "@rx ^(.*)$" "id:2,phase:2,pass,log,capture,msg:'q is %{TX.1}'"
SecRule ARGS:q "@contains attack" "id:3,phase:2,deny,status:406,log"
SecRule REMOTE_ADDR "@ipMatch 198.51.100.7" "id:4,phase:1,deny,log"
SecRule REQUEST_URI "@beginsWith /old" "id:5,phase:1,redirect:http://example.org/new,log"
SecRule RESPONSE_STATUS "@eq 500" "id:6,phase:3,deny,status:502,log"
RULES

# What rules saw of a request: the messages of the first two, or what the tool has said.
sub seen ($request) {
    Gatehouse::WafTool::spew("$files/request", $request);
    my ($status, $output, $errors) = tool_errors($files, qw(test --rules rules.conf --request request --json));
    return $errors if $status == 2;
    return join ', ', map { $_->{message} } grep { $_->{id} <= 2 } decode_json($output)->{rules}->@*;
}

my $form = 'Content-Type: application/x-www-form-urlencoded';

subtest 'HTTP/2 and HTTP/3' => sub {
    is seen("GET /a HTTP/2\nHost: b.example\n\n"), 'GET /a HTTP/2.0 b.example', 'the version as browsers write it';
    is seen("GET /a HTTP/3\nHost: b.example\n\n"), 'GET /a HTTP/3.0 b.example', 'and the next one';
    is seen(":method: PUT\n:scheme: https\n:authority: c.example\n:path: /d?q=e\naccept: */*\n\n"),
        'PUT /d HTTP/2.0 c.example, q is e', 'pseudo-headers alone';
    is seen("GET /a HTTP/2\n:path: /a\n:authority: c.example\n\n"), 'GET /a HTTP/2.0 c.example', 'beside a request line';
    is seen(":method: GET\n:path: /a\n:authority: c.example\nhost: d.example\n\n"), 'GET /a HTTP/2.0 d.example', 'Host is what nginx takes';
    is seen("POST /a HTTP/2\nHost: b\n$form\n\nq=e\n"), 'POST /a HTTP/2.0 b, q is e', 'a body';
    like seen("GET /a HTTP/2\n:path: /b\n\n"), qr/differs from the request line/, 'two paths';
    like seen(":method: GET\n:path: /a\n:status: 200\n\n"), qr/a request has :method, :scheme, :authority and :path/, 'of a response';
    like seen(":path: /a\n\n"), qr/a request line was expected here/, 'no method';
    like seen("GET /a HTTP/4\n\n"), qr/request:1: a request line was expected here/, 'no version of today';
};

subtest 'absolute targets' => sub {
    is seen("GET http://a.example/x?q=y HTTP/1.1\nHost: a.example\n\n"), 'GET /x HTTP/1.1 a.example, q is y', 'the path is rules\' file name';
    is seen("GET https://a.example HTTP/1.1\nHost: a.example\n\n"), 'GET / HTTP/1.1 a.example', 'without a path';
};

subtest 'chunked bodies' => sub {
    my $head = "POST / HTTP/1.1\nHost: b\n$form\nTransfer-Encoding: chunked\n\n";
    is seen("${head}3\nq=e\n0\n\n"), 'POST / HTTP/1.1 b, q is e', 'one chunk';
    is seen("${head}2\r\nq=\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n"), 'POST / HTTP/1.1 b, q is 0123456789', 'chunks, an extension and a trailer';
    is seen("${head}4\nq=e\n\n0\n"), 'POST / HTTP/1.1 b, q is e' . "\n", 'octets that are a line end';
    my %wrong = (
        "x\nq=e\n0\n\n"         => 'request:6: the size of a chunk was expected here',
        "-3\nq=e\n0\n\n"        => 'request:6: the size of a chunk was expected here',
        "3 3\nq=e\n0\n\n"       => 'request:6: the size of a chunk was expected here',
        ('f' x 17) . "\nq=e\n"  => 'request:6: the size of a chunk was expected here',
        "2\nq=e\n0\n\n"         => 'request:7: the chunk is longer than its size',
        "ff\nq=e\n0\n\n"        => 'request:6: the chunk is shorter than its size',
        "3\nq=e\n"              => 'request:8: the size of a chunk was expected here',
        "3\nq=e\n0\n\nGET /\n"  => 'request:10: nothing was expected behind the last chunk',
        "3\nq=e\n0\nno\n\n"     => 'request:9: a trailer or an empty line was expected here',
    );
    like seen($head . $_), qr/\Q$wrong{$_}\E/, $wrong{$_} for sort keys %wrong;
    like seen($head =~ s/\n\n/\nContent-Length: 3\n\n/r . "3\nq=e\n0\n\n"), qr/nginx refuses Content-Length beside/, 'two lengths';
};

subtest 'what curl -v prints' => sub {
    my $sent = join '', map { "> $_\r\n" } 'GET /x?q=e HTTP/2', 'Host: b', 'accept: */*', '';
    my $got  = join '', "* HTTP 2\n", map { "< $_\r\n" } 'HTTP/2 500', 'server: x', '';
    my $meter = "  % Total    % Received\n     Dload  Upload\n\r  0     0    0*   Trying 192.0.2.1:443...\n";
    my $connected = "*   Trying 192.0.2.1:443...\n* Connected to b\n";
    is seen("$connected$sent"), 'GET /x HTTP/2.0 b, q is e', 'a request';
    is seen($sent), 'GET /x HTTP/2.0 b, q is e', 'alone';
    is seen("$meter$sent$got\r100   344\n"), 'GET /x HTTP/2.0 b, q is e', 'with how far it is';
    my $answered = sub ($output) {
        Gatehouse::WafTool::spew("$files/request", $output);
        return (tool($files, qw(test --rules rules.conf --request request)))[1];
    };
    like $answered->("$connected$sent$got\n{\"a\": 1}\n* left intact\n"), qr/^verdict blocked, status 502$/m, 'with the response';
    unlike $answered->("$connected$sent"), qr/verdict blocked/, 'without one';
    like $answered->("$connected$sent< HTTP/2 103\n< \n$got"), qr/^verdict blocked, status 502$/m, 'the last one of several counts';
    my $posted = join '', map { "> $_\n" } 'POST /x HTTP/1.1', 'Host: b', $form, 'Content-Length: 3', '';
    is seen("$connected${posted}q=e\n* upload completely sent off: 3 bytes\n"), 'POST /x HTTP/1.1 b, q is e', 'the body, written below';
    like seen("$connected$posted* upload completely sent off: 3 bytes\n$got"), qr/request:7: the body is shorter .*; curl does not print it: write it below/, 'a body that is not there';
    is seen("$connected$sent$got> GET /other HTTP/2\n> \n"), 'GET /x HTTP/2.0 b, q is e', 'the first request counts';
};

subtest 'entries of audit logs' => sub {
    my $posted = "POST /x?a=b HTTP/1.1\nHost: b\n$form\nContent-Length: 4\n\nq=e\n";
    for my $format (qw(Native JSON)) {
        Gatehouse::WafTool::spew("$files/audit.conf", "SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine On\nSecAuditLogParts ABCHZ\n"
                . "SecAuditLogFormat $format\nSecAuditLogType Serial\nSecAuditLog $files/audit.log\n");
        Gatehouse::WafTool::spew("$files/request", $posted);
        unlink "$files/audit.log";
        is +(tool($files, qw(test --rules audit.conf --request request --client 198.51.100.7)))[0], 0, "$format: written by the library";
        open my $log, '<:raw', "$files/audit.log" or die "audit.log: $!";
        my $entry = do { local $/ = undef; <$log> };
        is seen($entry), 'POST /x HTTP/1.1 b', 'as it was: its client is refused before the body';
        my ($status, $output) = tool($files, qw(test --rules rules.conf --request request --client 192.0.2.9));
        like $output, qr/q is e\\x0a$/m, 'the body to its last octet, and another client, if one is chosen';
    }
    my $native = "---a---A--\n[01/Dec/2026:00:00:00 +0000] id 192.0.2.3 1 192.0.2.4 80\n";
    is seen("$native---a---B--\nPOST / HTTP/1.1\nHost: b\n$form\nTransfer-Encoding: chunked\n\n---a---C--\nq=e\n\n---a---Z--\n"), 'POST / HTTP/1.1 b, q is e', 'chunks that the library has decoded';
    like seen("$native---a---Z--\n"), qr/request: the entry has no request: SecAuditLogParts must have B/, 'without part B';
    like seen("$native---a---B--\nPOST / HTTP/1.1\nHost: b\nContent-Length: 3\n\n---a---Z--\n"), qr/shorter than its Content-Length/, 'without part C';
    like seen('{"a": 1}'), qr/request: an entry of an audit log or a HAR file was expected/, 'other JSON';
    like seen('{"a": '), qr/request: this is not JSON: /, 'half an entry';
};

subtest 'HAR files' => sub {
    my $har = sub (@entries) { return JSON::PP::encode_json({ log => { version => '1.2', entries => \@entries } }) };
    my $entry = sub ($method, $url, $version, $post = undef, $answer = { status => 0 }, %headers) {
        my @headers = map { { name => $_, value => $headers{$_} } } sort keys %headers;
        return { request => { method => $method, url => $url, httpVersion => $version, headers => \@headers, $post ? (postData => $post) : () }, response => $answer };
    };
    my $type = 'application/x-www-form-urlencoded';
    my @headers = (Host => 'b', 'Content-Type' => $type, 'Content-Length' => 99);
    is seen($har->($entry->('GET', 'https://b/x?q=e#top', 'h2', undef, { status => 0 }, ':authority' => 'b', ':method' => 'GET', ':path' => '/x?q=e', ':scheme' => 'https'))),
        'GET /x HTTP/2.0 b, q is e', 'with pseudo-headers';
    is seen($har->($entry->('POST', 'http://b', 'HTTP/1.1', { mimeType => $type, text => "q=e\n" }, { status => 0 }, @headers))), "POST / HTTP/1.1 b, q is e\n", 'a body';
    is seen($har->($entry->('POST', 'http://b', 'HTTP/1.1', { mimeType => $type, params => [{ name => 'q', value => 'e & f' }] }, { status => 0 }, @headers))), 'POST / HTTP/1.1 b, q is e & f', 'its parameters';
    is seen($har->($entry->('POST', 'http://b', 'HTTP/1.1', { mimeType => $type, encoding => 'base64', text => 'cT1l' }, { status => 0 }, @headers))), 'POST / HTTP/1.1 b, q is e', 'in base64';
    my @two = map { $entry->('GET', "http://b/$_", 'HTTP/1.1', undef, { status => $_, httpVersion => 'HTTP/1.1', headers => [] }, Host => 'b') } 200, 500;
    like seen($har->(@two)), qr/the file has 2 requests: choose one by its number, --entry 1/, 'several';
    is +(tool($files, qw(test --rules rules.conf --request request --entry 1)))[0], 0, 'the first one';
    my ($status, $output) = tool($files, qw(test --rules rules.conf --request request --entry 2));
    like $output, qr/^verdict blocked, status 502$/m, 'the second one, with its response';
    is +(tool_errors($files, qw(test --rules rules.conf --request request), '--entry', $_))[0], 2, "no entry $_" for 0, 3, 'x';
    like seen($har->($entry->('GET', 'http://b/', 'HTTP/1.1', undef, { status => 0 }, Host => "b\r\nX: y"))), qr/has a line end in it/, 'no line can be added';
    like seen($har->($entry->('POST', 'http://b/', 'HTTP/1.1', { mimeType => 'multipart/form-data', params => [{ name => 'a' }] }, { status => 0 }, Host => 'b'))), qr/does not have the body/, 'a body that browsers leave out';
    like seen($har->()), qr/the file has 0 requests/, 'none';
};

subtest 'many requests' => sub {
    Gatehouse::WafTool::spew("$files/set/$_->[0].http", "GET $_->[1] HTTP/1.1\nHost: b\n\n")
        for ['fine', '/?q=a'], ['bad', '/?q=attack'], ['old', '/old'];
    Gatehouse::WafTool::spew("$files/set/broken.http", "HTTP/1.1 500 Oops\n\n");
    my @good = ('# What must hold.', '', 'fine.http passed rule=2 norule=3', 'bad.http blocked status=406 rule=3',
        'old.http redirected', 'fine.http blocked rule=4 client=198.51.100.7', "fine.http blocked status=502 response=broken.http\r");
    my $run = sub (@lines) {
        Gatehouse::WafTool::spew("$files/set/list", join "\n", @lines, '');
        return tool_errors($files, qw(test --rules rules.conf --cases set/list));
    };
    my ($status, $output) = $run->(@good);
    is "$status $output", "0 ok      3: fine.http\nok      4: bad.http\nok      5: old.http\nok      6: fine.http\nok      7: fine.http\n5 as expected, 0 not\n", 'all as expected';
    my @bad = ('fine.http blocked', 'bad.http passed', 'bad.http blocked status=403', 'fine.http passed rule=3', 'bad.http blocked norule=3', 'old.http blocked');
    ($status, $output) = $run->(@bad, 'fine.http passed');
    is $status, 1, 'a verdict that differs ends a pipeline';
    like $output, qr/^FAILED  1: fine\.http: expected blocked, got passed rule=1 rule=2$/m, 'what was expected, and what came';
    like $output, qr/^FAILED  3: bad\.http: expected blocked status=403, got blocked status=406 rule=1 rule=2 rule=3$/m, 'another status';
    like $output, qr/^FAILED  4: fine\.http: expected rule=3, got /m, 'a rule that did not match';
    like $output, qr/^1 as expected, 6 not\n\z/m, 'the sum';
    my ($of_json, $json) = tool($files, qw(test --rules rules.conf --cases set/list --json));
    is_deeply [$of_json, map { $_->{as_expected} ? 1 : 0 } decode_json($json)->{cases}->@*], [1, (0) x 6, 1], 'for machines';
    my %wrong = ('fine.http maybe' => 'list:1: "passed", "blocked" or "redirected"', 'fine.http passed x=1' => 'list:1: "status=CODE"',
        'fine.http passed status=200' => 'list:1: a request that passes has no status', 'none.http passed' => 'list:1: "set/none.http"',
        'broken.http passed' => 'list:1: set/broken.http:1: a request line', '# nothing' => 'list:1: no request is named',
        'fine.http passed rule=0' => 'list:1: "status=CODE"', 'fine.http blocked client=here' => 'list:1: "status=CODE"');
    for my $line (sort keys %wrong) {
        my ($of_line, undef, $errors) = $run->($line);
        is $of_line, 2, $line;
        like $errors, qr/^gatehouse-waf: set\/\Q$wrong{$line}\E/, '... is refused';
    }
    for my $arguments ([qw(--cases set/list --request get)], [qw(--cases set/list --client 192.0.2.2)], [qw(--cases none)]) {
        is +(tool_errors($files, qw(test --rules rules.conf), @$arguments))[0], 2, "@$arguments";
    }
};

done_testing;
