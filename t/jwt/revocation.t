# auth_jwt_revocation_list_sub and auth_jwt_revocation_list_kid.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';

key_file('keys.jwks', jwks('hs256', 'hs384'));
key_file('subjects',  '{"mallory":{"since":1700000000},"trudy":null,"a b/c":1}');
key_file('others',    '{"alice":""}');
key_file('kids',      '{"old-1":null,"old-2":{}}');
key_file('nobody',    '{}');

sub subject ($name, $json) { token($name => (alg => 'HS256', raw_payload => qq({"sub":$json}))) }
subject('ALICE',   '"alice"');
subject('MALLORY', '"mallory"');
subject('ESCAPED', '"m\u0061llory"');
subject('TRUDY',   '"trudy"');
subject('ODD',     '"a b/c"');
subject('CASE',    '"Mallory"');
subject('NUMBER',  '1');
subject('NULL',    'null');
subject('LIST',    '["alice"]');
subject('EMPTY',   '""');
token(NO_SUB  => (alg => 'HS256', claims => { name => 'mallory' }));
token(KID_OLD => (alg => 'HS256', header => { kid => 'old-1' }, claims => { sub => 'alice' }));
token(KID_NEW => (alg => 'HS256', header => { kid => 'new' },   claims => { sub => 'alice' }));
token(FORGED  => Gatehouse::Jose::flip_bit(Gatehouse::Jose::jwt(alg => 'HS256', claims => { sub => 'mallory' })));

run_tests();

__DATA__

=== TEST 1: by sub, which is mandatory then
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/subjects;
    try_files /index.html =404;
}
location = /nobody {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/nobody;
    try_files /index.html =404;
}
--- cases
/t       ALICE    200
/t       CASE     200
/t       EMPTY    200
/t       MALLORY  401  subject is revoked or missing
/t       ESCAPED  401  subject is revoked or missing
/t       TRUDY    401  subject is revoked or missing
/t       ODD      401  subject is revoked or missing
/t       NUMBER   401  subject is revoked or missing
/t       NULL     401  subject is revoked or missing
/t       LIST     401  subject is revoked or missing
/t       NO_SUB   401  subject is revoked or missing
/t       FORGED   401  signature is invalid
/nobody  MALLORY  200
/nobody  NO_SUB   401  subject is revoked or missing



=== TEST 2: by kid, which is mandatory then
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
    auth_jwt_revocation_list_kid $TEST_NGINX_KEYS/kids;
    try_files /index.html =404;
}
--- cases
/t  KID_NEW  200
/t  KID_OLD  401  kid is revoked or missing
/t  ALICE    401  kid is revoked or missing



=== TEST 3: both; an inner list replaces the outer one
--- config
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/subjects;
auth_jwt_revocation_list_kid $TEST_NGINX_KEYS/kids;
location = /inherited {
    try_files /index.html =404;
}
location = /replaced {
    auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/others;
    try_files /index.html =404;
}
--- cases
/inherited  KID_NEW  200
/inherited  KID_OLD  401  kid is revoked or missing
/inherited  MALLORY  401  kid is revoked or missing
/replaced   KID_NEW  401  subject is revoked or missing



=== TEST 4: with auth_jwt_validate_sig off the lists hold all the same
--- config
location = /t {
    auth_jwt site;
    auth_jwt_validate_sig off;
    auth_jwt_revocation_list_sub $TEST_NGINX_KEYS/subjects;
    try_files /index.html =404;
}
--- cases
/t  ALICE   200
/t  FORGED  401  subject is revoked or missing
