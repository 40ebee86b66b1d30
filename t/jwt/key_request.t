# auth_jwt_key_request: where keys come from, and how large they may be.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(b64u jwks keyval);
use Gatehouse::Jose::Keys 'slurp';
use Test::More ();

token(RSA => (alg => 'RS256', header => { kid => 'r' }));
token(EC  => (alg => 'ES256'));
token(ED  => (alg => 'EdDSA'));
key_file('rsa.jwks',   jwks('rsa'));
key_file('ec.jwks',    jwks('ec256'));
key_file('ed.jwks',    jwks('ed25519'));
key_file('rsa.keyval', keyval(r => 'rsa'));

# Some 60 kB: beyond proxy buffers and subrequest_output_buffer_size. The key that counts is the
# last; the others are of the kind that is parsed fastest.
my $filler = b64u('x' x 96);
key_file('many.jwks', jwks((map { { kty => 'oct', k => $filler, kid => "filler $_" } } 1 .. 400), 'ec256'));

# How often the backend was asked.
sub hits_4 {
    my $log = slurp("$ENV{TEST_NGINX_SERVER_ROOT}/logs/hits.log");
    Test::More::is($log =~ tr/\n//, 4, 'both sources are asked for each of two requests');
}

# Key files behind another server; its log counts requests.
our $Backend = <<'END';
server {
    listen unix:$TEST_NGINX_KEYS/backend.sock;
    access_log logs/hits.log;
    root $TEST_NGINX_KEYS;
    gzip_types *;
    gzip_min_length 1;
    gzip_proxied any;
    location /gzip/ {
        gzip on;
        alias $TEST_NGINX_KEYS/;
    }
}
END
our $Keys = <<'END';
location /keys/ {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/;
}
END

run_tests();

__DATA__

=== TEST 1: from a static file, from a response in the configuration, from an upstream
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /file {
    auth_jwt site;
    auth_jwt_key_request /static;
    try_files /index.html =404;
}
location = /static {
    internal;
    alias $TEST_NGINX_KEYS/rsa.jwks;
}
location = /inline {
    auth_jwt site;
    auth_jwt_key_request /returned;
    try_files /index.html =404;
}
location = /returned {
    return 200 '{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}';
}
location = /proxied {
    auth_jwt site;
    auth_jwt_key_request /keys/rsa.jwks jwks;
    try_files /index.html =404;
}
location = /keyval {
    auth_jwt site;
    auth_jwt_key_request /keys/rsa.keyval keyval;
    try_files /index.html =404;
}
END
--- cases
/file     RSA  200
/file     EC   401  no key matches the token
/file     -    401  token is missing
/inline   RSA  401  no key matches the token
/proxied  RSA  200
/proxied  EC   401  no key matches the token
/keyval   RSA  200
/keyval   EC   401  no key matches the token



=== TEST 2: several, files among them; a level that names any replaces the outer ones
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
auth_jwt site;
auth_jwt_key_request /keys/rsa.keyval keyval;
auth_jwt_key_request /keys/ec.jwks;
location = /server {
    try_files /index.html =404;
}
location = /three {
    auth_jwt_key_request /keys/rsa.jwks;
    auth_jwt_key_request /keys/ec.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_f.jwks;
    try_files /index.html =404;
}
location = /other {
    auth_jwt_key_request /keys/ed.jwks;
    try_files /index.html =404;
}
END
--- cases
/server      RSA  200
/server      EC   200
do hits_4
/server      ED   401  no key matches the token
/three?f=ed  RSA  200
/three?f=ed  EC   200
/three?f=ed  ED   200
/other       ED   200
/other       RSA  401  no key matches the token



=== TEST 3: variables and arguments in the URI
--- http_config eval: $::Backend
--- config
location = /t {
    set $keys /choose?from=$arg_tenant&and=more;
    auth_jwt site;
    auth_jwt_key_request $keys;
    try_files /index.html =404;
}
location = /u {
    auth_jwt site;
    auth_jwt_key_request /choose?from=$arg_tenant;
    try_files /index.html =404;
}
location = /choose {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/$arg_from.jwks;
}
--- cases
/t?tenant=rsa  RSA  200
/t?tenant=rsa  EC   401  no key matches the token
/t?tenant=ec   EC   200
/t?tenant=ec   RSA  401  no key matches the token
/u?tenant=rsa  RSA  200
/u?tenant=ec   RSA  401  no key matches the token



=== TEST 4: a key set beyond every buffer
--- http_config eval: $::Backend
--- config
location = /file {
    auth_jwt site;
    auth_jwt_key_request /many.jwks;
    try_files /index.html =404;
}
location = /many.jwks {
    root $TEST_NGINX_KEYS;
}
location = /proxied {
    auth_jwt site;
    auth_jwt_key_request /buffered;
    try_files /index.html =404;
}
location = /buffered {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/many.jwks;
}
location = /small {
    subrequest_output_buffer_size 1k;
    auth_jwt site;
    auth_jwt_key_request /small_buffers;
    try_files /index.html =404;
}
location = /small_buffers {
    subrequest_output_buffer_size 1k;
    proxy_buffer_size 1k;
    proxy_buffers 4 1k;
    proxy_busy_buffers_size 2k;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/many.jwks;
}
location = /unbuffered {
    auth_jwt site;
    auth_jwt_key_request /streamed;
    try_files /index.html =404;
}
location = /streamed {
    proxy_buffering off;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/many.jwks;
}
location = /direct {
    auth_jwt site;
    auth_jwt_key_request /directio;
    try_files /index.html =404;
}
location = /directio {
    aio threads;
    sendfile on;
    output_buffers 2 4k;
    alias $TEST_NGINX_KEYS/many.jwks;
}
--- cases
/file        EC   200
/proxied     EC   200
/small       EC   200
/unbuffered  EC   200
/direct      EC   200
/small       ED   401  no key matches the token



=== TEST 5: HEAD and HTTP/1.0
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/many.jwks;
    try_files /index.html =404;
}
END
--- request eval
["HEAD /t", "HEAD /t", "GET /t HTTP/1.0"]
--- more_headers eval
[::bearer('EC'), ::bearer('ED'), ::bearer('EC')]
--- error_code eval
[200, 401, 200]
--- response_body_like eval
['\A\z', '\A\z', 'It works']
--- log
1  auth_jwt: rejected: no key matches the token



=== TEST 6: HTTP/2
--- http2
--- http_config eval: $::Backend
--- config eval
$::Keys . <<'END';
location = /t {
    auth_jwt site;
    auth_jwt_key_request /keys/many.jwks;
    try_files /index.html =404;
}
END
--- cases
/t  EC  200
/t  ED  401  no key matches the token
/t  -   401  token is missing



=== TEST 7: the client's Accept-Encoding does not bring gzip; where the key location asks for it, it is refused
--- http_config eval: $::Backend
--- config
gzip on;
gzip_types *;
gzip_min_length 1;
location = /t {
    auth_jwt site;
    auth_jwt_key_request /plain;
    try_files /index.html =404;
}
location = /plain {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/gzip/many.jwks;
}
location = /gzip {
    auth_jwt site;
    auth_jwt_key_request /zipped;
    try_files /index.html =404;
}
location = /zipped {
    proxy_set_header Accept-Encoding gzip;
    proxy_http_version 1.1;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock:/gzip/many.jwks;
}
--- request eval
["GET /t", "GET /gzip"]
--- more_headers eval
(::bearer('EC') . "\nAccept-Encoding: gzip\n")
--- error_code eval
[200, 500]
--- log
1  [error] auth_jwt: key request "/zipped": response has a Content-Encoding
1  auth_jwt: 
