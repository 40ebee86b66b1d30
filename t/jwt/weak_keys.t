# Keys that must not verify anything: nginx does not start with a file or secret that has nothing
# better, and skips them, with a warning, beside a good one.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose qw(b64u jwk jwks pem to_json);
use Gatehouse::Jose::Keys qw(key slurp);
use Math::BigInt;

sub gateway (@directives) {
    return join "\n", 'server {', 'location / {', 'auth_jwt gate;', @directives, '}', '}';
}

sub uint ($hex) { return b64u(pack 'H*', length($hex) % 2 ? "0$hex" : $hex) }

my $good     = jwk('ed25519', kid => 'good');
my $modulus  = Math::BigInt->from_hex('c' . '5' x 511);    # 2,048 bits, odd
my $SHORT    = 'key is too short';
my $INVALID  = 'key is not valid';
my $MEMBER   = 'member is missing or malformed';
my $TYPE     = 'key type or curve is not supported';
my $MISMATCH = 'algorithm does not fit the key';

# [key, why it is skipped; undef: no warning, as it has another purpose]
my %unfit = (
    'RSA of 1,024 bits'        => [jwk('rsa1024'), $SHORT],
    'RSA of 2,047 bits'        => [jwk('rsa', n => uint('5' . 'c' x 510 . '5')), $SHORT],
    'RSA of 1,024 bits, padded' => [jwk('rsa1024', n => b64u("\0" x 128 . pack 'H*', 'c' . '5' x 255)), $SHORT],
    'RSA of 16,392 bits'       => [jwk('rsa', n => uint('c' . '5' x 4097)), $MEMBER],
    'RSA with e = 1'           => [jwk('rsa', e => uint('01')), $INVALID],
    'RSA with e = 0'           => [jwk('rsa', e => uint('00')), $INVALID],
    'RSA with an even e'       => [jwk('rsa', e => uint('010002')), $INVALID],
    'RSA with an e of 65 bits' => [jwk('rsa', e => uint('010000000000000001')), $INVALID],
    'RSA with an even modulus' => [jwk('rsa', n => uint(($modulus + 1)->to_hex)), $INVALID],
    'RSA without modulus'      => [jwk('rsa', n => undef), $MEMBER],
    'RSA with an empty e'      => [jwk('rsa', e => ''), $MEMBER],
    'RSA with padding'         => [jwk('rsa', e => 'AQAB='), $MEMBER],
    'RSA in base64'            => [jwk('rsa', n => jwk('rsa')->{n} =~ tr{-_}{+/}r . '=='), $MEMBER],
    'EC off the curve'         => [jwk('ec256', y => jwk('ec256')->{x}), $INVALID],
    'EC at 0, 0'               => [jwk('ec256', x => b64u("\0" x 32), y => b64u("\0" x 32)), $INVALID],
    'EC beyond the field'      => [jwk('ec256', x => b64u("\xff" x 32)), $INVALID],
    'EC cut'                   => [jwk('ec256', x => b64u(substr 'x' x 32, 1)), $MEMBER],
    'EC with a zero in front'  => [jwk('ec256', x => b64u("\0" . 'x' x 32)), $MEMBER],
    'EC named as another'      => [jwk('ec256', crv => 'secp256k1'), $INVALID],
    'EC without y'             => [jwk('ec384', y => undef), $MEMBER],
    'EC of a weak curve'       => [jwk('ec256', crv => 'P-192'), $TYPE],
    'Ed25519 cut'              => [jwk('ed25519', x => b64u('x' x 31)), $MEMBER],
    'Ed448 named Ed25519'      => [jwk('ed448', crv => 'Ed25519'), $MEMBER],
    'X25519'                   => [jwk('x25519'), $TYPE],
    'an empty secret'          => [{ kty => 'oct', k => '' }, 'secret is empty'],
    'no secret'                => [{ kty => 'oct' }, $MEMBER],
    'a secret in base64'       => [{ kty => 'oct', k => 'AAA/AAA+' x 8 }, $MEMBER],
    'a PEM key as a secret'    => [{ kty => 'oct', k => b64u(pem('rsa')) }, 'a PEM key is never an HMAC secret'],
    'a private PEM as a secret' => [{ kty => 'oct', k => b64u(slurp(key('ec256'))) }, 'a PEM key is never an HMAC secret'],
    'a public key called oct'  => [jwk('rsa', kty => 'oct'), $MEMBER],
    'no type'                  => [jwk('rsa', kty => undef), $TYPE],
    'a type in lower case'     => [jwk('rsa', kty => 'rsa'), $TYPE],
    'an array'                 => [[], $MEMBER],
    'null'                     => [undef, $MEMBER],
    'a kid that is a number'   => [jwk('rsa', kid => 7), $MEMBER],
    'alg of another type'      => [jwk('ec256', alg => 'RS256'), $MISMATCH],
    'alg HS256 on RSA'         => [jwk('rsa', alg => 'HS256'), $MISMATCH],
    'alg none'                 => [jwk('rsa', alg => 'none'), $MISMATCH],
    'alg that is no string'    => [jwk('rsa', alg => ['RS256']), $MISMATCH],
    'use enc'                  => [jwk('rsa', use => 'enc')],
    'key_ops sign'             => [jwk('rsa', key_ops => ['sign'])],
    'alg RSA-OAEP'             => [jwk('rsa', alg => 'RSA-OAEP')],
);

for my $what (sort keys %unfit) {
    my ($key, $reason) = $unfit{$what}->@*;
    my $alone  = conf_file('alone.jwks', to_json({ keys => [$key] }));
    my $beside = conf_file('beside.jwks', to_json({ keys => [$good, $key, $good] }));
    my $about   = defined $reason && $reason eq $MEMBER ? qr/: \S.*/ : qr//;
    my $skipped = defined $reason ? qr/key file "\Q$beside\E": key 2 (?:"[^"]*" )?skipped: \Q$reason\E$about in / : undef;
    my ($text, $status) = conf_error(gateway("auth_jwt_key_file $alone;"));
    like $text, qr/\[emerg\].*"\Q$alone\E": no usable key in .*nginx\.conf:\d+/, "$what: refused alone";
    is $status, 1, "$what: nginx does not start";
    conf_accepted(gateway("auth_jwt_key_file $beside;"), "$what: skipped beside others", $skipped);
}

# Files that are refused as a whole: nobody can know what they mean.
my %broken = (
    'a JWK with a member twice'     => '{"keys":[{"kty":"oct","kty":"oct","k":"' . 'A' x 43 . '"}]}',
    'a JWK with kid twice'          => to_json({ keys => [$good] }) =~ s/"kid"/"kid":"evil","kid"/r,
    'a JWK with an inner duplicate' => to_json({ keys => [$good] }) =~ s/"kid"/"x":{"a":1,"a":2},"kid"/r,
    'keys twice'                    => '{"keys":[],"keys":[' . to_json($good) . ']}',
    'a single JWK'                  => to_json($good),
    'an array'                      => to_json([$good]),
    'nothing'                       => '',
    '3,000-deep arrays'             => '{"keys":' . '[' x 3000 . ']' x 3000 . '}',
    'a key set and more'            => jwks('ed25519') . 'x',
);
for my $what (sort keys %broken) {
    my $path = conf_file('broken.jwks', $broken{$what});
    conf_refused(gateway("auth_jwt_key_file $path;"),
        qr/key file "\Q$path\E": not an acceptable JSON key set: .+ in .*:\d+/, "$what: refused as a whole");
}

# keyval is for public keys: neither a secret nor a private key becomes one.
my %keyval = (
    'a secret'         => 'correct horse battery staple',
    'an empty string'  => '',
    'a private key'    => slurp(key('rsa')),
    'RSA of 1,024 bits' => pem('rsa1024'),
    'X25519'           => pem('x25519'),
    'a cut PEM'        => substr(pem('rsa'), 0, 200),
    'a number'         => 1,
    'a JWK'            => $good,
);
for my $what (sort keys %keyval) {
    my $path = conf_file('keyval.json', to_json({ a => $keyval{$what} }));
    my ($text, $status) = conf_error(gateway("auth_jwt_key_file $path keyval;"));
    like $text, qr/\[emerg\].*"\Q$path\E": no usable key in /, "keyval, $what: refused";
    is $status, 1, "keyval, $what: nginx does not start";
    unlike $text, qr/correct horse|BEGIN|$good->{x}/, "keyval, $what: nothing of it is shown";
}

# Plain secrets.
sub secret_file ($bytes, @format) {
    my $path = conf_file('secret', $bytes);
    return gateway("auth_jwt_secret_file $path @format;");
}
conf_refused(secret_file(''), qr/secret file ".*secret": secret is empty in /, 'an empty secret file');
conf_refused(secret_file("\n"), qr/secret is empty/, 'a secret file with nothing but a newline');
conf_refused(secret_file("\n", 'base64'), qr/secret is empty/, 'the same in base64');
conf_refused(secret_file(pem('rsa')), qr/a PEM key is never an HMAC secret/, 'a public key as a secret');
conf_refused(secret_file(slurp(key('ec256'))), qr/a PEM key is never an HMAC secret/, 'a private key as a secret');
conf_accepted(secret_file('x' x 31), 'a short secret is warned about', qr/shorter than the 32 bytes that HS256 needs in /);
conf_accepted(secret_file('x' x 32), 'one of 32 bytes is not');
conf_refused(secret_file('x' x 47) =~ s/auth_jwt_sec/auth_jwt_min_hmac_bytes 48; auth_jwt_sec/r,
    qr/secret file ".*secret" is shorter than auth_jwt_min_hmac_bytes in /, 'unless there is a strict limit');
conf_accepted(secret_file('x' x 48) =~ s/auth_jwt_sec/auth_jwt_min_hmac_bytes 48; auth_jwt_sec/r, 'which this one meets');

my $short = conf_file('short.jwks', jwks({ kty => 'oct', k => b64u('x' x 31) }));
conf_accepted(gateway("auth_jwt_key_file $short;"), 'a short secret in a set', qr/"\Q$short\E": key 1: key is too short in /);
conf_refused(gateway('auth_jwt_min_hmac_bytes 32;', "auth_jwt_key_file $short;"), qr/no usable key/,
    'is of no use under a strict limit');

done_testing;
