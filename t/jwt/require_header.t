# auth_jwt_require_header: the rules of auth_jwt_require_claim, on the JOSE header.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';

key_file('keys.jwks', jwks('hs256'));

sub header ($name, $json, %claims) {
    token($name => (alg => 'HS256', raw_header => $json, claims => \%claims));
}
header('KID_A',    '{"alg":"HS256","kid":"a-2026","typ":"at+jwt"}');
header('KID_B',    '{"alg":"HS256","kid":"b-2026"}');
header('LEVEL_3',  '{"alg":"HS256","x":{"level":3,"tags":["red","blue"],"a.b":1},"x.level":9}');
header('LEVEL_1',  '{"alg":"HS256","x":{"level":1,"tags":"green"}}');
header('LEVEL_S',  '{"alg":"HS256","x":{"level":"3","tags":{"red":1}}}');
header('PLAIN',    '{"alg":"HS256"}');
header('CLAIMED',  '{"alg":"HS256"}', kid => 'a-2026', x => { level => 3 });

run_tests();

__DATA__

=== TEST 1: every operator
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /eq {
    auth_jwt_require_header kid eq a-2026;
    try_files /index.html =404;
}
location /ne {
    auth_jwt_require_header kid ne a-2026;
    try_files /index.html =404;
}
location /gt {
    auth_jwt_require_header .x.level gt json=1;
    try_files /index.html =404;
}
location /ge {
    auth_jwt_require_header .x.level ge json=1;
    try_files /index.html =404;
}
location /lt {
    auth_jwt_require_header .x.level lt json=3;
    try_files /index.html =404;
}
location /le {
    auth_jwt_require_header .x.level le json=3;
    try_files /index.html =404;
}
location /in {
    auth_jwt_require_header kid in 'json=["a-2026","c-2026"]';
    try_files /index.html =404;
}
location /nin {
    auth_jwt_require_header kid nin 'json={"a-2026":1}';
    try_files /index.html =404;
}
location /any {
    auth_jwt_require_header .x.tags any 'json=["blue","green"]';
    try_files /index.html =404;
}
location /intersect {
    auth_jwt_require_header .x.tags intersect 'json=["red"]';
    try_files /index.html =404;
}
location /nintersect {
    auth_jwt_require_header .x.tags nintersect 'json=["red"]';
    try_files /index.html =404;
}
location /match {
    auth_jwt_require_header kid match ^[ac]-2026$;
    try_files /index.html =404;
}
location /not_match {
    auth_jwt_require_header kid !match ^[ac]-2026$;
    try_files /index.html =404;
}
location /not_gt {
    auth_jwt_require_header .x.level !gt json=1;
    try_files /index.html =404;
}
--- cases
/eq          KID_A    200
/eq          KID_B    401  header requirement is not met
/eq          PLAIN    401  header requirement is not met
/eq          CLAIMED  401  header requirement is not met
/ne          KID_B    200
/ne          KID_A    401  header requirement is not met
/ne          PLAIN    401  header requirement is not met
/gt          LEVEL_3  200
/gt          LEVEL_1  401  header requirement is not met
/gt          LEVEL_S  401  header requirement is not met
/gt          CLAIMED  401  header requirement is not met
/ge          LEVEL_1  200
/ge          LEVEL_S  401  header requirement is not met
/lt          LEVEL_1  200
/lt          LEVEL_3  401  header requirement is not met
/le          LEVEL_3  200
/le          PLAIN    401  header requirement is not met
/in          KID_A    200
/in          KID_B    401  header requirement is not met
/nin         KID_B    200
/nin         KID_A    401  header requirement is not met
/nin         PLAIN    401  header requirement is not met
/any         LEVEL_3  200
/any         LEVEL_1  200
/any         LEVEL_S  401  header requirement is not met
/intersect   LEVEL_3  200
/intersect   LEVEL_1  401  header requirement is not met
/nintersect  LEVEL_1  200
/nintersect  LEVEL_3  401  header requirement is not met
/nintersect  LEVEL_S  401  header requirement is not met
/match       KID_A    200
/match       KID_B    401  header requirement is not met
/not_match   KID_B    200
/not_match   PLAIN    401  header requirement is not met
/not_gt      LEVEL_1  200
/not_gt      LEVEL_S  401  header requirement is not met



=== TEST 2: variables, several rules, auth_jwt_allow_nested
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
location /variable {
    auth_jwt_require_header kid eq $arg_json;
    try_files /index.html =404;
}
location /several {
    auth_jwt_require_header kid match 2026$;
    auth_jwt_require_header typ eq at+jwt;
    try_files /index.html =404;
}
location /plain {
    auth_jwt_require_header x.level eq json=9;
    try_files /index.html =404;
}
location /nested {
    auth_jwt_allow_nested;
    auth_jwt_require_header x.level eq json=3;
    auth_jwt_require_header x."a.b" eq json=1;
    try_files /index.html =404;
}
location /delimiter {
    auth_jwt_allow_nested delimiter=/ quote=^;
    auth_jwt_require_header x/level ge json=3;
    auth_jwt_require_header ^x.level^ ge json=9;
    try_files /index.html =404;
}
--- cases
/variable?json="a-2026"  KID_A    200
/variable?json="a-2026"  KID_B    401  header requirement is not met
/variable?json=a-2026    KID_A    401  header requirement is not met
/several                 KID_A    200
/several                 KID_B    401  header requirement is not met
/plain                   LEVEL_3  200
/plain                   LEVEL_1  401  header requirement is not met
/nested                  LEVEL_3  200
/nested                  LEVEL_1  401  header requirement is not met
/delimiter               LEVEL_3  200
/delimiter               LEVEL_1  401  header requirement is not met



=== TEST 3: claims and header have rules of their own, inherited apart
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_require_header kid eq a-2026;
auth_jwt_require_claim kid eq a-2026;
location /outer {
    try_files /index.html =404;
}
location /inner {
    auth_jwt_require_header alg eq HS256;
    try_files /index.html =404;
}
--- cases
/outer  CLAIMED  401  header requirement is not met
/outer  KID_A    401  claim requirement is not met
/inner  CLAIMED  200
