# How auth_jwt_require_claim finds a claim: plain names, jq-like paths, auth_jwt_allow_nested.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';

key_file('keys.jwks', jwks('hs256'));

token(ALL => (alg => 'HS256', raw_payload => <<'END'));
{
  "a": { "b": { "c": "abc" }, "b.c": "quoted", "": "empty" },
  "a.b": "dotted", "a.b.c": "dotted twice", "b/c": "slash", ".a": "leading dot", "[0]": "bracket",
  "list": [ "zero", { "name": "one" }, [ "two.zero", "two.one" ] ],
  "https://example.com/roles": [ "admin" ],
  "odd \"key\"": { "x-y_1": "odd" }, "é": "letter", "null": null, "number": 3,
  "realm_access": { "roles": [ "admin", "user" ] }
}
END

# A place is found if its text is the expected one, and there is none if neither eq nor ne holds.
our %Table = (
    names => [
        ['a.b', 'dotted'], ['a.b.c', 'dotted twice'], ['b/c', 'slash'], ['a'], ['a.b.d'], ['list'],
        ['https://example.com/roles'], ['é', 'letter'], ['"a"'], ['a.'],
    ],
    jq => [
        ['.a.b.c', 'abc'], ['.a["b"].c', 'abc'], ['.["a"].b["c"]', 'abc'], ['["a"]["b"]["c"]', 'abc'],
        ['."a"."b".c', 'abc'], ['.a."b.c"', 'quoted'], ['.a[""]', 'empty'], ['."a.b"', 'dotted'],
        ['.list[0]', 'zero'], ['.list[1].name', 'one'], ['.list[2][1]', 'two.one'], ['.list[-1][0]', 'two.zero'],
        ['.list[-3]', 'zero'], ['.list.[0]', 'zero'], ['."https://example.com/roles"[0]', 'admin'],
        ['.realm_access.roles[1]', 'user'], ['."odd \"key\""."x-y_1"', 'odd'], ['."odd \u0022key\u0022".x-y_1', 'odd'],
        ['."é"', 'letter'], ['.".a"', 'leading dot'], ['."[0]"', 'bracket'],
        ['.a.b.d'], ['.x'], ['.x.y.z'], ['.list[3]'], ['.list[-4]'], ['.list[99999999999]'], ['.list.name'],
        ['.a[0]'], ['.number[0]'], ['.number.x'], ['.null.x'], ['.a.b.c.d'], ['.a.b.c[0]'], ['.list["0"]'], ['[0]'],
    ],
    dots => [
        ['a.b.c', 'abc'], ['a."b.c"', 'quoted'], ['"a.b"', 'dotted'], ['"a.b.c"', 'dotted twice'], ['b/c', 'slash'],
        ['"https://example.com/roles"'], ['a.b'], ['a.b.x'], ['list.0'], ['list.1.name'], ['x.y'], ['number.x'],
        # A path is a path whatever the nesting.
        ['.list[0]', 'zero'], ['.a.b.c', 'abc'],
    ],
    slashes => [
        ['a/b/c', 'abc'], ['a/b.c', 'quoted'], ['a.b', 'dotted'], ["'b/c'", 'slash'], ["'https://example.com/roles'"],
        ['b/c'], ["a/'b'/c", 'abc'], ['a.b.c', 'dotted twice'],
    ],
    words => [['a->b->c', 'abc'], ['a->b.c', 'quoted'], ['a->%%b.c%%', 'quoted']],
);

sub quoted ($text) { return "'" . $text =~ s/([\\'])/\\$1/gr . "'" }

# Locations N: the expected text; N/no: whatever it is, it must not be this, which a missing claim
# does not fulfil either.
sub rules ($table, $nesting = '') {
    my $n = -1;
    return "auth_jwt site; auth_jwt_key_file \$TEST_NGINX_KEYS/keys.jwks; $nesting\n" . join '', map {
        my $path = quoted($_->[0]);
        my $expected = quoted($_->[1] // 'json=[]');
        ++$n;
        <<"END";
location = /$n {
    auth_jwt_require_claim $path eq $expected;
    try_files /index.html =404;
}
location = /$n/no {
    auth_jwt_require_claim $path ne @{[quoted('something else')]};
    try_files /index.html =404;
}
END
    } @$table;
}
sub questions ($table, $unfound) {
    my $cases = '';
    for my $i (keys @$table) {
        my ($path, $expected) = $table->[$i]->@*;
        my $refused = '401  claim requirement is not met';
        $cases .= "# $path\n/$i ALL " . (defined $expected ? '200' : $refused) . "\n";
        my $found = defined $expected || !$unfound->{$path};
        $cases .= "/$i/no ALL " . ($found ? '200' : $refused) . "\n";
    }
    return $cases;
}

# Of those without an expected text: there is no such claim.
our %Unfound = map { ($_ => 1) } (
    'a.b.d', '"a"', 'a.',
    '.a.b.d', '.x', '.x.y.z', '.list[3]', '.list[-4]', '.list[99999999999]', '.list.name', '.a[0]', '.number[0]',
    '.number.x', '.null.x', '.a.b.c.d', '.a.b.c[0]', '.list["0"]', '[0]',
    'a.b.x', 'list.0', 'list.1.name', 'x.y', 'number.x', 'b/c',
);

run_tests();

__DATA__

=== TEST 1: a plain name is the name of a member, dots included
--- config eval: ::rules($::Table{names})
--- cases eval: ::questions($::Table{names}, \%::Unfound)



=== TEST 2: a name that begins with a dot or a bracket is a path
--- config eval: ::rules($::Table{jq})
--- cases eval: ::questions($::Table{jq}, \%::Unfound)



=== TEST 3: auth_jwt_allow_nested: names with dots are paths, quotes keep a dot
--- config eval: ::rules($::Table{dots}, 'auth_jwt_allow_nested;')
--- cases eval: ::questions($::Table{dots}, \%::Unfound)



=== TEST 4: another delimiter, another quote
--- config eval: ::rules($::Table{slashes}, q(auth_jwt_allow_nested delimiter=/ "quote='";))
--- cases eval: ::questions($::Table{slashes}, \%::Unfound)



=== TEST 5: of several characters
--- config eval: ::rules($::Table{words}, q(auth_jwt_allow_nested delimiter=-> quote=%%;))
--- cases eval: ::questions($::Table{words}, \%::Unfound)



=== TEST 6: auth_jwt_allow_nested may be written after the rule, or at an inner level
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_require_claim a.b eq dotted;
location /outer {
    try_files /index.html =404;
}
location /inner {
    auth_jwt_allow_nested;
    try_files /index.html =404;
}
location /after {
    auth_jwt_require_claim a.b.c eq abc;
    auth_jwt_allow_nested;
    try_files /index.html =404;
    location /after/inherited {
        auth_jwt_require_claim a.b.c ne x;
        try_files /index.html =404;
    }
}
--- cases
/outer            ALL  200
/inner            ALL  401  claim requirement is not met
/after            ALL  200
/after/inherited  ALL  200
