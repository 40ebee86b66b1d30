# auth_jwt_secret_file, auth_jwt_secret_env, auth_jwt_min_hmac_bytes.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwk jwks secret);
use MIME::Base64 qw(encode_base64 encode_base64url);

# Octets that tell the two base64 alphabets apart, and padding from none.
my $binary = "\xfb\xff\xfe\0\r\n" . 'x' x 33 . "\xff";
my $text   = 'a line of text that is some thirty-nine octets';

key_file('text',         $text);
key_file('text.lf',      "$text\n");
key_file('text.crlf',    "$text\r\n");
key_file('text.two',     "$text\n\n");
key_file('binary',       $binary);
key_file('standard',     encode_base64($binary, '') . "\n");
key_file('unpadded',     encode_base64($binary, '') =~ s/=+//r);
key_file('url',          encode_base64url($binary) . "\r\n");
key_file('url.padded',   encode_base64url($binary) . '=' x (-length($binary) % 3));
key_file('hs256',        secret('hs256'));
key_file('rsa.jwks',     jwks(jwk('rsa', kid => 'r')));
key_file('short.jwks',   jwks(jwk('hs256', kid => 'short'), jwk('hs384', kid => 'long')));

$ENV{GATEHOUSE_TEST_TEXT}   = $text;
$ENV{GATEHOUSE_TEST_BINARY} = encode_base64($binary, '');
$ENV{GATEHOUSE_TEST_URL}    = encode_base64url($binary);
conceal($text, $binary, encode_base64($binary, ''), encode_base64url($binary));

token(TEXT    => (alg => 'HS256', secret => $text));
token(TEXT_LF => (alg => 'HS256', secret => "$text\n"));
token(TEXT512 => (alg => 'HS512', secret => $text));
token(BINARY  => (alg => 'HS256', secret => $binary));
token(ENCODED => (alg => 'HS256', secret => encode_base64($binary, '')));
token(EMPTY   => (alg => 'HS256', secret => ''));
token(HS256   => (alg => 'HS256'));
token(HS384   => (alg => 'HS384'));
token(LONG256 => (alg => 'HS256', secret => secret('hs384')));
token(KID_R   => (alg => 'HS256', secret => $text, header => { kid => 'r' }));
token(KID_X   => (alg => 'HS256', secret => $text, header => { kid => 'x' }));
token(RSA     => (alg => 'RS256', header => { kid => 'r' }));

run_tests();

__DATA__

=== TEST 1: a secret file as it is; one newline at its end does not count
--- config
location /plain/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/text;
    try_files /index.html =404;
}
location /lf/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/text.lf;
    try_files /index.html =404;
}
location /crlf/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/text.crlf;
    try_files /index.html =404;
}
location /two/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/text.two;
    try_files /index.html =404;
}
location /binary/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/binary;
    try_files /index.html =404;
}
--- cases
/plain/   TEXT     200
/plain/   TEXT512  200
/plain/   TEXT_LF  401  signature is invalid
/plain/   EMPTY    401  signature is invalid
/plain/   BINARY   401  signature is invalid
/plain/   RSA      401  no key matches the token
/lf/      TEXT     200
/lf/      TEXT_LF  401  signature is invalid
/crlf/    TEXT     200
/two/     TEXT_LF  200
/two/     TEXT     401  signature is invalid
/binary/  BINARY   200



=== TEST 2: base64 of either alphabet, with padding or without
--- config
location /standard/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/standard base64;
    try_files /index.html =404;
}
location /unpadded/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/unpadded base64;
    try_files /index.html =404;
}
location /url/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/url base64;
    try_files /index.html =404;
}
location /url_padded/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/url.padded base64;
    try_files /index.html =404;
}
location /undecoded/ {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/standard;
    try_files /index.html =404;
}
--- cases
/standard/    BINARY   200
/standard/    ENCODED  401  signature is invalid
/unpadded/    BINARY   200
/url/         BINARY   200
/url_padded/  BINARY   200
/undecoded/   ENCODED  200
/undecoded/   BINARY   401  signature is invalid



=== TEST 3: from the environment
--- config
location /text/ {
    auth_jwt site;
    auth_jwt_secret_env GATEHOUSE_TEST_TEXT;
    try_files /index.html =404;
}
location /standard/ {
    auth_jwt site;
    auth_jwt_secret_env GATEHOUSE_TEST_BINARY base64;
    try_files /index.html =404;
}
location /url/ {
    auth_jwt site;
    auth_jwt_secret_env GATEHOUSE_TEST_URL base64;
    try_files /index.html =404;
}
--- cases
/text/      TEXT     200
/text/      BINARY   401  signature is invalid
/standard/  BINARY   200
/standard/  ENCODED  401  signature is invalid
/url/       BINARY   200



=== TEST 4: several secrets; a level that names any replaces the outer ones
--- config
auth_jwt site;
auth_jwt_secret_file $TEST_NGINX_KEYS/text;
auth_jwt_secret_file $TEST_NGINX_KEYS/binary;
auth_jwt_secret_env GATEHOUSE_TEST_TEXT;
location /both/ {
    try_files /index.html =404;
}
location /one/ {
    auth_jwt_secret_file $TEST_NGINX_KEYS/hs256;
    try_files /index.html =404;
}
--- cases
/both/  TEXT    200
/both/  BINARY  200
/both/  HS256   401  signature is invalid
/one/   HS256   200
/one/   TEXT    401  signature is invalid



=== TEST 5: a secret beside a key set counts as a key without a kid
--- config
location = /t {
    auth_jwt site;
    auth_jwt_secret_file $TEST_NGINX_KEYS/text;
    auth_jwt_key_file $TEST_NGINX_KEYS/rsa.jwks;
    try_files /index.html =404;
}
--- cases
/t  RSA    200
/t  TEXT   200
/t  KID_X  200
/t  KID_R  401  no key matches the token



=== TEST 6: auth_jwt_min_hmac_bytes ignores shorter keys of a set
--- config
location /all/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/short.jwks;
    try_files /index.html =404;
}
location /exact/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/short.jwks;
    auth_jwt_min_hmac_bytes 32;
    try_files /index.html =404;
}
location /strict/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/short.jwks;
    auth_jwt_min_hmac_bytes 48;
    try_files /index.html =404;
}
location /variable/ {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f.jwks;
    auth_jwt_min_hmac_bytes 33;
    try_files /index.html =404;
}
--- cases
/all/                HS256    200
/all/                HS384    200
/exact/              HS256    200
/strict/             HS256    401  signature is invalid
/strict/             HS384    200
/strict/             LONG256  200
/variable/?f=short   HS256    401  signature is invalid
/variable/?f=short   HS384    200
