# auth_jwt_require_claim: operators, types, literals, variables, negation.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';

key_file('keys.jwks', jwks('hs256'));

# Each table: a rule as it is written, payloads that it lets pass, payloads that it does not.
# A payload that misses the claim, in whatever rule, passes never.
our %Table = (
    equality => [
        ['sub eq alice', ['{"sub":"alice"}'],
            ['{"sub":"Alice"}', '{"sub":"alice "}', '{"sub":["alice"]}', '{"sub":""}', '{"sub":null}']],
        ['sub ne alice', ['{"sub":"bob"}', '{"sub":["alice"]}', '{"sub":1}', '{"sub":null}'],
            ['{"sub":"alice"}']],
        ['n eq json=1', ['{"n":1}', '{"n":1.0}', '{"n":1e0}'], ['{"n":"1"}', '{"n":2}', '{"n":true}', '{"n":[1]}']],
        ['n eq 1', ['{"n":"1"}'], ['{"n":1}']],
        ['n ne json=1', ['{"n":"1"}', '{"n":2}'], ['{"n":1}', '{"n":1.0}']],
        ['n eq json=9007199254740993', ['{"n":9007199254740993}'],
            ['{"n":9007199254740992}', '{"n":9007199254740992.0}']],
        ['b eq json=true', ['{"b":true}'], ['{"b":"true"}', '{"b":1}', '{"b":false}']],
        ['b eq json=null', ['{"b":null}'], ['{"b":false}', '{"b":0}', '{"b":""}']],
        [q(o eq 'json={"a":[1,{"b":2}],"c":"x"}'), ['{"o":{"c":"x","a":[1.0,{"b":2}]}}'],
            ['{"o":{"a":[1,{"b":2}]}}', '{"o":{"a":[{"b":2},1],"c":"x"}}',
             '{"o":{"a":[1,{"b":2}],"c":"x","d":1}}', '{"o":{"a":[1,{"b":"2"}],"c":"x"}}']],
        [q(o ne 'json=[1,2]'), ['{"o":[2,1]}', '{"o":[1]}'], ['{"o":[1,2]}']],
        ['s eq json="x"', ['{"s":"x"}', '{"s":"\u0078"}'], ['{"s":"json=\"x\""}']],
    ],
    order => [
        ['n gt json=5', ['{"n":6}', '{"n":5.000001}', '{"n":1e300}'],
            ['{"n":5}', '{"n":5.0}', '{"n":-6}', '{"n":"6"}']],
        ['n ge json=5', ['{"n":5}', '{"n":5.0}', '{"n":6}'],
            ['{"n":4}', '{"n":4.999999}', '{"n":"5"}', '{"n":true}']],
        ['n lt json=5', ['{"n":4}', '{"n":-1e300}'], ['{"n":5}', '{"n":6}', '{"n":"4"}', '{"n":null}']],
        ['n le json=5', ['{"n":5}', '{"n":4.5}'], ['{"n":6}', '{"n":[4]}', '{"n":{"a":4}}']],
        ['n gt json=1.5', ['{"n":2}', '{"n":1.6}'], ['{"n":1}', '{"n":1.5}']],
        ['n !gt json=5', ['{"n":5}', '{"n":4}'], ['{"n":6}', '{"n":"4"}', '{"n":null}', '{"n":[1]}', '{"n":"x"}']],
        ['n !le json=5', ['{"n":6}'], ['{"n":5}', '{"n":"6"}', '{"n":false}']],
        ['n ge json=9007199254740993', ['{"n":9007199254740993}'],
            ['{"n":9007199254740992}', '{"n":9007199254740992.0}']],
    ],
    membership => [
        [q(role in 'json=["admin","user",7]'), ['{"role":"admin"}', '{"role":7}', '{"role":7.0}'],
            ['{"role":"guest"}', '{"role":"7"}', '{"role":["admin"]}', '{"role":null}']],
        [q(role in 'json={"admin":false,"user":null}'), ['{"role":"admin"}', '{"role":"user"}'],
            ['{"role":"guest"}', '{"role":1}', '{"role":["admin"]}']],
        [q(role in 'json=[["a","b"],null]'), ['{"role":["a","b"]}', '{"role":null}'],
            ['{"role":["b","a"]}', '{"role":"a"}']],
        [q(role nin 'json=["admin",7]'), ['{"role":"guest"}', '{"role":"7"}', '{"role":["admin"]}'],
            ['{"role":"admin"}', '{"role":7}']],
        [q(role nin 'json={"admin":1}'), ['{"role":"guest"}'],
            ['{"role":"admin"}', '{"role":1}', '{"role":["guest"]}']],
        [q(role !in 'json={"admin":1}'), ['{"role":"guest"}'], ['{"role":"admin"}', '{"role":1}', '{"role":{}}']],
        [q(role !nin 'json=["admin"]'), ['{"role":"admin"}'], ['{"role":"guest"}', '{"role":1}']],
        [q(role in 'json=[]'), [], ['{"role":"admin"}']],
    ],
    intersection => [
        (map { [qq(groups $_ 'json=["a",2]'),
            ['{"groups":["x","a"]}', '{"groups":"a"}', '{"groups":[2.0]}', '{"groups":2}'],
            ['{"groups":["x"]}', '{"groups":[]}', '{"groups":"x"}', '{"groups":["2"]}',
             '{"groups":{"a":1}}', '{"groups":"a 2"}']] }
            qw(any intersect !nintersect)),
        (map { [qq(groups $_ 'json=["a",2]'), ['{"groups":["x","b"]}', '{"groups":[]}', '{"groups":"x"}'],
            ['{"groups":["x","a"]}', '{"groups":"a"}', '{"groups":{"x":1}}', '{"groups":{}}']] }
            qw(nintersect !any !intersect)),
    ],
    match => [
        ['mail match @example[.]com$', ['{"mail":"a@example.com"}'],
            ['{"mail":"a@example.com\n"}', '{"mail":"a@example.com.evil"}', '{"mail":"a@exampleXcom"}',
             '{"mail":["a@example.com"]}', '{"mail":1}']],
        ['mail !match @example[.]com$', ['{"mail":"a@other.com"}', '{"mail":""}'],
            ['{"mail":"a@example.com"}', '{"mail":["x"]}', '{"mail":1}', '{"mail":null}', '{"mail":{}}']],
        [q(mail match '(?i)^ADMIN\b'), ['{"mail":"admin team"}'], ['{"mail":"administrator"}', '{"mail":"x admin"}']],
        [q(mail match '^.\x{e9}$'), ['{"mail":"\u00e8\u00e9"}'], ['{"mail":"\u00e8"}']],
        ['mail match json="^a$"', ['{"mail":"a"}'], ['{"mail":"b"}']],
        # An expression of exponential cost ends, and it ends closed whatever is asked.
        ['mail match ^(([a-z])+.)+[A-Z]([a-z])+$', ['{"mail":"bbBb"}'], ['{"mail":"' . 'a' x 400 . '"}']],
        ['mail !match ^(([a-z])+.)+[A-Z]([a-z])+$', ['{"mail":"a"}'], ['{"mail":"' . 'a' x 400 . '"}']],
        ['mail match (a*)*$b', [], ['{"mail":"' . 'a' x 5000 . '"}']],
    ],
);

# The configuration and the cases of a table.
sub tokens (@payloads) {
    state %name_of;
    for my $json (grep { !$name_of{$_} } @payloads) {
        my $name = 'P' . scalar keys %name_of;
        token($name => (alg => 'HS256', raw_payload => $json));
        $name_of{$json} = $name;
    }
    return @name_of{@payloads};
}
sub rules ($table) {
    my $n = 0;
    return 'auth_jwt site; auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;' . join '', map { <<"END" } @$table;
location = /@{[$n++]} {
    auth_jwt_require_claim $_->[0];
    try_files /index.html =404;
}
END
}
sub questions ($table) {
    my $cases = '';
    for my $i (keys @$table) {
        my ($rule, $passing, $refused) = $table->[$i]->@*;
        $cases .= "# $rule\n";
        $cases .= "/$i $_ 200\n" for tokens(@$passing);
        $cases .= "/$i $_ 401 claim requirement is not met\n" for tokens(@$refused, '{"other":1}');
    }
    return $cases;
}

# Expected values of a variable, by the value's name.
our $Values = <<'END';
map $arg_v $value {
    number   '5';
    string   '"alice"';
    plain    'alice';
    array    '["alice","bob",5]';
    object   '{"alice":1}';
    null     'null';
    broken   '["alice"';
    double   '{"a":1,"a":2}';
    regex    '"^al"';
    badregex '"("';
    empty    '';
}
END
token(ALICE => (alg => 'HS256', claims => { sub => 'alice', n => 5 }));
token(CAROL => (alg => 'HS256', claims => { sub => 'carol', n => 6 }));
token(LIST  => (alg => 'HS256', claims => { sub => ['alice'], n => '5' }));

run_tests();

__DATA__

=== TEST 1: eq, ne
--- config eval: ::rules($::Table{equality})
--- cases eval: ::questions($::Table{equality})



=== TEST 2: gt, ge, lt, le
--- config eval: ::rules($::Table{order})
--- cases eval: ::questions($::Table{order})



=== TEST 3: in, nin
--- config eval: ::rules($::Table{membership})
--- cases eval: ::questions($::Table{membership})



=== TEST 4: any, intersect, nintersect
--- config eval: ::rules($::Table{intersection})
--- cases eval: ::questions($::Table{intersection})



=== TEST 5: match
--- config eval: ::rules($::Table{match})
--- cases eval: ::questions($::Table{match})



=== TEST 6: the value of a variable is JSON; what is not, or of a wrong type, rejects
--- http_config eval: $::Values
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /eq {
    auth_jwt_require_claim sub eq $value;
    try_files /index.html =404;
}
location /ne {
    auth_jwt_require_claim sub ne $value;
    try_files /index.html =404;
}
location /gt {
    auth_jwt_require_claim n gt $value;
    try_files /index.html =404;
}
location /not_gt {
    auth_jwt_require_claim n !gt $value;
    try_files /index.html =404;
}
location /nin {
    auth_jwt_require_claim sub nin $value;
    try_files /index.html =404;
}
location /nintersect {
    auth_jwt_require_claim sub nintersect $value;
    try_files /index.html =404;
}
location /match {
    auth_jwt_require_claim sub match $value;
    try_files /index.html =404;
}
location /not_match {
    auth_jwt_require_claim sub !match $value;
    try_files /index.html =404;
}
--- cases
/eq?v=string          ALICE  200
/eq?v=string          CAROL  401  claim requirement is not met
/eq?v=plain           ALICE  401  claim requirement is not met
/eq?v=broken          ALICE  401  claim requirement is not met
/eq?v=empty           ALICE  401  claim requirement is not met
/eq                   ALICE  401  claim requirement is not met
/ne?v=string          CAROL  200
/ne?v=plain           CAROL  401  claim requirement is not met
/ne?v=broken          CAROL  401  claim requirement is not met
/ne?v=double          CAROL  401  claim requirement is not met
/ne?v=empty           CAROL  401  claim requirement is not met
/gt?v=number          CAROL  200
/gt?v=number          ALICE  401  claim requirement is not met
/gt?v=string          CAROL  401  claim requirement is not met
/not_gt?v=number      ALICE  200
/not_gt?v=number      LIST   401  claim requirement is not met
/not_gt?v=string      ALICE  401  claim requirement is not met
/not_gt?v=null        ALICE  401  claim requirement is not met
/nin?v=array          CAROL  200
/nin?v=array          ALICE  401  claim requirement is not met
/nin?v=object         CAROL  200
/nin?v=object         ALICE  401  claim requirement is not met
/nin?v=object         LIST   401  claim requirement is not met
/nin?v=string         CAROL  401  claim requirement is not met
/nin?v=number         CAROL  401  claim requirement is not met
/nintersect?v=array   CAROL  200
/nintersect?v=array   LIST   401  claim requirement is not met
/nintersect?v=object  CAROL  401  claim requirement is not met
/match?v=regex        ALICE  200
/match?v=regex        CAROL  401  claim requirement is not met
/match?v=badregex     ALICE  401  claim requirement is not met
/not_match?v=regex    CAROL  200
/not_match?v=regex    LIST   401  claim requirement is not met
/not_match?v=badregex CAROL  401  claim requirement is not met
/not_match?v=number   CAROL  401  claim requirement is not met



=== TEST 7: all of several must hold; a level that sets any replaces the outer ones
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_require_claim sub eq alice;
auth_jwt_require_claim n le json=5;
location /both {
    try_files /index.html =404;
}
location /other {
    auth_jwt_require_claim n eq json=6;
    try_files /index.html =404;
}
--- cases
/both   ALICE  200
/both   CAROL  401  claim requirement is not met
/other  CAROL  200
/other  ALICE  401  claim requirement is not met



=== TEST 8: a string from the request; the status of a refusal, each its own
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location = /eq {
    auth_jwt_require_claim sub eq string=$arg_s error=403;
    try_files /index.html =404;
}
location = /ne {
    auth_jwt_require_claim sub ne string=$arg_s error=403;
    try_files /index.html =404;
}
location = /within {
    auth_jwt_require_claim sub eq "string=a$arg_s" error=401;
    try_files /index.html =404;
}
location = /match {
    auth_jwt_require_claim sub match string=$arg_s error=403;
    try_files /index.html =404;
}
location = /plain {
    auth_jwt_require_claim sub eq string=json=1;
    auth_jwt_require_claim sub match string=^a error=403;
    try_files /index.html =404;
}
location = /order {
    auth_jwt_require_claim none eq 1 error=403;
    auth_jwt_require_claim sub eq alice;
    try_files /index.html =404;
}
location = /header {
    auth_jwt_require_header alg eq string=HS256 error=403;
    auth_jwt_require_header typ eq string=$arg_s error=403;
    try_files /index.html =404;
}
--- cases
/eq?s=alice      ALICE  200
/eq?s=alice      CAROL  403  claim requirement is not met: "sub" eq
/eq?s="alice"    ALICE  403  claim requirement is not met: "sub" eq
/eq              ALICE  403  claim requirement is not met: "sub" eq
/ne?s=alice      CAROL  200
/ne?s=alice      ALICE  403  claim requirement is not met: "sub" ne
/ne              CAROL  403  claim requirement is not met: "sub" ne
/within?s=lice   ALICE  200
/within?s=alice  ALICE  401  claim requirement is not met: "sub" eq
/match?s=^al     ALICE  200
/match?s=^al     CAROL  403  claim requirement is not met: "sub" match
/match?s=(       ALICE  403  claim requirement is not met: "sub" match
/plain           ALICE  401  claim requirement is not met: "sub" eq
/order           ALICE  403  claim requirement is not met: "none" is missing
/header          ALICE  403  header requirement is not met: "typ" is missing
