# auth_jwt_dry_run and auth_jwt_log_level.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(jwks flip_bit);

key_file('keys.jwks', jwks('hs256'));
token(GOOD    => (alg => 'HS256', claims => { sub => 'alice' }));
token(OTHER   => (alg => 'HS256', claims => { sub => 'bob' }));
token(EXPIRED => (alg => 'HS256', claims => { sub => 'bob', exp => 1 }));
token(FORGED  => flip_bit($ENV{TEST_NGINX_TOKEN_GOOD}));

our $Site = <<'END';
auth_jwt site;
auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;
add_header X-State "$jwt_verified/$jwt_verified_claim_sub/$jwt_claim_sub/$auth_jwt_status" always;
END

run_tests();

__DATA__

=== TEST 1: nothing is refused, all is told
--- config eval
$::Site . <<'END';
auth_jwt_dry_run on;
location = /t {
    try_files /index.html =404;
}
location = /scope {
    auth_jwt_scope admin;
    try_files /index.html =404;
}
location = /require {
    auth_jwt_require $arg_none error=403;
    try_files /index.html =404;
}
END
--- request eval
[('GET /t') x 4, 'GET /scope', 'GET /require']
--- more_headers eval
['', ::bearer('GOOD'), ::bearer('FORGED'), ::bearer('EXPIRED'), ::bearer('GOOD'), ::bearer('GOOD')]
--- error_code eval
[(200) x 6]
--- response_headers eval
[map { "$_\n!WWW-Authenticate" } 'X-State: ///REJECTED_DRY_RUN', 'X-State: 1/alice/alice/PASSED',
 'X-State: //alice/REJECTED_DRY_RUN', 'X-State: //bob/REJECTED_DRY_RUN', ('X-State: //alice/REJECTED_DRY_RUN') x 2]
--- log
1  [info] auth_jwt: rejected, dry run: token is missing
1  [info] auth_jwt: rejected, dry run: signature is invalid
1  [info] auth_jwt: rejected, dry run: token is expired
1  [info] auth_jwt: rejected, dry run: scope is insufficient
1  [info] auth_jwt: rejected, dry run: requirement is not met
5  auth_jwt: rejected



=== TEST 2: nor is a request of several tokens, or one whose keys are not to be had
--- config eval
$::Site . <<'END';
auth_jwt_dry_run on;
location = /several {
    auth_jwt site token=$arg_t;
    try_files /index.html =404;
}
location = /keys {
    auth_jwt_key_file $TEST_NGINX_KEYS/$arg_none.jwks;
    try_files /index.html =404;
}
location = /request {
    auth_jwt_key_request /nowhere;
    try_files /index.html =404;
}
END
--- request eval
["GET /several?t=$ENV{TEST_NGINX_TOKEN_GOOD}&t=$ENV{TEST_NGINX_TOKEN_OTHER}", 'GET /keys', 'GET /request']
--- more_headers eval
['', ::bearer('GOOD'), ::bearer('GOOD')]
--- error_code eval
[(200) x 3]
--- log
1  auth_jwt: rejected, dry run: several differing tokens in one request
1  [error] auth_jwt: key file: open() "$TEST_NGINX_KEYS/.jwks" failed
1  [error] auth_jwt: key request "/nowhere": status 404



=== TEST 3: in the preaccess phase, inherited, and switched off again
--- config eval
$::Site . <<'END';
auth_jwt_phase preaccess;
auth_jwt_dry_run on;
location = /t {
    deny all;
    try_files /index.html =404;
}
location = /off {
    auth_jwt_dry_run off;
    try_files /index.html =404;
}
END
--- request eval
['GET /t', 'GET /off']
--- error_code eval
[403, 401]
--- log
1  auth_jwt: rejected, dry run: token is missing
1  auth_jwt: rejected: token is missing



=== TEST 4: a dry run grants nothing either: satisfy any leaves it to the others
--- config eval
$::Site . <<'END';
location = /t {
    auth_jwt_dry_run on;
    satisfy any;
    deny all;
    try_files /index.html =404;
}
END
--- request eval
['GET /t', 'GET /t']
--- more_headers eval
['', ::bearer('GOOD')]
--- error_code eval
[403, 403]
--- response_headers eval
['!WWW-Authenticate', '!WWW-Authenticate']



=== TEST 5: auth_jwt_log_level
--- config eval
$::Site . CORE::join '', map { <<"END" } qw(info notice warn error);
location = /$_ {
    auth_jwt_log_level $_;
    try_files /index.html =404;
}
END
--- request eval
[map { "GET /$_" } qw(info notice warn error)]
--- error_code eval
[(401) x 4]
--- log
1  [info] auth_jwt: rejected: token is missing
1  [notice] auth_jwt: rejected: token is missing
1  [warn] auth_jwt: rejected: token is missing
1  [error] auth_jwt: rejected: token is missing



=== TEST 6: below the level of error_log nothing is written
--- log_level: warn
--- config eval
$::Site . <<'END';
location = /quiet {
    try_files /index.html =404;
}
location = /loud {
    auth_jwt_log_level warn;
    try_files /index.html =404;
}
END
--- request eval
['GET /quiet', 'GET /loud']
--- error_code eval
[401, 401]
--- log
1  auth_jwt: rejected
1  [warn] auth_jwt: rejected: token is missing
