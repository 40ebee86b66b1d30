# What is said about key sets that are something else, about keys that are skipped or left out, and
# about places where tokens are not checked: what is wrong, what is expected, and nothing secret.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Jose qw(b64u jwk jwks keyval pem to_json);
use Gatehouse::Jose::Keys qw(key openssl slurp);

my $key         = jwk('ec256', kid => 'a');
my $certificate = openssl('', qw(req -x509 -days 2 -subj /CN=keys.example -key), key('rsa'));

sub gateway ($file, $format = '', @more) {
    return "server { location / { auth_jwt gate; auth_jwt_key_file $file $format; @more } }";
}

# [content, format, what is said]
my %refused = (
    'nothing'              => ['', 'jwks', 'it is empty'],
    'white space'          => [" \r\n", 'jwks', 'it is empty'],
    'PEM'                  => [pem('rsa'), 'jwks', 'it is PEM; use the "pem" parameter'],
    'a certificate'        => ["subject=CN\n$certificate", 'jwks', 'it is PEM; use the "pem" parameter'],
    'PEM as keyval'        => [pem('rsa'), 'keyval', 'it is PEM; use the "pem" parameter'],
    'UTF-8 with a mark'    => ["\xef\xbb\xbf" . jwks($key), 'jwks',
        'it begins with a byte order mark; save it as UTF-8 without one'],
    'UTF-16'               => ["\xff\xfe{\0}\0", 'jwks', 'it begins with a byte order mark; save it as UTF-8 without one'],
    'a single JWK'         => [to_json($key), 'jwks', 'it is a single JWK, which belongs into {"keys": [...]}'],
    'an array'             => [to_json([$key]), 'jwks', 'it is an array, which belongs into {"keys": ...}'],
    'a string'             => ['"x"', 'jwks', 'it is not a JSON object'],
    'a discovery document' => [to_json({ issuer => 'https://a.example', jwks_uri => 'https://a.example/keys' }), 'jwks',
        'it is a discovery document; the key set is what its "jwks_uri" names'],
    'keyval'               => [keyval(a => 'rsa'), 'jwks', 'it maps key IDs to PEM; use the "keyval" parameter'],
    'another object'       => ['{"error":"no"}', 'jwks', 'it has no "keys"'],
    'keys that are none'   => ['{"keys":{}}', 'jwks', '"keys" is not an array'],
    'HTML'                 => ['<!doctype html>', 'jwks', 'it is HTML or XML'],
    'broken JSON'          => ["{\n \"keys\": [}", 'jwks', 'it is not valid JSON (line 2, column 11)'],
    'a member twice'       => ['{"keys":[],"keys":[]}', 'jwks', 'a member is there twice'],
    'deep JSON'            => ['{"keys":[' . '[' x 80 . ']' x 80 . ']}', 'jwks',
        'it is nested more deeply than auth_jwt_limits allows'],
    'deeper JSON'          => ['[' x 3000 . ']' x 3000, 'jwks', 'it is nested too deeply'],
    'an array as keyval'   => ['[]', 'keyval', 'it is not an object of key IDs and PEM'],
);
for my $what (sort keys %refused) {
    my ($content, $format, $words) = $refused{$what}->@*;
    my $path = conf_file('refused', $content);
    conf_refused(gateway($path, $format),
        qr/key file "\Q$path\E": not an acceptable JSON key set: \Q$words\E in \S+nginx\.conf:\d+$/, "$what: refused");
}
for my $case (['it is JSON; leave out the "pem" parameter', jwks($key)],
    ['it has no line "-----BEGIN ...-----"', openssl('', qw(pkey -pubout -outform DER -in), key('rsa'))],
    ['it is empty', '']) {
    my ($words, $content) = @$case;
    conf_refused(gateway(conf_file('refused', $content), 'pem'),
        qr/no PEM with public keys or certificates: \Q$words\E in /, "pem: $words");
}

# A key beside good ones: what is said about it, and at which level.
sub said ($what, $level, $words, $bad, $format = 'jwks', $set = jwks('ed25519', $bad, 'ed25519')) {
    my $path = conf_file('beside', $set);
    my ($text, $status) = conf_error(gateway($path, $format));
    like $text, qr/\[$level\] .*key file "\Q$path\E": key 2 \Q$words\E(?: in \S+)?$/m, "$what: $words";
    is $status, 0, "$what: the others are used";
    unlike $text, qr/BEGIN|correct horse/, "$what: nothing of it is shown";
    return;
}
my $MEMBER = 'skipped: member is missing or malformed:';
said('no modulus', 'warn', "$MEMBER \"n\" is missing", jwk('rsa', n => undef));
said('no exponent', 'warn', "$MEMBER \"e\" must be a number of at most 16384 bits in base64url", jwk('rsa', e => '!'));
said('half a point', 'warn', "$MEMBER \"y\" must be 32 octets in base64url", jwk('ec256', y => b64u('y' x 16)));
said('a long one', 'warn', "$MEMBER \"x\" must be 32 octets in base64url", jwk('ec256', x => b64u('x' x 40)));
said('no point', 'warn', "$MEMBER \"x\" is missing", { kty => 'EC', crv => 'P-384' });
said('Ed25519', 'warn', "$MEMBER \"x\" must be 32 octets in base64url", jwk('ed25519', x => b64u('x' x 31)));
said('a secret', 'warn', "$MEMBER \"k\" must be base64url", { kty => 'oct', k => 'correct horse battery' });
said('a kid', 'warn', "$MEMBER \"kid\" must be a string", jwk('rsa', kid => 7));
said('no object', 'warn', "$MEMBER a JWK must be an object", []);
my $LEFT_OUT = 'left out: key is not for verifying signatures:';
said('use', 'notice', qq("enc" $LEFT_OUT "use" is not "sig"), jwk('rsa', kid => 'enc', use => 'enc'));
said('key_ops', 'notice', qq($LEFT_OUT "key_ops" is without "verify"), jwk('rsa', key_ops => ['sign']));
said('alg', 'notice', qq($LEFT_OUT "alg" is one for encryption), jwk('rsa', alg => 'RSA-OAEP-256'));
said('keyval', 'warn', qq("b" $MEMBER a value must be a string with PEM), undef, 'keyval',
    to_json({ a => pem('rsa'), b => 1 }));
said('PEM', 'warn', 'skipped: key is not valid: it is a private key; give its public key', undef, 'pem',
    pem('rsa') . slurp(key('rsa')));
said('PEM', 'warn', 'skipped: key is not valid: it is neither a public key nor a certificate', undef, 'pem',
    pem('rsa') . "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");

my ($text) = conf_error(gateway(conf_file('set', jwks('rsa')), 'keyval'));
like $text, qr/key 1 "keys" $MEMBER it is a JWK Set; leave out the "keyval" parameter in /, 'a JWKS as keyval';
($text) = conf_error(gateway(conf_file('private', slurp(key('ec256'))), 'pem'));
like $text, qr/\[emerg\].*no usable key/, 'a private key alone';
conf_accepted(gateway(conf_file('many.pem', "# keys\r\n" . pem('rsa') . "\n" . pem('ec256') . $certificate), 'pem'),
    'public keys and a certificate in one file');
conf_refused(gateway(conf_file('many.pem', pem('rsa') x 3), 'pem', 'auth_jwt_limits keys=2;'),
    qr/key set has too many keys/, 'but not any number of them');

# Subrequests pass the access phase by.
my $keys    = conf_file('keys.jwks', jwks('rsa'));
my $warning = qr/"auth_jwt" in location "\/auth" is not checked in subrequests, as auth_request makes them; set "auth_jwt_phase preaccess" in \S+nginx\.conf:\d+$/;
sub asked (@lines) { return "auth_jwt_key_file $keys;\nserver { location / { auth_request /auth; } location = /auth { @lines } }" }
conf_accepted(asked('internal; auth_jwt gate;'), 'an internal location with auth_jwt', $warning);
conf_accepted("auth_jwt gate;\n" . asked("internal; $_"), "an internal location with $_", $warning)
    for 'auth_jwt_require_claim role eq admin;', 'auth_jwt_scope admin;', 'auth_jwt_issuer a;';
conf_accepted(asked($_), $_) for 'auth_jwt gate;', 'internal; auth_jwt gate; auth_jwt_phase preaccess;', 'internal; auth_jwt off;';
conf_accepted("auth_jwt gate;\n" . asked($_), "with auth_jwt inherited: $_") for 'internal;', "internal; auth_jwt_key_file $keys;";

done_testing;
