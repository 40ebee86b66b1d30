# What nginx says about auth_jwt's token= and auth_jwt_strip when it reads a configuration.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose 'jwks';

my $keys = conf_file('keys.jwks', jwks('ec256'));
my $map  = 'map $http_x $mapped { default ""; }';

sub server (@directives) {
    return join "\n", $map, 'server {', "auth_jwt_key_file $keys;", @directives, '}';
}

conf_accepted(server("auth_jwt gate token=\$$_;"), "token from \$$_")
    for qw(arg_x cookie_x http_x_token http_authorization mapped request_uri jwt_claim_act);
conf_refused(server('auth_jwt gate token=$no_such_variable;'), qr/unknown "no_such_variable" variable/, 'an unknown variable');
conf_refused(server("auth_jwt gate $_;"), qr/ in .*nginx\.conf:\d+/, "auth_jwt gate $_")
    for 'token=', 'token=abc', 'token=$', 'token', '$arg_x', 'tokens=$arg_x', 'token=$arg_x more';
conf_refused(server('auth_jwt;'), qr/invalid number of arguments in "auth_jwt" directive/, 'auth_jwt without arguments');
conf_refused(server('auth_jwt a; auth_jwt b;'), qr/"auth_jwt" directive is duplicate/, 'auth_jwt twice');
conf_accepted(server('auth_jwt off token=$arg_x;'), 'off with a token');
conf_accepted(server('auth_jwt a; location / { auth_jwt off; }'), 'off inside of on');

my $no_place = qr/"auth_jwt_strip" needs the token in a header, a cookie or an argument in .*nginx\.conf:\d+/;
conf_accepted(server('auth_jwt_strip on;', "auth_jwt gate $_;"), "strip: $_")
    for '', map { "token=\$$_" } qw(arg_x cookie_x http_x_token http_authorization);
conf_refused(server('auth_jwt_strip on;', "auth_jwt gate token=\$$_;"), $no_place, "strip: token=\$$_")
    for qw(mapped request_uri);
conf_refused(server('auth_jwt_strip on;', 'location / { auth_jwt gate token=$mapped; }'), $no_place, 'strip: inherited');
conf_refused(server('auth_jwt gate token=$mapped;', 'location / { auth_jwt_strip on; }'), $no_place,
    'strip: the token inherited');
conf_accepted(server('auth_jwt_strip on;', 'location / { auth_jwt_strip off; auth_jwt gate token=$mapped; }'),
    'strip: off inside');
conf_accepted(server('auth_jwt_strip on;', 'location / { auth_jwt off token=$mapped; }'), 'strip: nothing enforced');
conf_refused(server('auth_jwt_strip maybe;'), qr/"maybe".* in .*nginx\.conf:\d+/, 'strip: neither on nor off');
conf_refused(server("auth_jwt_max_token_size $_;"), qr/ in .*nginx\.conf:\d+/, "max_token_size \"$_\"")
    for '""', '-1', '1x', 'k', '99999999999999999999', '1k 2k';

done_testing;
