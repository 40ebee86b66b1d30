# auth_jwt_key_request: whatever goes wrong with the keys is a 500 and one line at [error].

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwk jwks keyval);
use Gatehouse::Wire;
use Test::More ();

token(RSA => (alg => 'RS256'));
token(EC  => (alg => 'ES256'));
token(A       => (alg => 'RS256', claims => { iss => 'https://a.example' }));
token(FOREIGN => (alg => 'RS256', claims => { iss => 'https://b.example' }));
token(BROKEN  => (alg => 'RS256', raw_payload => '[]'));
key_file('rsa.jwks',     jwks('rsa'));
key_file('rsa.keyval',   keyval(r => 'rsa'));
key_file('two.jwks',     jwks('rsa', 'ec256'));
key_file('broken.jwks',  '{"keys":[');
key_file('array.jwks',   '[{"kty":"RSA"}]');
key_file('empty',        '');
key_file('useless.jwks', jwks(jwk('rsa1024', kid => 'short')));
key_file('double.jwks',  '{"keys":[],"keys":[]}');

our $Backend = <<'END';
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    root $TEST_NGINX_KEYS;
    location = /error {
        return 500 '{"keys":[]}';
    }
    location = /moved {
        return 302 /rsa.jwks;
    }
    location = /created {
        return 201 '{"keys":[]}';
    }
    location = /no_content {
        return 204;
    }
}
END
our $Location = <<'END';
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/$arg_f;
    try_files /index.html =404;
}
END

# An upstream that ends its answer early. The body is complete JSON all the same.
my $upstream = upstream('early.sock');
my $set = jwks('rsa');

sub early_answer ($what, $answer) {
    my $client = client(get('/t', 'RSA'));
    my $asked  = $upstream->next_request;
    $asked->send($answer);
    $asked->leave;
    Test::More::is($client->response->{status}, 500, $what);
    $client->leave;
}
sub early_length {
    early_answer('closed before Content-Length',
        "HTTP/1.1 200 OK\r\nContent-Length: " . (length($set) + 100) . "\r\n\r\n$set");
}
sub early_chunk {
    early_answer('closed before the last chunk', sprintf
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", length $set, $set);
}
sub early_header { early_answer('closed within the header', "HTTP/1.1 200 OK\r\nContent-") }
sub early_none   { early_answer('closed without an answer', '') }
sub whole_length {
    my $client = client(get('/t', 'RSA'));
    $upstream->next_request->answer(200, $set);
    Test::More::is($client->response->{status}, 200, 'a whole answer after the broken ones');
    $client->leave;
}

run_tests();

__DATA__

=== TEST 1: answers that are no key set
--- http_config eval: $::Backend
--- config eval
$::Location . <<'END';
location /keys/ {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
END
--- cases
/t?f=rsa.jwks      RSA  200
/t?f=gone          RSA  500  key request "/keys/gone": status 404
/t?f=error         RSA  500  key request "/keys/error": status 500
/t?f=moved         RSA  500  key request "/keys/moved": status 302
/t?f=created       RSA  500  key request "/keys/created": status 201
/t?f=no_content    RSA  500  key request "/keys/no_content": status 204
/t?f=broken.jwks   RSA  500  key request "/keys/broken.jwks": not an acceptable JSON key set
/t?f=array.jwks    RSA  500  key request "/keys/array.jwks": not an acceptable JSON key set
/t?f=empty         RSA  500  key request "/keys/empty": not an acceptable JSON key set
/t?f=double.jwks   RSA  500  key request "/keys/double.jwks": not an acceptable JSON key set
/t?f=rsa.keyval    RSA  500  key request "/keys/rsa.keyval": not an acceptable JSON key set
/t?f=useless.jwks  RSA  500  key request "/keys/useless.jwks": no usable key
/t?f=gone          -    401  token is missing
/t?f=rsa.jwks      EC   401  no key matches the token
--- log
0  WWW-Authenticate



=== TEST 2: nothing listens there
--- config eval
$::Location . <<'END';
location /keys/ {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/;
}
END
--- cases
/t?f=rsa.jwks  RSA  500  key request "/keys/rsa.jwks": status 502
--- log
1  [error] connect() failed (111: Connection refused)



=== TEST 3: the key location does not exist, refuses, or is not to be had
--- config eval
$::Location . <<'END';
location = /keys/denied {
    deny all;
    return 403;
}
location = /keys/loop {
    try_files /nowhere /keys/loop;
}
END
--- cases
/t?f=missing  RSA  500  key request "/keys/missing": status 404
/t?f=denied   RSA  500  key request "/keys/denied": status 403
/t?f=loop     RSA  500  key request "/keys/loop": status 500
/t?f=../../x  RSA  500  key request "/keys/../../x": could not be started



=== TEST 4: no challenge on a failure
--- config eval: $::Location
--- request
GET /t?f=missing
--- token: RSA
--- error_code: 500
--- response_headers
! WWW-Authenticate



=== TEST 5: auth_jwt_limits
--- config
location /keys/ {
    alias $TEST_NGINX_KEYS/;
}
location = /bytes {
    auth_jwt site;
    auth_jwt_key_request /keys/$arg_f;
    auth_jwt_limits keys_size=500;
    try_files /index.html =404;
}
location = /count {
    auth_jwt site;
    auth_jwt_key_request /keys/$arg_f;
    auth_jwt_limits keys=1;
    try_files /index.html =404;
}
location = /enough {
    auth_jwt site;
    auth_jwt_key_request /keys/$arg_f;
    auth_jwt_limits keys=2 keys_size=2k;
    try_files /index.html =404;
}
--- cases
/bytes?f=rsa.jwks   RSA  200
/bytes?f=two.jwks   RSA  500  key request "/keys/two.jwks": response is larger than keys_size of auth_jwt_limits
/count?f=rsa.jwks   RSA  200
/count?f=two.jwks   RSA  500  key request "/keys/two.jwks": key set has too many keys
/enough?f=two.jwks  RSA  200
/count?f=two.jwks   RSA  500  key request "/keys/two.jwks": key set has too many keys



=== TEST 6: truncated answers
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys;
    try_files /index.html =404;
}
location = /keys {
    internal;
    proxy_http_version 1.1;
    proxy_pass http://unix:$TEST_NGINX_KEYS/early.sock;
}
--- cases
/t  -  401  token is missing
do early_length  logs key request "/keys": response is incomplete
do early_chunk   logs key request "/keys": response is incomplete
do early_header  logs key request "/keys": status 502
do early_none    logs key request "/keys": status 502
do whole_length



=== TEST 7: a fallback by error_page in the key location
--- config eval
$::Location . <<'END';
location = /keys/down {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    error_page 502 = /fallback;
}
location = /keys/named {
    return 503;
    error_page 503 = @fallback;
}
location = /keys/stays {
    return 503;
    error_page 503 /fallback;
}
location = /fallback {
    alias $TEST_NGINX_KEYS/rsa.jwks;
}
location @fallback {
    root $TEST_NGINX_KEYS;
    try_files /rsa.jwks =404;
}
END
--- cases
/t?f=named  RSA  200
/t?f=named  EC   401  no key matches the token
/t?f=stays  RSA  500  key request "/keys/stays": status 503
/t?f=down   RSA  200



=== TEST 8: one bad source fails the request, whatever the others say
--- config
location /keys/ {
    alias $TEST_NGINX_KEYS/;
}
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/rsa.jwks;
    auth_jwt_key_request /keys/$arg_f;
    auth_jwt_key_request /keys/two.jwks;
    try_files /index.html =404;
}
--- cases
/t?f=two.jwks     RSA  200
/t?f=broken.jwks  RSA  500  key request "/keys/broken.jwks": not an acceptable JSON key set



=== TEST 9: a location that is its own key location
--- config
location = /t {
    auth_jwt site;
    auth_jwt_key_request /t;
    try_files /index.html =404;
}
--- cases
/t  RSA  500  key request "/t": not an acceptable JSON key set



=== TEST 10: an empty name is no source: what a client chose is a 401, and no error line
--- http_config eval
$::Backend . <<'END';
map $jwt_claim_iss $uri_of   { https://a.example /keys/rsa.jwks; default ""; }
map $jwt_claim_iss $file_of  { https://a.example $TEST_NGINX_KEYS/rsa.jwks; default ""; }
END
--- config
location /keys/ {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
location = /request {
    auth_jwt site;
    auth_jwt_key_request $uri_of;
    try_files /index.html =404;
}
location = /file {
    auth_jwt site;
    auth_jwt_phase preaccess;
    auth_jwt_key_file $file_of;
    try_files /index.html =404;
}
location = /both {
    auth_jwt site;
    auth_jwt_key_file $file_of;
    auth_jwt_key_request $uri_of;
    try_files /index.html =404;
}
location = /also {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/two.jwks;
    auth_jwt_key_request $uri_of;
    try_files /index.html =404;
}
location = /issuer {
    auth_jwt site;
    auth_jwt_key_request /keys/gone;
    auth_jwt_issuer https://a.example;
    try_files /index.html =404;
}
location = /issuer/file {
    auth_jwt site;
    auth_jwt_key_file $TEST_NGINX_KEYS/gone$arg_none;
    auth_jwt_issuer https://a.example;
    try_files /index.html =404;
}
--- cases
/request      A        200
/request      FOREIGN  401  no key matches the token: there is no source of keys for it
/request      RSA      401  no key matches the token: there is no source of keys for it
/file         A        200
/file         FOREIGN  401  no key matches the token: there is no source of keys for it
/both         A        200
/both         FOREIGN  401  no key matches the token: there is no source of keys for it
/also         FOREIGN  200
/issuer       A        500  key request "/keys/gone": status 404
/issuer       FOREIGN  401  issuer is not accepted
/issuer       EC       401  issuer is not accepted
/issuer       BROKEN   401  claims are not an acceptable JSON object
/issuer/file  FOREIGN  401  issuer is not accepted
/issuer/file  A        500  key file: open()
--- log
2  [error] auth_jwt
