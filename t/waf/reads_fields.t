# What rules read of the fields of a request, cookies among them, is what the upstream reads of them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Recorder qw(request h2_request);
use Test::More;

my $recorder = Gatehouse::Recorder->new(<<'END');
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRule REQUEST_HEADERS:X-Test "@streq attack" "id:1,phase:1,deny"
    SecRule REQUEST_COOKIES|REQUEST_COOKIES_NAMES "@streq attack" "id:2,phase:1,deny"';
END

# The lines are sent as they are, and reach the upstream where there is no WAF.
sub refused ($name, @lines) {
    my $octets = request('GET / HTTP/1.1', @lines);
    like $recorder->through(off => $octets)->{fields}, qr/attack/, "$name: the upstream gets it";
    my $seen = $recorder->through(on => $octets);
    is $seen->{status}, 403, "$name: refused";
    is $seen->{line}, undef, "$name: nothing has come";
    return;
}

sub refused_http2 ($name, @fields) {
    my $octets = h2_request('GET', '/', @fields);
    like $recorder->through(off2 => $octets)->{fields}, qr/attack/, "HTTP/2, $name: the upstream gets it";
    my $seen = $recorder->through(on2 => $octets);
    is $seen->{status}, 403, "HTTP/2, $name: refused";
    is $seen->{line}, undef, "HTTP/2, $name: nothing has come";
    return;
}

subtest 'blanks and tabs around values' => sub {
    refused('a tab in front', "X-Test:\tattack");
    refused('blanks and tabs', "X-Test: \t attack \t");
    refused('a tab behind', "X-Test: attack\t");
    refused('nothing', 'X-Test:attack');
    refused_http2('a blank in front', ['x-test', ' attack']);
    refused_http2('a tab in front', ['x-test', "\tattack"]);
    refused_http2('behind', ['x-test', "attack \t"]);
    like $recorder->through(on => request('GET / HTTP/1.1', "X-Other:\ta\t"))->{fields}, qr/^X-Other: \ta\t\r$/m,
        'what the upstream gets is as it was sent';
};

subtest 'repeated' => sub {
    refused('the last', 'X-Test: none', 'X-Test: attack');
    refused('the first', 'X-Test: attack', 'X-Test: none');
};

subtest 'cookies' => sub {
    refused($_, "Cookie: $_") for 'a=attack', 'a=b; c=attack', "a=b;\tc=attack", 'a=b;c=attack;', 'attack', 'attack=a',
        '=attack', ' =attack', 'a=b; =attack', 'a=b;;=attack';
    refused('a tab in front', "Cookie:\ta=attack");
    refused('two fields', 'Cookie: a=b', 'Cookie: c=attack');
    refused_http2('two fields', ['cookie', 'a=b'], ['cookie', 'c=attack']);
    refused_http2('no name', ['cookie', '=attack']);
    is $recorder->through(on => request('GET / HTTP/1.1', "Cookie: $_"))->{status}, 200, "$_: passed"
        for '=', '==attack', 'a=attacks', '';
};

subtest 'what nginx refuses' => sub {
    is $recorder->through(off => request('GET / HTTP/1.1', @$_))->{status}, 400, "@$_" =~ s/[^ -~]/./gr
        for ["X-Test: a\r\n attack"], ["X-Test: a\rX-Test: attack"], ["X-Test: a\0"], [' X-Test: attack'], ['X-Test : attack'],
            ['Host: a', 'Host: b'], ['Content-Length: 1', 'Content-Length: 1'], ['Content-Length: +1'],
            ['Content-Length: 1', 'Transfer-Encoding: chunked'], ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'];
    is $recorder->through(off => request('GET / HTTP/1.1', "Transfer-Encoding: $_"))->{status}, 501, $_
        for 'gzip, chunked', 'chunked, identity', 'xchunked', '"chunked"';
    is $recorder->through(off2 => h2_request('GET', '/', ['x-test', $_]))->{line}, undef, $_ =~ s/[^ -~]/./gr
        for "a\r\nb: c", "a\0", "\rattack";
};

subtest 'what nginx drops' => sub {
    for ('X_Test: attack', 'X.Test: attack') {
        my $seen = $recorder->through(on => request('GET / HTTP/1.1', $_));
        is $seen->{status}, 200, $_;
        unlike $seen->{fields}, qr/attack/, "$_: the upstream does not get it";
    }
};

is $recorder->stop, 0, 'nginx ends';
is_deeply [$recorder->waf->complaints], [], 'without harm';

done_testing;
