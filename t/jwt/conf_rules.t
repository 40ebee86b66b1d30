# What nginx says about rules, variables and places of directives that cannot be. More: conf_errors.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose 'jwks';

conf_file('keys.jwks', jwks('rsa'));

my $place = qr{ in \S+/nginx\.conf:\d+$};

sub location (@lines) {
    return join "\n", 'server { location / {', @lines, '} }';
}
my @complete = ('auth_jwt site;', 'auth_jwt_key_file keys.jwks;');
sub refused ($directive, $message, $name = $directive) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(location(@complete, $directive), qr/\Q$message\E.*$place/, $name);
}

subtest 'rules' => sub {
    for my $rule (qw(auth_jwt_require_claim auth_jwt_require_header)) {
        refused("$rule a like b;", 'invalid parameter "like"; an operator is one of eq, ne, gt, ge, lt, le, '
            . 'in, nin, any, intersect, nintersect, match, with or without "!"');
        refused("$rule a !! b;", 'invalid parameter "!!"; an operator');
        refused("$rule '' eq b;", "invalid value \"\" in \"$rule\" directive");
        refused("$rule a eq;", "invalid number of arguments in \"$rule\" directive");
        refused("$rule a eq b c;", 'invalid parameter "c"');
        refused("$rule a eq b error=401 c;", "invalid number of arguments in \"$rule\" directive");
        refused("$rule a eq b error=$_;", "invalid parameter \"error=$_\"; it must be 401 or 403")
            for '', '400', '500', 'x', '4010';
        refused("$rule a eq 'json=$_';", "invalid parameter \"json=$_\"; the value is not JSON")
            for '', '{', '[1', 'x', '{"a":1,"a":2}', '1 2', "\x01";
        refused("$rule a eq \$;", 'invalid variable name "$"');
        refused("$rule a eq 'string=$_';", 'invalid variable name') for '$', 'a$', '$-';
        refused("$rule a eq '$_';", "invalid parameter \"$_\"; a variable must be the whole value, or within \"string=\"")
            for 'a$host', 'x $host', '1$';
        refused("$rule a eq \xff;", "invalid parameter \"\xff\"; the value is not UTF-8", "$rule, no UTF-8");
        refused("$rule a $_->[0] '$_->[1]';",
            "invalid parameter \"$_->[1]\"; value has the wrong type for the operator")
            for ['in', 'a'], ['nin', 'json=1'], ['any', 'json={"a":1}'], ['nintersect', 'a'], ['gt', '5'],
                ['!le', 'json="5"'], ['match', 'json=1'], ['!in', 'json=null'],
                ['in', 'string=$host'], ['any', 'string=a'], ['ge', 'string=$host'], ['lt', 'string=5'];
        refused("$rule a match '$_';", "invalid parameter \"$_\"; invalid regular expression")
            for '(', '[a', '*', '\C', '(?P<a';
        refused("$rule '$_' eq b;", "invalid parameter \"$_\"; a path looks like .name[0].\"odd name\"")
            for '.', '.a.', '.a[', '.a[]', '.a[x]', '.a[1', '."a', '.a..b', '.1', '[', '[a]',
                '.a[99999999999999999999]', '.a b', '.a."\q"';
        refused("auth_jwt_allow_nested; $rule '$_' eq b;", "invalid parameter \"$_\"")
            for 'a.', 'a..b', '"a', '"a"b', '""';
    }
    refused('auth_jwt_allow_nested x;', 'invalid parameter "x"');
    refused('auth_jwt_allow_nested delimiter=;', 'invalid parameter "delimiter="');
    refused('auth_jwt_allow_nested quote=;', 'invalid parameter "quote="');
    refused('auth_jwt_allow_nested delimiter=x quote=x;', '"delimiter" and "quote" must differ');
    refused('auth_jwt_require;', 'invalid number of arguments in "auth_jwt_require" directive');
    refused("auth_jwt_require $_;", 'a value without a variable requires nothing') for 'a', '$host b', "''";
    refused('auth_jwt_require error=401;', '"auth_jwt_require" directive requires at least one value');
    refused("auth_jwt_require \$host error=$_;", "invalid parameter \"error=$_\"; it must be 401 or 403")
        for '', '400', '500', 'x', '4010';
};

subtest 'variables' => sub {
    # nginx looks for these when it has read everything, and names no line.
    conf_refused(location($_, 'auth_jwt_validate_sig off;'), qr/\[emerg\] \S+ unknown "nonesuch" variable$/, $_)
        for 'auth_jwt "a $nonesuch";', 'auth_jwt a token=$nonesuch;', 'auth_jwt_key_file $nonesuch;',
        'auth_jwt_key_request /$nonesuch;', 'auth_jwt_require $nonesuch;',
        'auth_jwt_require_claim a eq $nonesuch;', 'auth_jwt_require_claim a eq "string=x $nonesuch";', 'auth_jwt_require_header a eq $nonesuch;',
        'auth_jwt_www_authenticate $nonesuch;';

    for my $name (qw(auth_jwt_claim_set auth_jwt_header_set)) {
        my $here  = qr/"$name" directive/;
        my $check = sub ($arguments, $message) {
            conf_refused("$name $arguments;\nserver { location / { } }", qr/$message$place/, "$name $arguments");
        };
        $check->('a b',     qr/invalid variable name "a"/);
        $check->('$ b',     qr/invalid variable name "\$"/);
        $check->('$a',      qr/invalid number of arguments in $here/);
        $check->('$a .b[',  qr/invalid value "\.b\[" in $here; a path looks like \.name\[0\]\."odd name"/);
        $check->('$host b', qr/the duplicate "host" variable/);
        $check->("$_ b",    qr/the name "\Q$_\E" is reserved/)
            for qw($jwt_verified $jwt_verified_claim_sub $auth_jwt_status);
        conf_accepted("$name \$a b c d;\nserver { location / { } }", "$name of a path");
        conf_refused("server { $name \$a b; }", qr/$here is not allowed here$place/, "$name in server");
        conf_refused(location("$name \$a b;"), qr/$here is not allowed here$place/, "$name in location");
    }
};

subtest 'contexts' => sub {
    for my $directive ('auth_jwt off', 'auth_jwt_key_file keys.jwks', 'auth_jwt_leeway 1s',
        'auth_jwt_require $host', 'auth_jwt_require_claim a eq b', 'auth_jwt_phase access',
        'auth_jwt_limits keys=9') {
        my ($name) = split ' ', $directive;
        conf_accepted("$directive; server { location / { } }", "$name in http");
        conf_accepted("server { $directive; }", "$name in server");
        conf_accepted(location("$directive;"), "$name in location");
        conf_accepted(location("limit_except GET { $directive; }"), "$name in limit_except");
        my $message = qr/"$name" directive is not allowed here$place/;
        conf_refused(location("if (\$arg_a) { $directive; }"), $message, "$name in if");
        conf_refused("upstream u { $directive; server 127.0.0.1; }", $message, "$name in upstream");
        conf_refused('', $message, "$name outside of http", "$directive;");
    }
};

done_testing;
