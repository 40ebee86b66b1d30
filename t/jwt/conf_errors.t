# Every mistake in a configuration is refused in nginx's words, with file and line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose qw(jwk jwks keyval);

conf_file('keys.jwks',    jwks('rsa', 'ec256', 'hs256'));
conf_file('keys.keyval',  keyval(a => 'rsa'));
conf_file('broken.jwks',  '{"keys":[');
conf_file('array.jwks',   '[]');
conf_file('empty',        '');
conf_file('none.jwks',    jwks());
conf_file('useless.jwks', jwks(jwk('rsa1024', kid => 'short'), jwk('ec256', use => 'enc')));
conf_file('list',         '{"alice":1}');

my $place = qr{ in \S+/nginx\.conf:\d+$};

sub location (@lines) {
    return join "\n", 'server { location / {', @lines, '} }';
}
my @complete = ('auth_jwt site;', 'auth_jwt_key_file keys.jwks;');
sub refused ($directive, $message, $name = $directive) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(location(@complete, $directive), qr/\Q$message\E.*$place/, $name);
}
sub accepted ($directive) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(location(@complete, $directive), $directive);
}

# The place is the directive's own, also for what is found only after merging.
for my $mistake ('auth_jwt_leeway x;', 'auth_jwt_key_file absent;',
    'auth_jwt_require_claim a. eq b; auth_jwt_allow_nested;') {
    my ($first, $line) = map { my ($text) = conf_error($_); $text =~ /nginx\.conf:(\d+)$/m }
        'no_such_directive;', "# comment\nserver {\n    location / {\n        $mistake\n    }\n}\n";
    is $line - $first, 3, "the line of: $mistake";
}

subtest 'values' => sub {
    refused("auth_jwt_$_ 1x;", "invalid value \"1x\" in \"auth_jwt_$_\" directive")
        for qw(leeway max_lifetime key_cache max_token_size min_hmac_bytes);
    refused("auth_jwt_$_ -1;", "invalid value \"-1\" in \"auth_jwt_$_\" directive")
        for qw(leeway max_lifetime key_cache max_token_size min_hmac_bytes);
    refused("auth_jwt_$_ '';", "invalid value \"\" in \"auth_jwt_$_\" directive")
        for qw(leeway max_lifetime key_cache max_token_size min_hmac_bytes phase log_level type);
    refused('auth_jwt_leeway 1ms;', 'invalid value "1ms" in "auth_jwt_leeway" directive');
    refused("auth_jwt_$_ yes;",
        "invalid value \"yes\" in \"auth_jwt_$_\" directive; it must be \"on\" or \"off\"")
        for qw(validate_exp validate_sig strip dry_run);
    refused('auth_jwt_phase rewrite;',
        'invalid value "rewrite" in "auth_jwt_phase" directive; it must be "preaccess" or "access"');
    refused('auth_jwt_log_level debug;', 'invalid value "debug" in "auth_jwt_log_level" directive');
    refused('auth_jwt_type opaque;', 'invalid value "opaque" in "auth_jwt_type" directive');
    refused("auth_jwt_type $_;", "invalid value \"$_\" in \"auth_jwt_type\" directive; "
        . 'encrypted tokens are not supported by this version')
        for qw(encrypted nested);
    refused("auth_jwt_algorithms HS256 $_;", "invalid value \"$_\" in \"auth_jwt_algorithms\" directive")
        for qw(none rs256 HS1 RSA1_5 dir);
    refused("auth_jwt_$_ a '' b;", "invalid value \"\" in \"auth_jwt_$_\" directive")
        for qw(issuer audience scope required_claims typ);
    refused("auth_jwt_$_ \$host;",
        "invalid value \"\$host\" in \"auth_jwt_$_\" directive; variables are not supported here")
        for qw(issuer audience scope required_claims typ);
    accepted("auth_jwt_$_;") for 'leeway 1m30s', 'leeway 30', 'max_token_size 64k', 'strip ON', 'type signed',
        'key_cache 500ms', 'phase preaccess', 'min_hmac_bytes 0';
};

subtest 'duplicates' => sub {
    refused("auth_jwt_$_; auth_jwt_$_;", 'directive is duplicate', "auth_jwt_$_, twice")
        for 'type signed', 'key_cache 1s', 'min_hmac_bytes 32', 'algorithms RS256', 'typ JWT', 'leeway 1s',
        'max_lifetime 1h', 'validate_exp on', 'validate_sig on', 'issuer a', 'audience a', 'scope a',
        'required_claims a', 'revocation_list_sub list', 'revocation_list_kid list', 'allow_nested',
        'phase access', 'strip on', 'www_authenticate on', 'dry_run on', 'log_level info', 'max_token_size 1k',
        'limits json_depth=9';
    refused('auth_jwt off;', '"auth_jwt" directive is duplicate', 'auth_jwt, twice');
};

subtest 'auth_jwt' => sub {
    conf_refused(location("auth_jwt $_->[0];"), qr/\Q$_->[1]\E$place/, "auth_jwt $_->[0]") for
        ['site x', 'invalid parameter "x"'],
        ['site token', 'invalid parameter "token"'],
        ['site token=', 'invalid variable name ""'],
        ['site token=x', 'invalid variable name "x"'],
        ['site token=$', 'invalid variable name "$"'],
        ['off token=jwt', 'invalid variable name "jwt"'],
        ['site token=$arg_a token=$arg_b', 'invalid number of arguments in "auth_jwt" directive'],
        ['', 'invalid number of arguments in "auth_jwt" directive'];
};

subtest 'key files' => sub {
    my $file = sub ($arguments) { location('auth_jwt site;', "auth_jwt_key_file $arguments;") };
    conf_accepted($file->($_), "auth_jwt_key_file $_")
        for 'keys.jwks', 'keys.jwks jwks', 'keys.keyval keyval', 'absent$host', '$host keyval';
    conf_refused($file->($_->[0]), qr/$_->[1]$place/, "auth_jwt_key_file $_->[0]") for
        ['absent', qr/open\(\) "\S+\/absent" failed \(2: No such file or directory\)/],
        ['.', qr/"\S+\/\." is not a regular file/],
        ['empty', qr/key file "\S+\/empty": not an acceptable JSON key set: .+/],
        ['broken.jwks', qr/key file "\S+\/broken\.jwks": not an acceptable JSON key set: .+/],
        ['array.jwks', qr/key file "\S+\/array\.jwks": not an acceptable JSON key set: .+/],
        ['keys.keyval', qr/key file "\S+\/keys\.keyval": not an acceptable JSON key set: .+/],
        ['none.jwks', qr/key file "\S*none\.jwks": no usable key/],
        ['useless.jwks', qr/key file "\S*useless\.jwks": no usable key/],
        ['keys.jwks der', qr/invalid parameter "der"; a format is one of "jwks", "keyval", "pem"/],
        ['keys.jwks jwks x', qr/invalid number of arguments in "auth_jwt_key_file" directive/],
        ["''", qr/invalid value "" in "auth_jwt_key_file" directive/],
        ['keys.jwks keyval', qr/key file "\S*keys\.jwks": no usable key/];
    conf_refused(location('auth_jwt site;', 'auth_jwt_key_file keys.jwks;', 'auth_jwt_key_file absent;'),
        qr/"\S+\/absent" failed/, 'the second of two');
    conf_refused($file->('keys.jwks; auth_jwt_limits keys_size=100'),
        qr/"\S+\/keys\.jwks" is too large$place/, 'keys_size');
    conf_refused($file->('keys.jwks; auth_jwt_limits keys=2'),
        qr/"\S+\/keys\.jwks": key set has too many keys$place/, 'keys');
    conf_refused(location('auth_jwt_key_file absent;'),
        qr/open\(\) "\S+\/absent" failed/, 'also where auth_jwt is off');
};

subtest 'other sources' => sub {
    refused("auth_jwt_key_request '$_';",
        "invalid value \"$_\" in \"auth_jwt_key_request\" directive; it must be a local URI")
        for '', 'keys', 'https://example.com/keys';
    refused('auth_jwt_key_request /keys der;', 'invalid parameter "der"; a format is one of "jwks", "keyval", "pem"');
    for my $list (qw(sub kid)) {
        my $name = "auth_jwt_revocation_list_$list";
        refused("$name absent;", 'absent" failed (2: No such file or directory)');
        refused("$name array.jwks;", 'array.jwks": list is not a JSON object');
        refused("$name broken.jwks;", 'broken.jwks": list is not a JSON object');
        refused("$name list list;", "invalid number of arguments in \"$name\" directive");
    }
};

subtest 'no key at all' => sub {
    my $keys    = 'auth_jwt_key_file keys.jwks;';
    my $message = sub ($where) {
        my $hint = 'add auth_jwt_key_file, auth_jwt_key_request, auth_jwt_secret_file or auth_jwt_secret_env';
        qr/"auth_jwt" is on without any key $where; $hint$place/;
    };
    conf_refused($_->[2], $message->($_->[1]), $_->[0]) for
        ['a location', 'in location "/"', location('auth_jwt site;')],
        ['a server without locations', 'in a server', 'server { auth_jwt site; }'],
        ['one location of two', 'in location "/b"',
            "server { auth_jwt site; location /a { $keys } location /b { } }"],
        ['beside limit_except', 'in location "/"',
            'server { location / { auth_jwt site; limit_except GET { auth_jwt off; } } }'],
        ['limit_except', 'in location "/"', 'server { location / { limit_except GET { auth_jwt site; } } }'],
        ['a location of another server', 'in location "/"',
            "auth_jwt site; server { location / { $keys } } server { listen 8081; location / { } }"],
        ['a location among nested ones', 'in location "/d"',
            "server { auth_jwt site; location / { $keys location /a { location /a/b { } } } location /d { } }"],
        ['token= is no key', 'in location "/"', location('auth_jwt site token=$arg_t;')];
    conf_accepted($_->[1], $_->[0]) for
        ['each location has keys', "server { auth_jwt site; location /a { $keys } location /b { $keys } }"],
        ['keys of the server',
            "server { auth_jwt site; $keys location /a { } location /b { location /b/c { } } }"],
        ['keys of http', "$keys auth_jwt site; server { location / { } }"],
        ['a server that only redirects', 'auth_jwt site; server { return 301 https://example.com; }'
            . "server { listen 8081; location / { $keys } }"],
        ['an if of the server',
            "server { auth_jwt site; if (\$arg_a) { return 403; } location / { $keys } }"],
        ['an if of a location', location('auth_jwt site;', $keys, 'if ($arg_a) { return 403; }')],
        ['a key request', location('auth_jwt site;', 'auth_jwt_key_request /keys;')],
        ['a variable file', location('auth_jwt site;', 'auth_jwt_key_file $host;')],
        ['no signature is validated', location('auth_jwt site;', 'auth_jwt_validate_sig off;')],
        ['claims are readable only', location('auth_jwt off token=$arg_t;')],
        ['the location is open', 'server { auth_jwt site; location / { auth_jwt off; } }'];
};

subtest 'limits' => sub {
    accepted('auth_jwt_limits json_depth=10 json_members=100 keys_size=16k keys=3 tries=5;');
    refused("auth_jwt_limits $_;", "invalid parameter \"$_\"")
        for qw(depth=1 json_depth json_depth= json_depth=0 json_depth=x json_depth=-1 json_members=1k
            keys_size=0 keys_size=1g keys=0 keys=1.5 tries=0 tries=x =1);
    refused('auth_jwt_limits json_depth=2001;', '"json_depth" must not be more than 2000');
    accepted('auth_jwt_limits json_depth=2000;');
};

subtest 'strip' => sub {
    my $strip = sub ($token) { "map \$arg_a \$mapped { default x; }\n"
        . location("auth_jwt site token=$token;", 'auth_jwt_key_file keys.jwks;', 'auth_jwt_strip on;') };
    conf_refused($strip->($_),
        qr/"auth_jwt_strip" needs the token in a header, a cookie or an argument$place/, "strip of $_")
        for qw($mapped $host $jwt_claim_sub);
    conf_accepted($strip->($_), "strip of $_") for qw($http_x_token $http_authorization $cookie_jwt $arg_token);
    accepted('auth_jwt_strip on;');
};

done_testing;
