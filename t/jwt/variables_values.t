# What claims and headers look like as variables: every kind of JSON value, $jwt_claims, paths of
# auth_jwt_claim_set and auth_jwt_header_set, and values that would break a header line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(jwks jwt);

key_file('keys.jwks', jwks('hs256'));

my $http = <<~'END';
    auth_jwt_claim_set $city         address city;
    auth_jwt_claim_set $roles        realm_access roles;
    auth_jwt_claim_set $first_role   .realm_access.roles[0];
    auth_jwt_claim_set $last_role    '.realm_access["roles"][-1]';
    auth_jwt_claim_set $dotted       a.b;
    auth_jwt_claim_set $url          https://example.com/email;
    auth_jwt_claim_set $mixed_case   userId;
    auth_jwt_claim_set $odd_name     '."odd \\"name\\"".x';
    auth_jwt_claim_set $index        list 0;
    auth_jwt_claim_set $deep         a b c d;
    auth_jwt_header_set $issuer_key  jwk kid;
    auth_jwt_header_set $chain       x5c;
    auth_jwt_header_set $second      .x5c[1];
    END

# One location a variable, that shows it as it is after verification.
my $locations = 'auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;';
my %places;
sub shown ($variable) {
    return $places{$variable} //= do {
        my $uri = '/show/' . $variable =~ s/\W//gr;
        $locations .= "location = $uri { auth_jwt gate; try_files /index.html =404; add_header X-Value \"[$variable]\"; }\n";
        $uri;
    };
}

sub value ($name, $variable, $expected, %token) {
    return accepted($name, shown($variable), jwt(alg => 'HS256', %token), response_headers => "X-Value: [$expected]");
}

# [the claim x, how $jwt_claim_x reads]
my @texts = (
    ['"plain"', 'plain'], ['""', ''], ['"with blanks, and \"quotes\" \\\\"', 'with blanks, and "quotes" \\'],
    ['"\u00e9\u20ac\ud83d\ude00"', "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"], ["\"\xc3\xa9\"", "\xc3\xa9"], ['"\t"', "\t"],
    ['0', '0'], ['-1', '-1'], ['42', '42'], ['9007199254740993', '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'], ['-9223372036854775808', '-9223372036854775808'],
    ['1.5', '1.5'], ['0.1', '0.1'], ['-2.25', '-2.25'], ['1700000000.5', '1700000000.5'], ['1e300', '1e+300'],
    ['true', 'true'], ['false', 'false'], ['null', ''],
    ['[]', ''], ['["a"]', 'a'], ['["a","b","c"]', 'a,b,c'], ['["a,b","c"]', 'a,b,c'], ['["a b",""," c"]', 'a b,, c'],
    ['[1,2.5,true,null,"x"]', '1,2.5,true,,x'], ['[["a","b"],["c"]]', 'a,b,c'], ['[{"a":1},{"b":"c"}]', '{"a":1},{"b":"c"}'],
    ['{}', '{}'], ['{"b":1,"a":2}', '{"b":1,"a":2}'], ['{ "a" : { "b" : [ 1 , { "c" : null } ] } }', '{"a":{"b":[1,{"c":null}]}}'],
    ['{"a\"b":"c\\\\d\u0001"}', '{"a\"b":"c\\\\d\u0001"}'], ['{"a":"x\r\ny"}', '{"a":"x\u000d\u000ay"}'],
);
value("claim $_->[0]", '$jwt_claim_x', $_->[1], raw_payload => qq({"x":$_->[0]})) for @texts;
value("header $_->[0]", '$jwt_header_x', $_->[1], raw_header => qq({"alg":"HS256","x":$_->[0]})) for @texts;
value("verified claim $_->[0]", '$jwt_verified_claim_x', $_->[1], raw_payload => qq({"x":$_->[0]})) for @texts;

# No line break and no other control character gets out of a claim as such: not in a string, not in
# an array's elements.
for my $text ('a\r\nX-Evil: 1', 'a\nb', '\r', '\n', 'a\u000ab', 'a\u000db', 'a\u0001b', 'a\u001b[2J', "a\x7fb") {
    for my $json (qq("$text"), qq(["$text"]), qq(["a",["$text"],"b"])) {
        value("claim that breaks a line: $json", $_, '', raw_payload => qq({"x":$json}))
            for '$jwt_claim_x', '$jwt_verified_claim_x';
        value("header that breaks a line: $json", '$jwt_header_x', '', raw_header => qq({"alg":"HS256","x":$json}));
    }
    value("path that breaks a line: $text", '$city', '', raw_payload => qq({"address":{"city":"$text"}}));
    value("all claims, a line break inside: $text", '$jwt_claims', qq({"x":"$text"}), raw_payload => qq({"x":"$text"}));
}

# Names: nginx knows variables in lower case only.
value('a claim in upper case', '$jwt_claim_Sub', 'alice', claims => { sub => 'alice' });
value('a claim whose name is in mixed case', '$jwt_claim_userId', '', claims => { userId => 'alice' });
value('and its path', '$mixed_case', 'alice', claims => { userId => 'alice', userid => 'bob' });
value('a name with underscores and digits', '$jwt_claim_a_b_2', 'alice', claims => { a_b_2 => 'alice' });
value('an absent claim', '$jwt_claim_none', '', claims => { sub => 'alice' });
value('no name at all', '${jwt_claim_}', 'alice', claims => { '' => 'alice' });
value('a header: alg', '$jwt_header_alg', 'HS256');
value('a header: kid', '$jwt_header_kid', 'k 1', header => { kid => 'k 1' });
value('a claim called like a header', '$jwt_header_sub', '', claims => { sub => 'alice' });

# The claims as they were sent, on one line.
my @payloads = (
    ['{"sub":"alice"}', '{"sub":"alice"}'],
    [qq({ "b" : 1.50 ,\r\n\t"a" : [ 1 , "x  y" ] }\n), '{"b":1.50,"a":[1,"x  y"]}'],
    ['{"a":"\u00e9\/\\\\ \" "}', '{"a":"\u00e9\/\\\\ \" "}'],
    ['{"n":12345678901234567}', '{"n":12345678901234567}'],
    ['{}', '{}'],
);
for my $variable ('$jwt_claims', '$jwt_payload') {
    value("$variable of $_->[0]", $variable, $_->[1], raw_payload => $_->[0]) for @payloads;
}

# Paths.
my %claims = (
    address => { city => 'Geneva' }, realm_access => { roles => ['admin', 'a,b', 'reader'] }, 'a.b' => 'dotted',
    'https://example.com/email' => 'a@example.com', 'odd "name"' => { x => 'odd' }, list => ['zero'],
    a => { b => { c => { d => [1, 2] } }, 'a.b' => 'no' },
);
my %path = ('$city' => 'Geneva', '$roles' => 'admin,a,b,reader', '$first_role' => 'admin', '$last_role' => 'reader',
    '$dotted' => 'dotted', '$url' => 'a@example.com', '$odd_name' => 'odd', '$index' => '', '$deep' => '1,2');
value("path of $_", $_, $path{$_}, claims => \%claims) for sort keys %path;
value("path of $_, absent", $_, '') for sort keys %path;
value("path of $_, of other types", $_, '', claims => { address => 'Geneva', realm_access => ['roles'], a => [{ b => 1 }],
    list => 'zero', 'odd "name"' => 1 }) for grep { !/dotted|url/ } sort keys %path;
value('path: an empty list has no last element', '$last_role', '', claims => { realm_access => { roles => [] } });
my %headers = (header => { jwk => { kid => 'inner' }, x5c => ['one', 'two'] });
value('header path', '$issuer_key', 'inner', %headers);
value('header path to an array', '$chain', 'one,two', %headers);
value('header path to an element', '$second', 'two', %headers);
value('header path, absent', '$chain', '');

accepted('$jwt_nowtime', shown('$jwt_nowtime'), jwt(alg => 'HS256', claims => { exp => time + 60 }),
    response_headers_like => 'X-Value: \[1\d{9}\]');

run_attempts($locations, $http);
