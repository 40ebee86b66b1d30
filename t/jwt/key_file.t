# auth_jwt_key_file: formats, several files, inheritance, paths with variables, choice by kid.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwk jwks keyval);

key_file('rsa.jwks',     jwks('rsa'));
key_file('ec.jwks',      jwks('ec256', 'ed25519'));
key_file('rsa.keyval',   keyval(r1 => 'rsa', r2 => 'rsa_2'));
key_file('broken.jwks',  '{"keys":[');
key_file('array.jwks',   '[]');
key_file('useless.jwks', jwks(jwk('rsa1024', kid => 'short')));
key_file('empty.jwks',   jwks());

token(RSA    => (alg => 'RS256'));
token(RSA_R1 => (alg => 'RS256', header => { kid => 'r1' }));
token(RSA_R2 => (alg => 'RS256', key => 'rsa_2', header => { kid => 'r2' }));
token(RSA_X  => (alg => 'RS256', key => 'rsa_2', header => { kid => 'r1' }));
token(EC     => (alg => 'ES256'));
token(ED     => (alg => 'EdDSA'));

# One good key among keys that cannot be used: each is skipped, none spoils the set.
key_file('mixed.jwks', jwks(
    { kty => 'RSA' }, jwk('rsa1024', kid => 'short'), { kty => 'EC', crv => 'P-256', x => 'AA', y => 'AA' },
    { kty => 'future' }, jwk('ec256', alg => 'RS256'), jwk('ed25519', use => 'enc'), jwk('rsa', kid => 'r1')));

key_file('noise.jwks', jwks(({ kty => 'future' }) x 15, 'rsa'));

# kid: two keys "a", one "b", one without.
key_file('kid.jwks', jwks(jwk('ec256_1', kid => 'a'), jwk('ec256_2', kid => 'a'), jwk('ec256_3', kid => 'b'),
    'ec256_4'));
key_file('all_kids.jwks', jwks(jwk('ec256_1', kid => 'a'), jwk('ec256_3', kid => 'b')));
key_file('no_kid.jwks',   jwks('ec256_4'));
for my $n (1 .. 4) {
    token("KEY${n}_" . uc, (alg => 'ES256', key => "ec256_$n", header => { kid => $_ eq 'no' ? undef : $_ }))
        for qw(a b c no);
}

sub rotate  { key_file('turning.jwks', jwks('ec256')) }
sub back    { key_file('turning.jwks', jwks('rsa')) }
sub garble  { key_file('turning.jwks', 'no JSON') }
back();

key_file('five.jwks', jwks(map { "ec256_$_" } 5 .. 8, 4));

run_tests();

__DATA__

=== TEST 1: a JWKS, a keyval file, several of them
--- config
location = /jwks {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/rsa.jwks jwks;
    try_files /index.html =404;
}
location = /keyval {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/rsa.keyval keyval;
    try_files /index.html =404;
}
location = /both {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/ec.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/rsa.keyval keyval;
    try_files /index.html =404;
}
--- cases
/jwks    RSA     200
/jwks    RSA_R1  200
/jwks    RSA_R2  401  signature is invalid
/jwks    EC      401  no key matches the token
/keyval  RSA     200
/keyval  RSA_R1  200
/keyval  RSA_R2  200
/keyval  RSA_X   401  signature is invalid
/both    EC      200
/both    ED      200
/both    RSA_R2  200
/both    RSA_X   401  signature is invalid



=== TEST 2: a level that names key files replaces the outer ones, a level that names none has them
--- http_config
auth_jwt_key_file $TEST_NGINX_KEYS/rsa.jwks;
auth_jwt_key_file $TEST_NGINX_KEYS/ec.jwks;
--- config
auth_jwt site;
location = /inherited {
    try_files /index.html =404;
}
location /replaced/ {
    auth_jwt_key_file $TEST_NGINX_KEYS/no_kid.jwks;
    try_files /index.html =404;
    location = /replaced/nested {
        try_files /index.html =404;
    }
}
--- cases
/inherited        RSA      200
/inherited        EC       200
/inherited        KEY4_NO  401  signature is invalid
/replaced/        RSA      401  no key matches the token
/replaced/        EC       401  signature is invalid
/replaced/        KEY4_NO  200
/replaced/nested  KEY4_NO  200
/replaced/nested  RSA      401  no key matches the token



=== TEST 3: a path with variables
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_tenant.jwks;
    try_files /index.html =404;
}
--- cases
/t?tenant=rsa      RSA  200
/t?tenant=ec       EC   200
/t?tenant=ec       RSA  401  no key matches the token
/t?tenant=gone     RSA  500  key file: open() "$TEST_NGINX_KEYS/gone.jwks" failed (2: No such file or directory)
/t?tenant=broken   RSA  500  key file "$TEST_NGINX_KEYS/broken.jwks": not an acceptable JSON key set
/t?tenant=array    RSA  500  key file "$TEST_NGINX_KEYS/array.jwks": not an acceptable JSON key set
/t?tenant=useless  RSA  500  key file "$TEST_NGINX_KEYS/useless.jwks": no usable key
/t?tenant=empty    RSA  500  key file "$TEST_NGINX_KEYS/empty.jwks": no usable key
/t?tenant=../rsa   RSA  500  key file name leads out of its directory
/t?tenant=x/../rsa RSA  500  key file name leads out of its directory
/t?tenant=..%2frsa RSA  500  key file: open()
/t?tenant=rsa      RSA  200



=== TEST 4: no key is looked for on behalf of a request without a token
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_tenant.jwks;
    try_files /index.html =404;
}
--- cases
/t?tenant=gone  -  401  token is missing



=== TEST 5: a variable file that changes is noticed at once
--- config
location = /t {
    set $name turning;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$name.jwks;
    try_files /index.html =404;
}
--- cases
/t  RSA  200
/t  EC   401  no key matches the token
do rotate
/t  RSA  401  no key matches the token
/t  EC   200
do garble
/t  EC   500  key file "$TEST_NGINX_KEYS/turning.jwks": not an acceptable JSON key set
do back
/t  RSA  200



=== TEST 6: unless auth_jwt_key_cache allows for keys of that age
--- config
auth_jwt_key_cache 1h;
location = /t {
    set $name turning;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$name.jwks;
    try_files /index.html =404;
}
location = /short {
    auth_jwt_key_cache 1ms;
    set $name turning;
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$name.jwks;
    try_files /index.html =404;
}
--- cases
/t      RSA  200
do rotate
/t      RSA  200
/t      EC   401  no key matches the token
/short  EC   200
do back
/t      EC   200



=== TEST 7: static and variable files at one level
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/ec.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f.keyval keyval;
    try_files /index.html =404;
}
--- cases
/t?f=rsa  EC      200
/t?f=rsa  RSA_R2  200
/t?f=no   EC      500  key file: open() "$TEST_NGINX_KEYS/no.keyval" failed



=== TEST 8: relative paths begin at the directory of nginx.conf
--- config
location = /static {
    auth_jwt site;
    auth_jwt_key_file ../html/keys.jwks;
    try_files /index.html =404;
}
location = /variable {
    auth_jwt site;
    auth_jwt_key_file ../html/$arg_f;
    try_files /index.html =404;
}
--- user_files eval
[['keys.jwks', Gatehouse::Jose::jwks('rsa')]]
--- cases
/static                RSA  200
/variable?f=keys.jwks  RSA  200
/variable?f=gone       RSA  500  key file: open() "$TEST_NGINX_SERVER_ROOT/conf/../html/gone" failed



=== TEST 9: a bad key in a set is skipped, with a warning
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/mixed.jwks;
    try_files /index.html =404;
}
--- suppress_stderr
--- cases
/t  RSA     200
/t  RSA_R1  200
/t  EC      401  no key matches the token
/t  ED      401  no key matches the token
--- log
1  [warn] key file "$TEST_NGINX_KEYS/mixed.jwks": key 1 skipped: member is missing or malformed
5  in $TEST_NGINX_SERVER_ROOT/conf/nginx.conf:
1  mixed.jwks": key 2 "short" skipped: key is too short
1  mixed.jwks": key 3 skipped: member is missing or malformed
1  mixed.jwks": key 4 skipped: key type or curve is not supported
1  mixed.jwks": key 5 skipped: algorithm does not fit the key
5  skipped



=== TEST 10: the warning comes with the reading, not with each request
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f.jwks;
    try_files /index.html =404;
}
--- cases
/t?f=mixed  RSA  200
/t?f=mixed  RSA  200
/t?f=mixed  EC   401  no key matches the token
--- log
1  [warn] auth_jwt: key file "$TEST_NGINX_KEYS/mixed.jwks": key 2 "short" skipped: key is too short
5  skipped



=== TEST 11: and not more of them than an operator can read
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f.jwks;
    try_files /index.html =404;
}
--- cases
/t?f=noise  RSA  200
--- log
10  skipped
1   [warn] auth_jwt: key file "$TEST_NGINX_KEYS/noise.jwks": and 5 more like this



=== TEST 12: kid names the keys; only a kid that nobody has falls back to keys without one
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/kid.jwks;
    try_files /index.html =404;
}
location = /all {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/all_kids.jwks;
    try_files /index.html =404;
}
location = /two {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/no_kid.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/all_kids.jwks;
    try_files /index.html =404;
}
--- cases
/t    KEY1_A   200
/t    KEY2_A   200
/t    KEY3_A   401  signature is invalid
/t    KEY4_A   401  signature is invalid
/t    KEY1_B   401  signature is invalid
/t    KEY3_B   200
/t    KEY4_C   200
/t    KEY1_C   401  signature is invalid
/t    KEY1_NO  200
/t    KEY2_NO  200
/t    KEY3_NO  200
/t    KEY4_NO  200
/all  KEY1_A   200
/all  KEY1_B   401  signature is invalid
/all  KEY1_C   401  no key matches the token
/all  KEY3_NO  200
/two  KEY4_C   200
/two  KEY4_A   401  signature is invalid
/two  KEY1_A   200



=== TEST 13: the number of keys that are tried is bounded
--- config
location = /five {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/five.jwks;
    auth_jwt_limits tries=5;
    try_files /index.html =404;
}
location = /four {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/five.jwks;
    auth_jwt_limits tries=4;
    try_files /index.html =404;
}
--- cases
/five  KEY4_NO  200
/five  KEY1_NO  401  signature is invalid
/four  KEY4_NO  401  too many keys match the token
