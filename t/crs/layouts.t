# What Gatehouse::CrsTests reads from the YAML of the Core Rule Set: octets to send, and what to expect.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::CrsTests qw(read_tests differences);
use MIME::Base64 'encode_base64';
use Test::More;

# The one stage of a test whose input and output are written in one line each.
sub stage ($input, $output = '{}') {
    my ($test) = read_tests(<<"END", 'here');
tests:
  - test_title: 1-1
    stages:
      - stage:
          input: $input
          output: $output
END
    return $test->{stages}[0];
}

sub sent ($input) { return stage($input)->{request} }
sub lines (@lines) { return join "\r\n", @lines }

subtest 'requests' => sub {
    is sent('{}'), lines('GET / HTTP/1.1', 'Connection: close', '', ''), 'defaults';
    is sent('{method: HEAD, uri: "/a b", version: "", headers: {Host: x, Accept: "*/*", Empty: null}}'),
        lines('HEAD /a b ', 'Accept: */*', 'Empty: ', 'Host: x', 'Connection: close', '', ''), 'headers by name';
    is sent('{headers: {connection: keep-alive}}'),
        lines('GET / HTTP/1.1', 'connection: keep-alive', '', ''), 'a header that is given';
    is sent('{method: POST}'),
        lines('POST / HTTP/1.1', 'Connection: close', 'Content-Length: 0', '', ''), 'a method with an empty body';
    is sent('{headers: {X: "\u00fc"}, uri: "/\u20ac"}'),
        lines("GET /\xe2\x82\xac HTTP/1.1", "X: \xc3\xbc", 'Connection: close', '', ''), 'UTF-8';
};

subtest 'bodies' => sub {
    my $form = 'Content-Type: application/x-www-form-urlencoded';
    my %forms = (
        'a=1'       => 'a=1',
        'a=b=c&d'   => 'a=b%3Dc&d',
        '<a b>=\'&' => '%3Ca+b%3E=%27&',
        'a=1 %20'   => 'a=1 %20',
        'a+b=<'     => 'a+b=<',
    );
    is sent(qq({data: "$_"})),
        lines('GET / HTTP/1.1', $form, 'Connection: close', 'Content-Length: ' . length $forms{$_}, '', $forms{$_}),
        "the form $_" for sort keys %forms;

    is sent('{data: "<", headers: {content-type: text/xml}}'),
        lines('GET / HTTP/1.1', 'content-type: text/xml', 'Connection: close', 'Content-Length: 1', '', '<'),
        'no form';
    is sent('{data: [a, "", b]}') =~ s/.*?\r\n\r\n//sr, 'a%0D%0A%0D%0Ab', 'a list is lines';
    is sent('{data: "a\nb", headers: {Content-Type: multipart/form-data; boundary=a}}') =~ s/.*?\r\n(?=Conn)//sr,
        lines('Connection: close', 'Content-Length: 4', '', 'a', 'b'), 'lines of multipart/form-data';
    is sent('{encoded_data: AAEC, headers: {Content-Type: a/b}}') =~ s/.*?\r\n\r\n//sr, "\0\1\2", 'base64';
};

subtest 'requests that stay as they are' => sub {
    for my $how ('stop_magic: true', 'autocomplete_headers: false') {
        is sent("{data: '<', $how}"), lines('GET / HTTP/1.1', '', '<'), $how;
    }
    my $raw = "GET  /\n\0\n";
    is sent('{uri: /no, encoded_request: ' . encode_base64($raw, '') . '}'), $raw, 'base64';
    is sent('{uri: /no, raw_request: "GET /\n\n"}'), "GET /\n\n", 'text';
};

subtest 'version 4' => sub {
    my @tests = read_tests(<<'END', 'here');
meta: {author: x}
rule_id: 942100
tests:
  - test_id: 7
    stages:
      - input:
          ordered_headers: [{name: B, value: 1}, {name: A, value: 2}, {name: B, value: 3}]
        output: {log: {expect_ids: [942100, 942101]}}
      - input: {uri: /second}
        output: {status: 400}
  - desc: without a number
    stages:
      - input: {}
        output: {log: {no_expect_ids: [942100], match_regex: 'id "94\d+"', no_match_regex: 'id "[^9]'}}
END
    is_deeply [map { $_->{title} } @tests], [qw(942100-7 942100-2)], 'titles';
    my ($first, $second) = $tests[0]{stages}->@*;
    is $first->{request}, lines('GET / HTTP/1.1', 'B: 1', 'A: 2', 'B: 3', 'Connection: close', '', ''), 'headers in order';
    like $second->{request}, qr{^GET /second }, 'a second stage';

    my $ok = 'HTTP/1.1 200 OK';
    is_deeply [differences($first->{expected}, $ok, '[id "942101"]')], ['942100 did not trigger'], 'expect_ids';
    is_deeply [differences($second->{expected}, $ok, '')], ['status 200 not in [400]'], 'status';
    my $third = $tests[1]{stages}[0]{expected};
    is_deeply [differences($third, $ok, '[id "942101"]')], [], 'as expected';
    is_deeply [differences($third, $ok, '[id "942100"] [id "1"]')],
        ['942100 triggered', 'id "[^9] triggered'], 'no_expect_ids, no_match_regex';
    is_deeply [differences($third, $ok, '')], ['id "94\d+" did not trigger'], 'match_regex';
};

subtest 'outcomes' => sub {
    my $ok      = "HTTP/1.1 200 OK\r\n\r\nIt works!";
    my $outcome = sub ($output, $answer = $ok, $log = '') {
        return join '; ', differences(stage('{}', $output)->{expected}, $answer, $log);
    };
    is $outcome->('{}'), '', 'nothing is expected';
    is $outcome->('{}', ''), 'no answer', 'but an answer';
    is $outcome->('{log_contains: id "1"}'), '1 did not trigger', 'a rule';
    is $outcome->('{log_contains: id "1"}', $ok, '[id "1"]'), '', '... that has';
    is $outcome->('{no_log_contains: id "1"}', $ok, '[id "1"]'), '1 triggered', 'a rule that must not';
    is $outcome->('{no_log_contains: id "1"}', $ok, '[id "11"]'), '', '... nor has';
    is $outcome->('{status: [403, 404]}'), 'status 200 not in [403, 404]', 'a status';
    is $outcome->('{status: [403, 404]}', 'HTTP/1.1 400 Bad'), '', 'any refusal';
    is $outcome->('{status: 403}', 'HTTP/1.1 400 Bad'), 'status 400 not in [403]', 'one refusal';
    is $outcome->('{status: [200, 403]}', 'HTTP/1.1 400 Bad'), 'status 400 not in [200, 403]', 'no refusal';
    is $outcome->('{response_contains: works}'), '', 'a text';
    is $outcome->('{response_contains: fails}'), 'text not in response', 'another';
    is $outcome->('{expect_error: true}', ''), '', 'an error';
    is $outcome->('{expect_error: true}'), 'status 200, though an error is due', 'none';
};

subtest 'what cannot be run' => sub {
    is_deeply stage('{uri: /}')->{unsupported}, [], 'nothing to object to';
    is_deeply stage("{$_: $_}")->{unsupported}, [$_], $_ for qw(save_cookie follow_redirect response);

    my %refused = (
        "tests:\n  - {test_title: a}" => qr/^here: a: no stages/,
        "tests:\n  - {stages: []}"    => qr/^here: no rule_id/,
        'meta: {}'                    => qr/^here: no tests/,
    );
    for my $yaml (sort keys %refused) {
        eval { read_tests($yaml, 'here') };
        like $@, $refused{$yaml}, $yaml =~ s/\n//r;
    }
};

done_testing;
