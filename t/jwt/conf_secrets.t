# What nginx says about secrets when it reads them, and that it never says the secret.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose qw(jwk jwks pem);
use Gatehouse::Jose::Keys qw(openssl slurp);
use MIME::Base64 'encode_base64';

my $long  = 'this secret is 37 octets of plain text';
my $short = 'correct horse battery';

sub location (@lines) {
    return join "\n", 'server { location / {', 'auth_jwt site;', @lines, '} }';
}
sub file ($content, @arguments) {
    state $n = 0;
    conf_file('secret.' . ++$n, $content);
    return location("auth_jwt_secret_file secret.$n @arguments;");
}
sub env ($content, @arguments) {
    $ENV{GATEHOUSE_TEST_SECRET} = $content;
    return location("auth_jwt_secret_env GATEHOUSE_TEST_SECRET @arguments;");
}
my $place = qr{ in \S+/nginx\.conf:\d+$};

conf_accepted(file($long), 'a long secret');
conf_accepted(env($long),  'a long secret of the environment');

conf_refused(file(''), qr{secret file "\S+/secret\.\d+": secret is empty$place}, 'an empty file');
conf_refused(file("\n"),   qr{secret is empty$place}, 'a file with a newline');
conf_refused(file("\r\n"), qr{secret is empty$place}, 'a file with CRLF');
conf_refused(file('', 'base64'), qr{secret is empty$place}, 'an empty file of base64');
conf_refused(env(''), qr{environment variable "GATEHOUSE_TEST_SECRET": secret is empty$place},
    'an empty variable');

for my $pem (pem('rsa'), pem('ec256'), slurp(Gatehouse::Jose::key('ec256')), "\n" . pem('rsa'),
    openssl('', qw(req -x509 -subj /CN=t -key), Gatehouse::Jose::key('ec256'))) {
    my ($what) = $pem =~ /-----BEGIN (.*?)-----/;
    conf_refused(file($pem), qr{a PEM key is never an HMAC secret$place}, "PEM as a secret: $what");
    conf_refused(file(encode_base64($pem, ''), 'base64'), qr{a PEM key is never an HMAC secret$place},
        "PEM in base64: $what");
}
conf_refused(env(pem('rsa')), qr{a PEM key is never an HMAC secret$place}, 'PEM in the environment');

conf_refused(file('*not base64*', 'base64'), qr{secret file "\S+/secret\.\d+" is not base64$place},
    'a file that is not base64');
conf_refused(env('*not base64*', 'base64'),
    qr{environment variable "GATEHOUSE_TEST_SECRET" is not base64$place}, 'a variable that is not base64');
conf_refused(file($long, 'hex'), qr{invalid parameter "hex"$place}, 'an unknown encoding');
conf_refused(env($long, 'base64', 'x'),
    qr{invalid number of arguments in "auth_jwt_secret_env" directive$place}, 'too many arguments');

conf_refused(location('auth_jwt_secret_file absent;'),
    qr{open\(\) "\S+/absent" failed \(2: No such file or directory\)$place}, 'no such file');
conf_refused(location('auth_jwt_secret_file .;'), qr{"\S+/\." is not a regular file$place}, 'a directory');
delete $ENV{GATEHOUSE_TEST_SECRET};
conf_refused(location('auth_jwt_secret_env GATEHOUSE_TEST_SECRET;'),
    qr{environment variable "GATEHOUSE_TEST_SECRET" is not set$place}, 'no such variable');

# Short secrets.
my $said = qr{secret file "\S+" is shorter than the 32 bytes that HS256 needs$place};
conf_accepted(file('x' x 31), 'a short secret brings a warning', $said);
conf_accepted(file('x' x 32), 'one of 32 octets does not');
conf_accepted(file('x' x 31) =~ s/auth_jwt site;/$& auth_jwt_algorithms RS256 HS256;/r,
    'nor is it silenced by an algorithm that needs as much', $said);
conf_file('inherited', $short);
conf_accepted(<<'END', 'said once, however many locations inherit it', $said);
auth_jwt site;
auth_jwt_secret_file inherited;
server { location /a/ { } location /b/ { location /b/c/ { } } }
server { listen 8081; location / { } }
END

# Strict.
my $strict = qr{secret file "\S+" is shorter than auth_jwt_min_hmac_bytes$place};
conf_refused(file('x' x 31) =~ s/} }/auth_jwt_min_hmac_bytes 32; $&/r, $strict, 'strict: 31 octets of 32');
conf_accepted(file('x' x 32) =~ s/} }/auth_jwt_min_hmac_bytes 32; $&/r, 'strict: 32 octets of 32');
conf_refused(file('x' x 63) =~ s/} }/auth_jwt_min_hmac_bytes 64; $&/r, $strict, 'strict: 63 octets of 64');
conf_refused(<<'END', $strict, 'strict, with the minimum at an inner level');
server {
    auth_jwt site;
    auth_jwt_secret_file inherited;
    location / { auth_jwt_min_hmac_bytes 32; }
}
END
conf_refused(env($short) =~ s/} }/auth_jwt_min_hmac_bytes 32; $&/r,
    qr{environment variable "GATEHOUSE_TEST_SECRET" is shorter than auth_jwt_min_hmac_bytes$place},
    'strict: a variable');

conf_file('short.jwks', jwks(jwk('hs256', kid => 's')));
conf_accepted(location('auth_jwt_key_file short.jwks;'), 'a JWKS with a key for HS256');
conf_accepted(location('auth_jwt_key_file short.jwks;', 'auth_jwt_min_hmac_bytes 32;'), 'strict: long enough');
conf_refused(location('auth_jwt_key_file short.jwks;', 'auth_jwt_min_hmac_bytes 33;'),
    qr{key file "\S*short\.jwks": no usable key$place}, 'strict: none is long enough');
conf_file('weak.jwks', jwks({ kty => 'oct', k => 'c2hvcnQ', kid => 'w' }));
conf_accepted(location('auth_jwt_key_file weak.jwks;'), 'a short key of a JWKS brings a warning',
    qr{key file "\S+weak\.jwks": key 1 "w": key is too short$place});

# Whatever is said, the secret is not.
for my $configuration (env($short), env("-----BEGIN $short"), env("*$short", 'base64'), file($short),
    env($short) =~ s/} }/auth_jwt_min_hmac_bytes 64; $&/r) {
    my ($text) = conf_error($configuration);
    unlike $text, qr/\Q$short\E/, 'the secret is not in: ' . ($text =~ /^nginx: (.{0,60})/m)[0];
}
env($short);
my $dump = conf_dump(location('auth_jwt_secret_env GATEHOUSE_TEST_SECRET;'));
like $dump, qr/auth_jwt_secret_env GATEHOUSE_TEST_SECRET/, 'nginx -T shows the directive';
unlike $dump, qr/\Q$short\E/, 'but not the secret';

done_testing;
