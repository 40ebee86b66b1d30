# auth_jwt: where the token is looked for, what several of them mean, realms, `off`, and the size limit.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(flip_bit jwks jwt);

key_file('keys.jwks', jwks('ec256'));
my $good   = jwt(alg => 'ES256', claims => { sub => 'alice' });
my $second = jwt(alg => 'ES256', claims => { sub => 'alice', n => 2 });
my $forged = flip_bit($good);
my $stale  = jwt(alg => 'ES256', claims => { sub => 'alice', exp => 1 });

my $locations = '';

sub place ($uri, $arguments, @directives) {
    $locations .= join "\n    ", "location = $uri {", "auth_jwt $arguments;", @directives,
        'add_header X-Sub "$jwt_claim_sub" always;', 'add_header X-Verified "$jwt_verified" always;',
        "try_files /index.html =404;\n}\n";
    return;
}
place('/bearer',        'gate');
place('/arg',           'gate token=$arg_x');
place('/cookie',        'gate token=$cookie_x');
place('/header',        'gate token=$http_x_token');
place('/authorization', 'gate token=$http_authorization');
place('/map',           'gate token=$from_map');
place('/set',           'gate token=$from_set');
place('/off',           'off');
place('/off-arg',       'off token=$arg_x');
place('/off-bearer',    'off token=$http_authorization');

my $DIFFER   = 'several differing tokens in one request';
my $MISSING  = 'token is missing';
my $BAD      = 'signature is invalid';
my $SPELLING = 'token is not canonical base64url';

# The three outcomes of a request without a token argument: %request is what it sends.
sub passes ($name, $uri, %request) {
    return accepted($name, $uri, undef, response_headers => "X-Sub: alice\nX-Verified: 1\n! WWW-Authenticate", %request);
}

sub lacks ($name, $uri, %request) {
    return rejected($name, $uri, undef, $MISSING, response_headers => 'WWW-Authenticate: Bearer realm="gate"', %request);
}

sub differs ($name, $uri, %request) {
    return attempt($name, $uri, undef, error_code => 400, judged => $DIFFER,
        response_headers => "WWW-Authenticate: Bearer realm=\"gate\", error=\"invalid_request\"\n"
            . "! X-Verified\n! X-Sub", %request);
}

sub refused ($name, $uri, $reason, %request) { return rejected($name, $uri, undef, $reason, %request) }

sub headers (@lines) { return (more_headers => join "\n", @lines) }

# RFC 6750, section 2.1, and RFC 9110, sections 11.1 and 11.4.
passes("bearer: scheme \"$_\"", '/bearer', headers("Authorization: $_ $good")) for qw(Bearer bearer BEARER bEaReR);
passes('bearer: several blanks', '/bearer', headers("Authorization: Bearer     $good"));
passes('bearer: a blank at the end', '/bearer', headers("Authorization: Bearer $good  "));
passes('bearer: header in lower case', '/bearer', headers("authorization: Bearer $good"));
lacks('bearer: no header', '/bearer');
lacks("bearer: \"$_->[0]\"", '/bearer', headers("Authorization: $_->[1]")) for
    ['Bearer', 'Bearer'], ['Bearer and blanks', 'Bearer    '], ['Basic', 'Basic YTpi'], ['nothing', ''],
    ['a token alone', $good], ['Bearers', "Bearers $good"], ['Bearer:', "Bearer:$good"], ['JWT', "JWT $good"],
    ['Bearer without blank', "Bearer$good"], ['Bearer and a tab', "Bearer\t$good"], ['two schemes', "Basic YTpi, Bearer $good"];
lacks('bearer: token in an argument', '/bearer', request => "GET /bearer?x=$good&access_token=$good");
lacks('bearer: token in a cookie', '/bearer', headers("Cookie: x=$good"));
refused('bearer: something after it', '/bearer', $SPELLING, headers("Authorization: Bearer $good x"));
refused('bearer: a comma after it', '/bearer', $SPELLING, headers("Authorization: Bearer $good,"));
refused('bearer: in quotes', '/bearer', $SPELLING, headers("Authorization: Bearer \"$good\""));
refused('bearer: forged', '/bearer', $BAD, headers("Authorization: Bearer $forged"));
# nginx itself refuses a second line of that name.
attempt('bearer: two headers', '/bearer', undef, error_code => 400, judged => 'yes',
    headers('Authorization: Bearer x', 'Authorization: Bearer x'));

# Arguments. nginx compares their names without regard to case and decodes nothing.
sub query ($text) { return (request => "GET /arg?$text") }
passes('argument', '/arg', query("x=$good"));
passes('argument among others', '/arg', query("a=1&x=$good&b=2"));
passes('argument in upper case', '/arg', query("X=$good"));
passes('argument: twice the same', '/arg', query("x=$good&x=$good"));
passes('argument: and an empty one', '/arg', query("x=&x=$good&x"));
differs('argument: two tokens', '/arg', query("x=$good&x=$second"));
differs('argument: two tokens, the first forged', '/arg', query("x=$forged&x=$good"));
differs('argument: three, two of them the same', '/arg', query("x=$good&x=$second&x=$good"));
differs('argument: two tokens, cases differ', '/arg', query("x=$good&X=$second"));
lacks('argument: none', '/arg');
lacks('argument: empty', '/arg', query('x='));
lacks('argument: without a value', '/arg', query('x'));
lacks('argument: other names', '/arg', query("xx=$good&y=$good&ax=$good&x%20=$good"));
lacks('argument: the header does not count', '/arg', headers("Authorization: Bearer $good"));
refused('argument: forged', '/arg', $BAD, query("x=$forged"));
refused('argument: encoded', '/arg', 'token is not a compact JWS', query('x=' . $good =~ s/\./%2E/gr));
refused('argument: a scheme', '/arg', $SPELLING, query("x=Bearer%20$good"));

# Cookies: RFC 6265, section 5.4; several lines as HTTP/2 sends them.
passes('cookie', '/cookie', headers("Cookie: x=$good"));
passes('cookie among others', '/cookie', headers("Cookie: a=1; x=$good; b=2"));
passes('cookie without blanks', '/cookie', headers("Cookie: a=1;x=$good;b=2"));
passes('cookie on the second line', '/cookie', headers('Cookie: a=1', "Cookie: x=$good"));
passes('cookie: twice the same', '/cookie', headers("Cookie: x=$good; x=$good"));
passes('cookie: the same on two lines', '/cookie', headers("Cookie: x=$good", "Cookie: x=$good"));
differs('cookie: two tokens', '/cookie', headers("Cookie: x=$good; x=$second"));
differs('cookie: two tokens on two lines', '/cookie', headers("Cookie: x=$second", "Cookie: x=$good"));
lacks('cookie: none', '/cookie');
lacks('cookie: empty', '/cookie', headers('Cookie: x='));
lacks('cookie: other names', '/cookie', headers("Cookie: xx=$good; ax=$good; y=x=$good"));
refused('cookie: forged', '/cookie', $BAD, headers("Cookie: x=$forged"));
refused('cookie: in quotes', '/cookie', $SPELLING, headers("Cookie: x=\"$good\""));

# Other headers, with or without a scheme.
passes('header', '/header', headers("X-Token: $good"));
passes('header in upper case', '/header', headers("X-TOKEN: $good"));
passes('header with a scheme', '/header', headers("X-Token: bearer  $good"));
passes('header: twice the same', '/header', headers("X-Token: $good", "X-Token: $good"));
passes('header: twice the same, one with a scheme', '/header', headers("X-Token: $good", "X-Token: Bearer $good"));
passes('header: and an empty one', '/header', headers('X-Token: ', "X-Token: $good"));
differs('header: two tokens', '/header', headers("X-Token: $good", "X-Token: $second"));
differs('header: two tokens, one with a scheme', '/header', headers("X-Token: Bearer $second", "X-Token: $good"));
lacks('header: none', '/header');
lacks('header: empty', '/header', headers('X-Token: '));
lacks('header: Authorization does not count', '/header', headers("Authorization: Bearer $good"));
lacks('header: an underscore is another name', '/header', headers("X_Token: $good"));
refused('header: forged', '/header', $BAD, headers("X-Token: $forged"));
refused('header: two in one line', '/header', 'token is encrypted', headers("X-Token: $good, $good"));
passes('Authorization as a variable', '/authorization', headers("Authorization: Bearer $good"));
passes('Authorization as a variable, no scheme', '/authorization', headers("Authorization: $good"));
refused('Authorization as a variable, another scheme', '/authorization', 'token is not a compact JWS',
    headers('Authorization: Basic YTpi'));

# Any other variable.
passes('map', '/map', headers("X-First: $good"));
passes('map, the second way', '/map', headers("X-Second: $good"));
lacks('map, neither', '/map');
refused('map, forged', '/map', $BAD, headers("X-First: $forged"));
passes('set', '/set', request => "GET /set?t=$good");
lacks('set, empty', '/set');

# off: nothing is looked at; off token=: claims can be read, and that is all.
my $quiet = "! WWW-Authenticate\n! X-Verified\n";
for my $token ($good, $forged, $stale, 'x.y.z', '') {
    my $kind = { $good => 'good', $forged => 'forged', $stale => 'expired', '' => 'missing' }->{$token} // 'no';
    my $sub  = $kind eq 'no' || $kind eq 'missing' ? '! X-Sub' : 'X-Sub: alice';
    accepted("off, $kind token", '/off', undef, headers("Authorization: Bearer $token"),
        response_headers => "$quiet! X-Sub");
    accepted("off token=, $kind token", '/off-arg', undef, request => "GET /off-arg?x=$token",
        response_headers => "$quiet$sub");
    accepted("off token=\$http_authorization, $kind token", '/off-bearer', undef,
        headers("Authorization: Bearer $token"), response_headers => "$quiet$sub");
}
accepted('off token=, two tokens', '/off-arg', undef, request => "GET /off-arg?x=$good&x=$second",
    response_headers => "$quiet! X-Sub");

# Realms. A variable that says "off" turns it off, as auth_basic has it.
sub realm ($uri, $argument, $shown, %request) {
    place($uri, $argument);
    rejected("realm $argument $uri", $uri, undef, $MISSING, response_headers => "WWW-Authenticate: Bearer realm=\"$shown\"", %request);
}
realm('/realm-blank',   '"a site of ours"', 'a site of ours');
realm('/realm-empty',   '""', '');
realm('/realm-host',    '"at $host"', 'at localhost');
realm('/realm-quoted',  q('say "a\b"'), 'say \\"a\\\\b\\"');
realm('/realm-line',    '"a\r\nb\tc"', 'a  b c');
realm('/realm-arg',     '$arg_realm', 'x', request => 'GET /realm-arg?realm=x');
realm('/realm-evil',    '"$arg_realm"', 'a\\",b', request => 'GET /realm-evil?realm=a",b');
realm('/realm-unset',   '$arg_realm', '');
realm('/realm-off',     '"not off"', 'not off');
realm('/realm-Off',     'Off', 'Off');
accepted('realm "off" in a variable', '/realm-arg', undef, request => 'GET /realm-arg?realm=off',
    response_headers => "! WWW-Authenticate\n! X-Verified");
accepted('realm "off" in a variable, with a bad token', '/realm-arg', $forged, request => 'GET /realm-arg?realm=off',
    response_headers => "! WWW-Authenticate\n! X-Verified");

# The size limit, to the byte; and without ours, what nginx has to say about long lines.
my $bytes = length $good;
place("/size-$_->[0]", 'gate', "auth_jwt_max_token_size $_->[1];")
    for ['equal', $bytes], ['less', $bytes - 1], ['k', '1k'];
accepted('as long as is allowed', '/size-equal', $good);
rejected('a byte too long', '/size-less', $good, 'token is too large');
accepted('1k is enough', '/size-k', $good);
rejected('1k is not enough', '/size-k', jwt(alg => 'ES256', claims => { x => 'x' x 1024 }), 'token is too large');
rejected('16k by default', '/bearer', 'x' x 16385, 'token is too large');
rejected('not more than 16k', '/bearer', 'x' x 16384, 'token is not a compact JWS');
attempt('longer than nginx takes', '/bearer', undef, error_code => 400, judged => 'yes',
    headers('Authorization: Bearer ' . 'x' x 60_000));

run_attempts('auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks; set $from_set $arg_t;' . $locations, <<~'END');
    large_client_header_buffers 4 32k;
    map "$http_x_first$http_x_second" $from_map {
        "~^(?<letters>.+)$" $letters;
        default             "";
    }
    END
