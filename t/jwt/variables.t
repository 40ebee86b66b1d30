# When the variables have a value: before verification and after it, in other phases, in the access log,
# where nothing is enforced.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose qw(flip_bit jwks);
use Gatehouse::Jose::Keys 'slurp';
use Time::HiRes 'sleep';

key_file('keys.jwks', jwks('hs256'));
token(ALICE  => (alg => 'HS256', claims => { sub => 'alice', role => 'admin' }));
token(BOB    => (alg => 'HS256', claims => { sub => 'bob', role => 'reader' }));
token(FORGED => flip_bit($ENV{TEST_NGINX_TOKEN_ALICE}));
token(STALE  => (alg => 'HS256', claims => { sub => 'alice', exp => 1 }));

# --- logged: the lines of an access log in $TEST_NGINX_KEYS/access.log. nginx writes it when the
# response is out, so it is waited for.
my $log = key_file('access.log', '');
chmod 0666, $log or die "chmod $log: $!";

Test::Nginx::Util::add_block_preprocessor(sub ($block) { truncate $log, 0 });
Test::Nginx::Util::add_test_cleanup_handler(sub ($block) {
    my $expected = $block->logged // return;
    $expected =~ s/\n*\z/\n/;
    for (1 .. 500) {
        last if slurp($log) =~ tr/\n// >= $expected =~ tr/\n//;
        sleep 0.01;
    }
    is slurp($log), $expected, $block->name . ' - access log';
});

our $All = '[$jwt_claim_sub][$jwt_verified][$jwt_verified_claim_sub][$auth_jwt_status]';
our $Keys = 'auth_jwt_key_file $TEST_NGINX_KEYS/keys.jwks;';
our $Site = "$Keys auth_jwt site;";

run_tests();

__DATA__

=== TEST 1: before and after verification
--- config eval
"$::Site set \$early \"$::All\";" . <<"END";
location = /t {
    try_files /index.html =404;
    add_header X-Early \$early always;
    add_header X-Late  "$::All" always;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /t', 'GET /t', 'GET /t']
--- more_headers eval
['', map { ::bearer($_) } 'ALICE', 'FORGED', 'STALE', 'no token']
--- error_code eval
[401, 200, 401, 401, 401]
--- response_headers eval
["X-Early: [][][][]\nX-Late: [][][][REJECTED]",
 "X-Early: [alice][1][alice][]\nX-Late: [alice][1][alice][PASSED]",
 "X-Early: [alice][][][]\nX-Late: [alice][][][REJECTED]",
 "X-Early: [alice][][][]\nX-Late: [alice][][][REJECTED]",
 "X-Early: [][][][]\nX-Late: [][][][REJECTED]"]



=== TEST 2: if, set and rewrite see the claims
--- config eval
$::Site . <<'END';
if ($jwt_claim_role = admin) {
    set $may yes;
}
if ($jwt_verified_claim_role = admin) {
    set $proven " proven";
}
rewrite ^/go$ /as-$jwt_claim_role last;
location = /t {
    add_header X-May "$may$proven" always;
    try_files /index.html =404;
}
location = /as-admin {
    add_header X-At admin;
    try_files /index.html =404;
}
location = /as-reader {
    add_header X-At reader;
    try_files /index.html =404;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /go', 'GET /go', 'GET /go', 'GET /t']
--- more_headers eval
[map { ::bearer($_) } qw(ALICE BOB ALICE BOB FORGED FORGED)]
--- error_code eval
[200, 200, 200, 200, 401, 401]
--- response_headers eval
['X-May: yes proven', '! X-May', 'X-At: admin', 'X-At: reader', "! X-At", 'X-May: yes']



=== TEST 3: map and limit_req are keyed on a claim
--- http_config
map $jwt_claim_role $limited {
    admin   "";
    default $jwt_claim_sub;
}
limit_req_zone $limited zone=sub:64k rate=1r/m;
--- config eval
$::Site . <<'END';
limit_req zone=sub;
location = /t {
    try_files /index.html =404;
}
END
--- cases
# An exceeded limit is answered before anything is verified; an empty key is not limited.
/t  BOB     200
/t  BOB     503
/t  ALICE   200
/t  ALICE   200
/t  FORGED  401  signature is invalid
/t  -       401  token is missing
/t  -       401  token is missing



=== TEST 4: in the access log
--- http_config eval
"log_format all '\$status $::All \$jwt_header_alg \$jwt_claims';"
--- config eval
$::Site . <<'END';
access_log $TEST_NGINX_KEYS/access.log all;
location = /t {
    try_files /index.html =404;
}
location = /off {
    auth_jwt off;
    try_files /index.html =404;
}
location = /redirect {
    try_files /none /off;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /t', 'GET /off', 'GET /redirect']
--- more_headers eval
['', map { ::bearer($_) } qw(BOB FORGED BOB BOB)]
--- error_code eval
[401, 200, 401, 200, 200]
--- logged
401 [-][-][-][REJECTED] - -
200 [bob][1][bob][PASSED] HS256 {\x22role\x22:\x22reader\x22,\x22sub\x22:\x22bob\x22}
401 [alice][-][-][REJECTED] HS256 {\x22role\x22:\x22admin\x22,\x22sub\x22:\x22alice\x22}
200 [-][-][-][-] - -
200 [bob][1][bob][PASSED] HS256 {\x22role\x22:\x22reader\x22,\x22sub\x22:\x22bob\x22}



=== TEST 5: in the access log, read in an earlier phase as well
--- http_config eval
"log_format all '\$status $::All';"
--- config eval
"$::Site set \$early \"$::All\";" . <<'END';
access_log $TEST_NGINX_KEYS/access.log all;
location = /t {
    try_files /index.html =404;
}
location = /first {
    try_files /none /second?$args;
}
location = /second {
    auth_jwt site token=$arg_x;
    try_files /index.html =404;
}
END
--- request eval
['GET /t', 'GET /t', 'GET /first?x=$TEST_NGINX_TOKEN_BOB', 'GET /first?x=$TEST_NGINX_TOKEN_FORGED']
--- more_headers eval
[map { ::bearer($_) } qw(ALICE FORGED ALICE ALICE)]
--- error_code eval
[200, 401, 200, 401]
--- logged
200 [alice][1][alice][PASSED]
401 [alice][-][-][REJECTED]
200 [bob][1][bob][PASSED]
401 [alice][-][-][REJECTED]



=== TEST 6: where nothing is enforced
--- config eval
$::Keys . <<"END";
add_header X-Late "$::All" always;
location = /off {
    auth_jwt off;
    try_files /index.html =404;
}
location = /never {
    try_files /index.html =404;
}
location = /readable {
    auth_jwt off token=\$http_authorization;
    try_files /index.html =404;
}
location = /unsigned {
    auth_jwt site;
    auth_jwt_validate_sig off;
    try_files /index.html =404;
}
location = /dry {
    auth_jwt site;
    auth_jwt_dry_run on;
    try_files /index.html =404;
}
END
--- request eval
['GET /off', 'GET /never', 'GET /readable', 'GET /unsigned', 'GET /dry']
--- more_headers eval
::bearer('FORGED')
--- error_code eval
[200, 200, 200, 200, 200]
--- response_headers eval
['X-Late: [][][][]', 'X-Late: [][][][]', 'X-Late: [alice][][][]', 'X-Late: [alice][][][PASSED]',
 'X-Late: [alice][][][REJECTED_DRY_RUN]']



=== TEST 7: auth_jwt_require sees what is verified
--- config eval
$::Site . <<'END';
location = /verified {
    auth_jwt_require $jwt_verified $jwt_verified_claim_sub error=403;
    try_files /index.html =404;
}
location = /unsigned {
    auth_jwt_validate_sig off;
    auth_jwt_require $jwt_verified error=403;
    try_files /index.html =404;
}
END
--- cases
/verified  ALICE   200
/verified  FORGED  401  signature is invalid
/unsigned  ALICE   403  requirement is not met



=== TEST 8: several tokens are none
--- config eval
$::Keys . <<"END";
add_header X-Late "$::All" always;
location = /t {
    auth_jwt site token=\$arg_x;
    try_files /index.html =404;
}
END
--- request eval
['GET /t?x=$TEST_NGINX_TOKEN_ALICE&x=$TEST_NGINX_TOKEN_BOB', 'GET /t?x=$TEST_NGINX_TOKEN_ALICE']
--- error_code eval
[400, 200]
--- response_headers eval
['X-Late: [][][][REJECTED]', 'X-Late: [alice][1][alice][PASSED]']
