# What rules read of a body is what the upstream reads of it; and a body that can be read in more than
# one way, or not at all, is refused if no rule has refused it.

use v5.36;
use Compress::Zlib ();
use Encode ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Recorder qw(request h2_request);
use Test::More;

my $rules = <<'END';
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
    SecRule REQUEST_HEADERS:Content-Type "^text/xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
    SecRule REQUEST_HEADERS:X-Trust "@streq yes" "id:3,phase:1,allow,nolog"
    SecRule REQUEST_HEADERS:X-Trust "@streq detect" "id:4,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"
    SecRule REQUEST_HEADERS:X-Trust "@streq unread" "id:5,phase:1,pass,nolog,ctl:requestBodyAccess=Off"
    SecRule ARGS|XML:/* "@rx ^attack" "id:6,phase:2,deny"
    SecRule ARGS|ARGS_POST "@rx ^\s*two\s+lines" "id:7,phase:2,deny"';
END
my $recorder = Gatehouse::Recorder->new("modsecurity on;\n$rules" . <<'END');
location /off/    { modsecurity_request_body off; proxy_pass http://unix:$PREFIX/recorder.sock:/; }
location /pass/   { modsecurity_on_error pass;    proxy_pass http://unix:$PREFIX/recorder.sock:/; }
location /dry/    { modsecurity_dry_run on;       proxy_pass http://unix:$PREFIX/recorder.sock:/; }
location /detect/ { modsecurity detect;           proxy_pass http://unix:$PREFIX/recorder.sock:/; }
location /status/ { modsecurity_status 422;       proxy_pass http://unix:$PREFIX/recorder.sock:/; }
END

my $form      = 'application/x-www-form-urlencoded';
my $multipart = 'multipart/form-data';

sub part ($boundary) { return qq(--$boundary\r\nContent-Disposition: form-data; name="q"\r\n\r\nattack\r\n--$boundary--\r\n) }

sub check ($protocol, $octets, $status, $body, $name) {
    is $recorder->through("off$protocol" => $octets)->{body}, $body, "$name: the upstream gets it";
    my $seen = $recorder->through("on$protocol" => $octets);
    is $seen->{status}, $status, "$name: refused";
    is $seen->{line}, undef, "$name: nothing has come";
    return;
}

# The types are sent as they are; on HTTP/2, too.
sub refused ($status, $body, @types) {
    my $name = join(' and ', @types) =~ s/[^ -~]/./gr;
    check('', request('POST / HTTP/1.1', map({ "Content-Type:$_" } @types), \$body), $status, $body, $name);
    check(2, h2_request('POST', '/', map({ ['content-type', $_] } @types), \$body), $status, $body, "HTTP/2, $name");
    return;
}

sub status ($uri, $body, @lines) { return $recorder->through(on => request("POST $uri HTTP/1.1", @lines, \$body))->{status} }

subtest 'types that are forms to somebody' => sub {
    refused(403, 'q=attack', $_) for $form, "\t$form", " \t $form", "\x0b$form", "\xef\xbb\xbf$form", uc $form, "$form;",
        "$form\t;x=y", "$form;charset=utf-8", qq("$form"), ";$form", "text/plain; $form", ",$form";
    refused(403, 'q=attack', $form, $form);
    refused(403, '{"q":"attack"}', "\tapplication/json");
    refused(403, '<q>attack</q>', "\ttext/xml");
};

subtest 'several types' => sub {
    refused(403, 'q=attack', @$_) for ['text/plain', $form], [$form, 'text/plain'], ["text/plain, $form"], ["$form, text/plain"];
    refused(400, 'q=attack', @$_) for ['application/json', $form], [$form, 'application/json'], ["application/json, $form"],
        ["$multipart; boundary=x, $form"], ['text/plain', 'application/json'];
};

subtest 'charsets' => sub {
    refused(400, 'q=none', "$form; charset=$_") for qw(utf-16 "UTF-16LE" utf-7 ibm037 cp500 unknown), '', 'utf-8; charset=utf-16',
        'utf-8;Charset = ibm037', 'utf-8; charset=iso-8859-1';
    refused(400, part('x'), "$multipart; boundary=y; charset=utf-16");
    is status('/', 'q=none', "Content-Type: $form; charset=$_"), 200, $_
        for qw(utf-8 UTF-8 "utf-8" iso-8859-15 windows-1252 us-ascii Shift_JIS GBK), 'utf-8; charset=UTF-8';
};

# What looks like nothing to rules and limits no parser of the library gets, either.
subtest 'charsets of XML' => sub {
    my $xml = '<q>none</q>';
    refused(400, $xml, "text/xml; charset=$_") for 'utf-16', 'utf-7', 'utf-8; charset=ibm037';
    for my $charset ('utf-16', 'utf-16be', 'utf-32le', 'utf-7', 'cp37') {
        my $declared = qq(<?xml version="1.0" encoding='$charset'?>$xml);
        refused(400, Encode::encode($charset, $declared), 'text/xml');
        refused(400, $declared,                           'text/xml');
    }
    refused(400, Encode::encode('utf-16le', $xml), 'text/xml');
    is status('/', $_, 'Content-Type: text/xml; charset=utf-8'), 200, $_ =~ s/[^ -~]/./gr
        for $xml, "\xef\xbb\xbf$xml", " $xml", qq(<?xml version="1.0"?>$xml), qq(<?xml version="1.0" encoding="ISO-8859-1"?>$xml), 'no XML', '';
    refused(400, "<!DOCTYPE q [<!ATTLIST q a CDATA $_>]><q/>", 'text/xml') for '"attack"', "#FIXED 'attack'", "#IMPLIED b\tNMTOKEN\r\n'attack'";
    is status('/', '<!DOCTYPE q [<!ATTLIST q a CDATA #IMPLIED>]><q a="none"/>', 'Content-Type: text/xml'), 200, 'attributes without a value';
    is status('/', '<!DOCTYPE q [<!ENTITY e "none">]><q>&e;</q>', 'Content-Type: text/xml'), 200, 'entities';
    is status('/', Encode::encode('utf-16', $xml), 'Content-Type: application/xml'), 200, 'nobody asked for a parser';
};

subtest 'JSON' => sub {
    my $json = 'application/json';
    refused(403, '{"q":"\\u0061ttack\\ud83d\\ude00"}', $_) for $json, "$json; charset=utf-8";
    refused(400, "[\"$_\"]", $json) for '\\ud800\\u0061ttack', '\\ud800', '\\uDBFF\\n\\udc00';
    refused(400, '{"q":"none"}', "$json; $_") for 'charset=utf-7', 'charset=utf-16', "charset*=utf-8''utf-7";
    is status('/', "[\"$_\"]", "Content-Type: $json"), 200, $_ for '\\ud83d\\ude00', '\\\\ud800', '\\u00e9';
};

subtest 'multipart' => sub {
    refused(403, part('x'), "$multipart; boundary=$_") for 'x', '"x"', "x\t", 'x;', 'x; charset=utf-8';
    refused(403, part('x'), $_) for "\t$multipart;boundary=x", qq($multipart;boundary="x;y");
    refused(403, part('a b,c'), qq($multipart; boundary="a b,c"));
    refused(400, part(''),  "$multipart; boundary=$_") for '', '""';
    refused(400, part('x'), "$multipart; boundary=$_") for 'x,y', 'x y', 'x; boundary=y', 'y; boundary=x', 'x*', 'y; xboundary=x', '"x', ' x',
        'x' x 71;
    refused(400, part('x;y'), qq($multipart; boundary="x;y"));
    refused(400, part('x'), "$multipart$_") for '', '; charset=utf-8; boundary=x', '; Boundary=x', '; boundary =y', "; boundary*=utf-8''x", '; boundary*0=x';
    my $harmless = part('x') =~ s/attack/none/r;
    is status('/', $harmless, "Content-Type: $multipart; boundary=x"), 200, 'others pass';
};

# libmodsecurity leaves out the line breaks.
subtest 'fields of several lines' => sub {
    my sub part ($value, $head = 'name="q"', $more = '') {
        return qq(--x\r\nContent-Disposition: form-data; $head\r\n$more\r\n$value\r\n);
    }
    my sub body (@parts) { return join '', @parts, "--x--\r\n" }
    my sub field (@what) { return body(part(@what)) }
    refused(403, field($_), "$multipart; boundary=x") for "two\r\nlines", "two\nlines", "\r\ntwo\r\n\r\nlines\r\n";
    my $harmless = field('attack') =~ s/attack/a\r\nttack/r;
    is status('/', $harmless, "Content-Type: $multipart; boundary=x"), 200, 'what is none with them';
    refused(400, field('none', 'name="q"', "content-disposition: form-data; name=\"z\"; filename=\"f\"\r\n"), "$multipart; boundary=x");

    # What is a field, and which one, is told as the library tells it.
    my $two = "two\r\nlines";
    refused(403, field($two, @$_), "$multipart; boundary=x") for ['name="filename"'], ['name="q"; filename=""'],
        ['name="q"', "X-A: filename\r\n"], ['name=q'], ["name='q'"], ['name="a\"b\\\\c\d;="'], ["name=\"q\"\r\n ; filename=\"\""], ['filename="" ; name="q"'];
    is status('/', field($two, 'name="q"; filename="f"'), "Content-Type: $multipart; boundary=x"), 200, 'a file is none';

    # Others with the same text but for its line breaks are others.
    my @decoys = (part("tw\r\no\r\n li\r\nnes", 'name="a"'), part("tw\r\no lines", 'name="q"; filename="f"'), part("tw\r\no lines"), part('twolines'));
    for my $decoy (@decoys) {
        refused(403, body($decoy, part('two lines')), "$multipart; boundary=x");
        refused(403, body(part('two lines'), $decoy), "$multipart; boundary=x");
        refused(403, body($decoy, part($two)), "$multipart; boundary=x");
        refused(403, body(part($two), $decoy), "$multipart; boundary=x");
        my $uri = '/?q=two%20lines';
        is status($_, body($decoy), "Content-Type: $multipart; boundary=x"), 403, "$_ beside it" for $uri, '/?q=two%0alines', '/?a=#&q=two%0alines';
    }
    is status('/', body(@decoys, part('x' x 5000), part("\r\n"), part(''), part("a\r\n" . 'y' x 9000), part('')), "Content-Type: $multipart; boundary=x"), 200,
        'they alone pass, with long lines and short ones';
    refused(403, body(@decoys, part('x' x 5000), part("a\r\n" . 'y' x 9000), part(''), part($two)), "$multipart; boundary=x");

    # Where the library and others tell parts apart otherwise.
    refused(400, "--x\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n--x\r\n\r\nnone\r\n--x--\r\n", "$multipart; boundary=x");
    refused(403, body(part("two\r\n--x\0\r\nlines") =~ s/two/attack/r), "$multipart; boundary=x");
};

subtest 'content codings' => sub {
    for my $coded (['gzip', Compress::Zlib::memGzip('q=attack')], ['deflate', Compress::Zlib::compress('q=attack')], ["\tx-gzip", 'any'],
            ['gzip, identity', 'any'], ['br', 'any']) {
        my ($coding, $body) = @$coded;
        my $name = $coding =~ s/\t//r;
        check('', request('POST / HTTP/1.1', "Content-Type: $form", "Content-Encoding:$coding", \$body), 400, $body, $name);
        check(2, h2_request('POST', '/', ['content-type', $form], ['content-encoding', $coding], \$body), 400, $body, "HTTP/2, $name");
    }
    is status('/', 'q=none', "Content-Type: $form", "Content-Encoding: $_"), 200, "\"$_\" is none" for 'identity', 'Identity', '';
    is status('/', 'q=attack', "Content-Type: $form", 'Content-Encoding: identity'), 403, 'and is read';
};

subtest 'how it is sent' => sub {
    my $chunks = "2;a=b\r\nq=\r\n6;c=\"d\"\r\nattack\r\n0\r\nX-Trailer: e\r\n\r\n";
    check('', request('POST / HTTP/1.1', "Content-Type: $form", 'Transfer-Encoding: Chunked') . $chunks, 403, 'q=attack', 'chunk extensions');
    check('', request("$_ / HTTP/1.1", "Content-Type: $form", \'q=attack'), 403, 'q=attack', $_) for qw(GET DELETE PATCH OTHER);
    check('', request('POST / HTTP/1.1', "Content-Type: $form", 'Expect: 100-continue', \"$_=attack"), 403, "$_=attack", 'name ' . substr $_, 0, 3)
        for 'q', '', '%71', 'q' x 5000;
    check(2, h2_request('POST', '/', ['content-type', $form], ['content-length', 8], \'q=attack'), 403, 'q=attack', 'HTTP/2 with a length');
};

subtest 'where it does not matter' => sub {
    my @coded = ("Content-Type: $form", 'Content-Encoding: gzip');
    is $recorder->through(on => request('GET / HTTP/1.1', @coded, 'Content-Type: text/plain'))->{status}, 200, 'there is no body';
    is status($_, 'any', @coded), 200, $_ for qw(/off/ /pass/ /dry/ /detect/);
    is status('/', 'any', @coded, "X-Trust: $_"), 200, $_ for qw(yes detect unread);
    is status('/', 'any', @coded, 'X-Trust: no'), 400, 'otherwise it does';
    is status('/status/', 'any', @coded), 422, 'modsecurity_status';
    $recorder->waf->wait_log(qr/the body has a content coding: the upstream may read the request otherwise than the rules, passed on/);
    $recorder->waf->wait_log(qr/the body has a content coding: the upstream may read the request otherwise than the rules, denied/);
};

is $recorder->stop, 0, 'nginx ends';
is_deeply [$recorder->waf->complaints], [], 'without harm';

done_testing;
