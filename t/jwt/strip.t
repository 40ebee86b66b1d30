# auth_jwt_strip: the upstream gets the request without its token and otherwise unchanged, whatever was
# read from it before; claims stay readable.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(flip_bit jwks jwt);

key_file('keys.jwks', jwks('ec256'));
my $good   = jwt(alg => 'ES256', claims => { sub => 'alice' });
my $forged = flip_bit($good);

# The upstream answers with what it got.
my $http = <<~'END';
    upstream echo {
        server unix:$TEST_NGINX_KEYS/echo.sock;
    }
    server {
        listen unix:$TEST_NGINX_KEYS/echo.sock;
        location / {
            return 200 "$request_uri A=$http_authorization C=$http_cookie X=$http_x_token O=$http_x_other S=$http_x_sub Copy=$http_x_copy";
        }
    }
    END

# Directives before "proxy_pass" make the difference; the token's place is named by the location.
my %token = (bearer => '', header => 'token=$http_x_token', cookie => 'token=$cookie_x', argument => 'token=$arg_x');
my %read  = (bearer => '$http_authorization', header => '$http_x_token', cookie => '$cookie_x;$http_cookie',
    argument => '$arg_x;$args;$query_string');
my $locations = '';

sub place ($uri, @directives) {
    $locations .= join "\n    ", "location $uri {", @directives, "}\n";
    return;
}
for my $kind (sort keys %token) {
    my @common = ("auth_jwt gate $token{$kind};", 'auth_jwt_strip on;', 'proxy_set_header X-Sub $jwt_claim_sub;');
    place("/$kind/plain/", @common, 'proxy_pass http://echo;');
    place("/$kind/uri/", @common, 'proxy_pass http://echo/up/;');
    place("/$kind/variable/", @common, 'set $up echo;', 'proxy_pass http://$up;');
    place("/$kind/copy/", @common, "set \$early \"$read{$kind}\";", "proxy_set_header X-Copy \"$read{$kind}\";",
        'proxy_pass http://echo;');
    place("/$kind/preaccess/", @common, 'auth_jwt_phase preaccess;', 'proxy_pass http://echo;');
    place("/$kind/dry/", @common, 'auth_jwt_dry_run on;', 'proxy_pass http://echo;');
    place("/$kind/kept/", @common, 'proxy_pass http://echo;', 'location ~ . { auth_jwt_strip off; proxy_pass http://echo; }');
}

# What arrives; the client's other headers are X-Other: o.
sub arrives ($name, $request, $expected, @headers) {
    my %seen = (A => '', C => '', X => '', O => 'o', S => 'alice', Copy => '', %$expected);
    return accepted($name, $request, undef, more_headers => join("\n", @headers, 'X-Other: o'),
        response_body => join ' ', $seen{uri} // $request, map { "$_=$seen{$_}" } qw(A C X O S Copy));
}

for my $how (qw(plain variable preaccess)) {
    my $uri = "/bearer/$how/a%20b?x=1&y=%26";
    arrives("bearer, $how", $uri, {}, "Authorization: Bearer $good");
    arrives("bearer, $how: other headers and cookies are kept", $uri, { C => 'a=1; b=2', X => 't' },
        "Authorization: Bearer $good", 'Cookie: a=1; b=2', 'X-Token: t');

    $uri = "/header/$how/a%20b?x=1";
    arrives("header, $how", $uri, { A => 'Basic YTpi' }, "X-Token: $good", 'Authorization: Basic YTpi');
    arrives("header, $how: both of them", $uri, {}, "X-Token: $good", "X-Token: Bearer $good");

    $uri = "/cookie/$how/a%20b";
    my %kept = ('x=T' => '', 'a=1; x=T' => 'a=1', 'x=T; b=2' => 'b=2', 'a=1; x=T; b=2' => 'a=1; b=2',
        'a=1;x=T;b=2' => 'a=1; b=2', 'x=T; a=1; x=T; X=T' => 'a=1', 'xx=1; x=T; ax=2' => 'xx=1; ax=2',
        'a="1 2"; x=T; b=x=3' => 'a="1 2"; b=x=3', 'a; x=T; b=' => 'a; b=');
    arrives("cookie, $how: $_", $uri, { C => $kept{$_} }, 'Cookie: ' . s/=T/=$good/gr) for sort keys %kept;

    $uri = "/argument/$how/a%20b";
    %kept = ('x=T' => '', 'a=1&x=T' => 'a=1', 'x=T&b=2' => 'b=2', 'a=1&x=T&b=%26+%3D' => 'a=1&b=%26+%3D',
        'x=T&a=1&x=T&X=T' => 'a=1', 'xx=1&x=T&ax=2' => 'xx=1&ax=2', 'a&x=T&b=' => 'a&b=');
    arrives("argument, $how: $_", "$uri?" . s/=T/=$good/gr, { uri => $uri . ($kept{$_} && "?$kept{$_}") })
        for sort keys %kept;
}

# Variables that were read, and kept by nginx, before the token was taken out.
arrives('bearer, read early', '/bearer/copy/', {}, "Authorization: Bearer $good");
arrives('header, read early', '/header/copy/', {}, "X-Token: $good");
arrives('cookie, read early', '/cookie/copy/', { C => 'a=1', Copy => ';a=1' }, "Cookie: a=1; x=$good");
arrives('argument, read early', "/argument/copy/?a=1&x=$good", { uri => '/argument/copy/?a=1', Copy => ';a=1;a=1' });
place('/request-uri', 'auth_jwt gate token=$arg_x;', 'auth_jwt_strip on;', 'proxy_set_header X-Sub $jwt_claim_sub;',
    'proxy_pass http://echo$request_uri;');
arrives('argument, in $request_uri', "/request-uri?a=1&x=$good", { uri => '/request-uri?a=1' });

arrives('bearer, another URI', '/bearer/uri/b?x=1', { uri => '/up/b?x=1' }, "Authorization: Bearer $good");
arrives('argument, another URI', "/argument/uri/b?a=1&x=$good", { uri => '/up/b?a=1' });
arrives('argument, another URI, nothing left', "/argument/uri/b?x=$good", { uri => '/up/b' });

# As nginx sends on what it did not have to touch.
for my $path ('a%2Fb', 'a%3Fb', 'a%23b', '%C3%A9', 'a+b', 'a;b=1', 'a//b', 'a/../b', "a'b") {
    arrives("bearer: path $path", "/bearer/plain/$path?q=%2F", {}, "Authorization: Bearer $good");
    arrives("argument: path $path", "/argument/plain/$path?q=%2F&x=$good", { uri => "/argument/plain/$path?q=%2F" });
}

# Several cookie lines, as HTTP/2 clients send them.
accepted('cookie: several lines', '/cookie/plain/', undef, more_headers => join("\n", 'Cookie: a=1', "Cookie: x=$good", 'Cookie: b=2'),
    response_body_like => qr/ C=a=1; ?(?:x=; ?)?b=2 X=/);

# Off at an inner level: everything arrives.
arrives('bearer, off inside', '/bearer/kept/', { A => "Bearer $good" }, "Authorization: Bearer $good");
arrives('cookie, off inside', '/cookie/kept/', { C => "a=1; x=$good" }, "Cookie: a=1; x=$good");
arrives('argument, off inside', "/argument/kept/?x=$good", {});

# A dry run changes nothing in the request.
sub dry ($kind, $token, $uri, %seen) {
    my $what = $token eq $good ? 'good' : 'forged';
    return attempt("$kind: dry run, $what token", $uri, undef, more_headers => join("\n", ($seen{header} // ()), 'X-Other: o'),
        error_code => 200,
        response_body => "$uri A=" . ($seen{A} // '') . ' C=' . ($seen{C} // '') . ' X=' . ($seen{X} // '') . " O=o S=alice Copy=");
}
for my $token ($good, $forged) {
    dry(bearer => $token, '/bearer/dry/', header => "Authorization: Bearer $token", A => "Bearer $token");
    dry(header => $token, '/header/dry/', header => "X-Token: $token", X => $token);
    dry(cookie => $token, '/cookie/dry/', header => "Cookie: a=1; x=$token", C => "a=1; x=$token");
    dry(argument => $token, "/argument/dry/?x=$token");
}

# After an internal redirect the token is still known, although it is gone from the request.
my $again = 'auth_jwt gate; auth_jwt_strip on;';
place('= /again', $again, 'try_files /none /second;');
place('= /second', $again, 'proxy_set_header X-Sub $jwt_verified_claim_sub;', 'proxy_pass http://echo;');
place('= /error', $again, 'error_page 404 = @named;', 'try_files /none =404;');
place('@named', $again, 'proxy_set_header X-Sub $jwt_verified_claim_sub;', 'proxy_pass http://echo;');
place('= /unstripped', 'auth_jwt gate;', 'try_files /none /second;');
place('= /kept', $again, 'try_files /none /later;');
place('= /later', 'auth_jwt gate;', 'proxy_set_header X-Sub $jwt_verified_claim_sub;', 'proxy_pass http://echo;');
my %seen_as = ('/again' => '/second', '/unstripped' => '/second', '/kept' => '/later', '/error' => '/error');
for my $uri (sort keys %seen_as) {
    arrives("verified again: $uri", $uri, { uri => $seen_as{$uri} }, "Authorization: Bearer $good");
    rejected("refused at once: $uri", $uri, $forged, 'signature is invalid');
}

# What is left for the log and for other variables.
place('= /variables', 'auth_jwt gate token=$arg_x;', 'auth_jwt_strip on;', 'try_files /index.html =404;',
    'add_header X-Seen "[$args][$query_string][$is_args][$arg_x][$jwt_claim_sub][$jwt_verified_claim_sub][$jwt_verified]";');
accepted('variables after it', '/variables', undef, request => "GET /variables?a=1&x=$good",
    response_headers => 'X-Seen: [a=1][a=1][?][][alice][alice][1]');
accepted('variables after it, nothing left', '/variables', undef, request => "GET /variables?x=$good",
    response_headers => 'X-Seen: [][][][][alice][alice][1]');

run_attempts('auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;' . $locations, $http);
