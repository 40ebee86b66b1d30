# For every algorithm: a token is not verified by a key of another name, type or purpose, by a public
# key taken for an HMAC secret, or by a key that the token itself brings or points to.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(algorithms b64u_decode default_key jwk jwks jwt keyval pem to_json);
use Gatehouse::Jose::Keys qw(key openssl);

my $BAD    = 'signature is invalid';
my $NO_KEY = 'no key matches the token';

my @keys = do { my %seen; grep { !$seen{$_}++ } map { default_key($_) } algorithms() };

# The set is named by the URI. What static files do is the same: attacks_signature.t.
my $locations = gate('~ ^/(?<set>[\w-]+)$', 'auth_jwt_key_file $TEST_NGINX_KEYS/$set.jwks;')
    . gate('~ ^/keyval/(?<set>[\w-]+)$', 'auth_jwt_key_file $TEST_NGINX_KEYS/$set.keyval keyval;');

sub key_set ($name, @keys) {
    key_file("$name.jwks", jwks(@keys));
    return "/$name";
}

# Several sources: a kid that is known in one of them must not be looked for in the others' rest.
key_file('bare.jwks', jwks(@keys));
key_file('named.jwks', jwks(map { jwk("${_}_2", kid => $_) } @keys));
$locations .= gate('/both', map { "auth_jwt_key_file \$TEST_NGINX_KEYS/$_.jwks;" } qw(bare named));

sub mint ($alg, %args) {
    return jwt(alg => $alg, claims => { sub => 'alice' }, %args);
}

# Two sets per key: with another key of its kind, and without.
my (%named, %alone);
for my $key (@keys) {
    $named{$key}       = key_set("named-$key", jwk($key, kid => 'k1'), jwk("${key}_2", kid => 'k2'));
    $alone{$key}       = key_set("alone-$key", jwk($key, kid => 'k1'));
}

# Whether it is of the type that the algorithm wants.
sub fits ($alg, $key) {
    return $key =~ /^ed/ if $alg eq 'EdDSA';
    return $alg =~ /^HS/ ? $key =~ /^hs/ : $key eq default_key($alg);
}

sub wrong_kid ($alg) {
    my $key = default_key($alg);
    accepted("$alg: its own kid", $named{$key}, mint($alg, header => { kid => 'k1' }));
    accepted("$alg: no kid", $named{$key}, mint($alg, key => "${key}_2"));
    rejected("$alg: kid of another key", $named{$key}, mint($alg, header => { kid => 'k2' }), $BAD);
    rejected("$alg: kid \"$_\"", $named{$key}, mint($alg, header => { kid => $_ }), $NO_KEY)
        for 'k3', '', 'K1', 'k', 'k1 ', '../k1', "k1' OR 'a'='a";
    rejected("$alg: kid is no string but $_", $named{$key},
        mint($alg, raw_header => qq({"alg":"$alg","kid":$_})), '"kid" header is not a string')
        for 'null', '1', '["k1"]', '{"k1":1}', 'true';
    rejected("$alg: kid known elsewhere", '/both', mint($alg, header => { kid => $key }), $BAD);
    accepted("$alg: kid unknown, a key without kid", '/both', mint($alg, header => { kid => 'other' }));
}

sub other_type ($alg) {
    my $others = key_set("without-$alg", grep { !fits($alg, $_) } @keys);
    rejected("$alg: only keys of other types", $others, mint($alg), $NO_KEY);
    my $token = mint($alg, header => { kid => 'k1' });
    rejected("$alg: kid of a key of type $_", $named{$_}, $token, $NO_KEY)
        for grep { !fits($alg, $_) } @keys;
}

# Each form in which a public key may have ended up as somebody's secret.
sub public_forms ($key) {
    my $pem = pem($key);
    my %forms = (
        'PEM'                 => $pem,
        'PEM, no newline'     => $pem =~ s/\n\z//r,
        'PEM, CRLF'           => $pem =~ s/\n/\r\n/gr,
        'the base64 of PEM'   => join('', $pem =~ /^([^-].*)$/mg),
        'DER'                 => openssl('', 'pkey', '-in', key($key), '-pubout', '-outform', 'DER'),
        'the JWK'             => to_json(jwk($key)),
    );
    my $jwk = jwk($key);
    $forms{"the member $_"} = $jwk->{$_} for grep { exists $jwk->{$_} } qw(n x);
    $forms{"the octets of $_"} = b64u_decode($jwk->{$_}) for grep { exists $jwk->{$_} } qw(n x);
    return %forms;
}

sub hmac_with_public_key ($key) {
    key_file("$key.keyval", keyval(k1 => $key));
    my %forms = public_forms($key);
    for my $form (sort keys %forms) {
        my %token = map { ($_ => mint($_, secret => $forms{$form}, header => { kid => 'k1' })) } qw(HS256 HS384 HS512);
        $token{'HS256, no kid'} = mint('HS256', secret => $forms{$form});
        for my $what (sort keys %token) {
            rejected("$what: the secret is $form of $key, jwks", $named{$key}, $token{$what}, $NO_KEY);
            rejected("$what: the secret is $form of $key, keyval", "/keyval/$key", $token{$what}, $NO_KEY);
        }
    }
}

# Signed by the attacker's own key, and the header says where to find it.
sub key_in_header ($alg) {
    my $key = default_key($alg);
    my $evil = jwk("${key}_2", kid => 'k1');
    my $url  = 'https://attacker.example/keys';
    my %headers = (jwk => $evil, jku => "$url.jwks", x5u => "$url.pem", x5c => ['MIIB'], x5t => 'AAAA',
        'x5t#S256' => 'AAAA', jwks_uri => "$url.jwks");
    for my $kid ('k1', undef) {
        rejected("$alg: $_ in the header, " . ($kid // 'no') . ' kid', $alone{$key},
            mint($alg, key => "${key}_2", header => { kid => $kid, $_ => $headers{$_} }), $BAD)
            for sort keys %headers;
    }
    accepted("$alg: these headers are not looked at", $alone{$key}, mint($alg, header => { kid => 'k1', %headers }));
}

# What the JWK says about itself: RFC 7517, sections 4.2 to 4.4. A key for something else stands beside
# a usable one of another kind, because a set without any usable key is refused at once.
sub purposes ($alg) {
    my $key    = default_key($alg);
    my $beside = jwk($key eq 'ec256' ? 'rsa' : 'ec256', kid => 'beside');
    my %purpose = (
        'use enc'           => { use => 'enc' },
        'use of no meaning' => { use => 'SIG' },
        'key_ops sign'      => { key_ops => ['sign'] },
        'key_ops encrypt'   => { key_ops => ['encrypt', 'decrypt', 'wrapKey'] },
        'no key_ops'        => { key_ops => [] },
        'key_ops, a string' => { key_ops => 'verify' },
        'key_ops of use enc' => { key_ops => ['verify'], use => 'enc' },
        'an unknown alg'    => { alg => 'none' },
        'alg of encryption' => { alg => 'RSA-OAEP-256' },
    );
    # For EdDSA either of its names will do (RFC 9864).
    $purpose{"alg $_"} = { alg => $_ } for grep { $_ ne $alg && !(/^Ed/ && $alg =~ /^Ed/) }
        qw(HS256 HS512 RS256 RS512 PS256 ES256 ES256K EdDSA);
    my $token = mint($alg, header => { kid => 'k1' });
    my $n = 0;
    for my $what (sort keys %purpose) {
        my $uri = key_set("purpose-$alg-" . $n++, jwk($key, kid => 'k1', $purpose{$what}->%*), $beside);
        rejected("$alg: key with $what", $uri, $token, $NO_KEY);
    }
    my $uri = key_set("purpose-$alg-good", jwk($key, use => 'sig', key_ops => ['sign', 'verify'], x5t => 'AA'));
    accepted("$alg: key with use sig, key_ops verify among others", $uri, $token);
}

for my $alg (algorithms()) {
    wrong_kid($alg);
    other_type($alg);
    key_in_header($alg);
    purposes($alg);
}
hmac_with_public_key($_) for grep { !/^hs/ } @keys;

run_attempts($locations);
