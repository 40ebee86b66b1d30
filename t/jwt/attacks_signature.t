# For every algorithm: a token that was altered in any part, or whose signature is of another
# algorithm, form or range, is refused, for that reason, with one line in the log.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(algorithms b64u_decode cut_signature default_key ecdsa_to_der flip_bit jwk
    jwks jwt parts secret swap_payload with_signature);
use Gatehouse::Jose::Keys 'key_kind';
use Math::BigInt;

my $BAD = 'signature is invalid';

# All keys in one set, two of each kind; the kid is the key's name.
my @keys = do { my %seen; grep { !$seen{$_}++ } map { default_key($_) } algorithms() };
key_file('all.jwks', jwks(map { jwk($_, kid => $_) } map { ($_, "${_}_2") } @keys));
my $locations = gate('/all', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;');

sub mint ($alg, %args) {
    return jwt(alg => $alg, claims => { sub => 'alice', role => 'reader' }, %args,
        header => { kid => $args{key} // default_key($alg), typ => 'JWT', ($args{header} // {})->%* });
}

# Where $text begins in a decoded part, as a number of bits.
sub bit_at ($token, $part, $text) {
    return 8 * index b64u_decode((parts($token))[$part]), $text;
}

sub flipped_bits ($alg, $token) {
    my $signature = length b64u_decode((parts($token))[2]);
    rejected("$alg: flipped bit in typ", '/all', flip_bit($token, 'header', bit_at($token, 0, 'JWT')), $BAD);
    rejected("$alg: flipped bit in kid", '/all', flip_bit($token, 'header', bit_at($token, 0, default_key($alg))),
        'no key matches the token');
    rejected("$alg: flipped bit in alg", '/all',
        flip_bit($token, 'header', bit_at($token, 0, "$alg\"") + 8 * (length($alg) - 1)),
        'algorithm is not supported');
    rejected("$alg: flipped bit in the header's brace", '/all', flip_bit($token, 'header', 0),
        'JOSE header is not an acceptable JSON object');
    rejected("$alg: flipped bit in the payload, $_", '/all', flip_bit($token, 'payload', $_), $BAD)
        for 0, bit_at($token, 1, 'reader'), bit_at($token, 1, '}');
    rejected("$alg: flipped bit in the signature, $_", '/all', flip_bit($token, 'signature', $_), $BAD)
        for 0, 7, 4 * $signature, 8 * $signature - 8, 8 * $signature - 1;
}

sub replaced_parts ($alg, $token) {
    my $other_key = mint($alg, key => default_key($alg) . '_2', claims => { sub => 'mallory' });
    my $other     = mint($alg, claims => { sub => 'mallory' });
    my ($header)  = parts($other_key);
    rejected("$alg: payload replaced", '/all', swap_payload($token, { sub => 'admin' }), $BAD);
    rejected("$alg: payload of another token", '/all', swap_payload($token, $other), $BAD);
    rejected("$alg: payload emptied", '/all', swap_payload($token, {}), $BAD);
    rejected("$alg: signature of another token", '/all',
        with_signature($token, b64u_decode((parts($other))[2])), $BAD);
    rejected("$alg: header with another key's kid", '/all', $token =~ s/^[^.]+/$header/r, $BAD);
    rejected("$alg: signed with another key", '/all',
        mint($alg, key => default_key($alg) . '_2', header => { kid => default_key($alg) }), $BAD);
}

sub changed_lengths ($alg, $token) {
    my $bytes = b64u_decode((parts($token))[2]);
    rejected("$alg: signature without its last $_ bytes", '/all', cut_signature($token, $_), $BAD)
        for 1, length($bytes) / 2, length($bytes) - 1;
    rejected("$alg: no signature", '/all', with_signature($token, ''), 'token is not a compact JWS');
    rejected("$alg: signature without its first byte", '/all', with_signature($token, substr $bytes, 1), $BAD);
    rejected("$alg: signature and $_->[0]", '/all', with_signature($token, $_->[1]), $BAD) for
        ['a zero before it', "\0$bytes"], ['a zero after it', "$bytes\0"], ['itself again', "$bytes$bytes"],
        ['10,000 bytes', $bytes . 'x' x 10_000];
    rejected("$alg: signature of zeros", '/all', with_signature($token, "\0" x length $bytes), $BAD);
    rejected("$alg: signature of ones", '/all', with_signature($token, "\xff" x length $bytes), $BAD);
}

# The header names another algorithm that the key is fit for.
sub relabelled ($alg) {
    my %same = (EdDSA => 1, Ed25519 => 1);
    for my $label (grep { $_ ne $alg && default_key($_) eq default_key($alg) } algorithms()) {
        next if $same{$alg} && $same{$label};    # RFC 9864: two names of one algorithm
        rejected("$alg: labelled $label", '/all', mint($alg, header => { alg => $label }), $BAD);
    }
    return unless $alg =~ /^HS/;
    # HMAC keys are of one type, whatever their length.
    rejected("$alg: labelled $_", '/all', mint($alg, header => { alg => $_ }), $BAD)
        for grep { $_ ne $alg } qw(HS256 HS384 HS512);
    rejected("$alg: empty secret", '/all', mint($alg, secret => ''), $BAD);
    rejected("$alg: a longer secret", '/all', mint($alg, secret => secret(default_key($alg)) . "\0x"), $BAD);
}

# Orders of the curves: SEC 2, version 2.0, and RFC 8032, sections 5.1 and 5.2.
my %order = (
    ES256  => 'ffffffff00000000' . 'f' x 16 . 'bce6faada7179e84f3b9cac2fc632551',
    ES384  => 'f' x 48 . 'c7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    ES512  => '1' . 'f' x 64 . 'fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
    ES256K => 'f' x 31 . 'ebaaedce6af48a03bbfd25e8cd0364141',
);

sub number ($bytes) { return Math::BigInt->from_hex(unpack 'H*', $bytes) }

sub octets ($number, $size) { return pack 'H*', substr '0' x (2 * $size) . $number->to_hex, -2 * $size }

sub ecdsa_ranges ($alg, $token) {
    my $size  = key_kind(default_key($alg))->{size};
    my $raw   = b64u_decode((parts($token))[2]);
    my ($r, $s) = unpack "a${size}a$size", $raw;
    my $n     = Math::BigInt->from_hex($order{$alg});
    my %bad   = (0 => octets(Math::BigInt->bzero, $size), n => octets($n, $size), 'n+1' => octets($n + 1, $size),
        'the largest' => "\xff" x $size);
    for my $name (sort keys %bad) {
        rejected("$alg: r is $name", '/all', with_signature($token, $bad{$name} . $s), $BAD);
        rejected("$alg: s is $name", '/all', with_signature($token, $r . $bad{$name}), $BAD);
        rejected("$alg: r and s are $name", '/all', with_signature($token, $bad{$name} x 2), $BAD);
    }
    rejected("$alg: r and s exchanged", '/all', with_signature($token, $s . $r), $BAD);
    rejected("$alg: only r", '/all', with_signature($token, $r), $BAD);
    rejected("$alg: DER", '/all', with_signature($token, ecdsa_to_der($raw)), $BAD);
    rejected("$alg: r and s with a zero before each", '/all', with_signature($token, "\0$r\0$s"), $BAD);
    # Congruent numbers: of the curves here, only P-521 leaves room for them.
    return unless $alg eq 'ES512';
    rejected("$alg: r+n", '/all', with_signature($token, octets(number($r) + $n, $size) . $s), $BAD);
    rejected("$alg: s+n", '/all', with_signature($token, $r . octets(number($s) + $n, $size)), $BAD);
}

# The order of the group, of the signature's second half: S is little-endian.
my %group_order = (
    ed25519 => Math::BigInt->new(2)**252 + Math::BigInt->new('27742317777372353535851937790883648493'),
    ed448   => Math::BigInt->new(2)**446
        - Math::BigInt->from_hex('8335dc163bb124b65129c96fde933d8d723a70aadc873d6d54a7bb0d'),
);

sub eddsa_ranges ($alg, $token) {
    my $raw  = b64u_decode((parts($token))[2]);
    my $size = length($raw) / 2;
    my ($r, $s) = unpack "a${size}a$size", $raw;
    my $congruent = reverse octets(number(scalar reverse $s) + $group_order{ default_key($alg) }, $size);
    rejected("$alg: S and the group's order", '/all', with_signature($token, $r . $congruent), $BAD);
    rejected("$alg: S is zero", '/all', with_signature($token, $r . "\0" x $size), $BAD);
    rejected("$alg: R is the neutral element", '/all',
        with_signature($token, "\1" . "\0" x ($size - 1) . $s), $BAD);
}

sub rsa_ranges ($alg, $token) {
    my $n = number(b64u_decode(jwk(default_key($alg))->{n}));
    rejected("$alg: signature is $_->[0]", '/all', with_signature($token, octets($_->[1], 256)), $BAD) for
        ['1', Math::BigInt->bone], ['n-1', $n - 1], ['n', $n], ['n+1', $n + 1];
    return unless $alg =~ /^PS/;
    # RFC 7518, section 3.5: the salt is as long as the digest.
    rejected("$alg: salt of $_", '/all', mint($alg, salt_length => $_), $BAD) for 0, 20, 'max';
}

for my $alg (algorithms()) {
    my $token = mint($alg);
    accepted("$alg: untouched", '/all', $token);
    flipped_bits($alg, $token);
    replaced_parts($alg, $token);
    changed_lengths($alg, $token);
    relabelled($alg);
    ecdsa_ranges($alg, $token) if $alg =~ /^ES/;
    eddsa_ranges($alg, $token) if $alg =~ /^Ed/;
    rsa_ranges($alg, $token)   if $alg =~ /^[RP]S/;
}

run_attempts($locations, 'large_client_header_buffers 4 32k;');
