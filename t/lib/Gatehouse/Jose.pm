package Gatehouse::Jose;

# Mints and mangles compact JWS tokens for the tests, with core Perl and the
# openssl command only, so that a mistake in the modules' own cryptography
# cannot hide itself. Keys: Gatehouse::Jose::Keys, whose functions are exported
# from here as well.
#
#   jwt(alg => 'ES256', key => 'ec256', header => { kid => 'a' }, claims => { sub => 'x' })
#
# Options of jwt():
#   alg          how to sign; also the "alg" header unless header overrides it
#   key          name of the key; the first key that fits alg when left out
#   secret       HMAC secret bytes in place of a key
#   header       header members besides alg; undef leaves a member out
#   claims       payload as a hash
#   raw_header, raw_payload    bytes in place of header, claims
#   padding      true: each part is padded, as no JWS may be
#   salt_length  of PS*, the digest's length by default (RFC 7518, section 3.5)

use v5.36;
use Exporter 'import';
use Carp 'croak';
use Digest::SHA ();
use File::Temp ();
use Gatehouse::Jose::Keys
    qw(b64u b64u_decode to_json key key_kind secret pem keyval jwk jwks slurp spew openssl test_dir);

our @EXPORT_OK = qw(b64u b64u_decode padded to_json key secret pem keyval jwk jwks jwt algorithms default_key
    sign ecdsa_to_der ecdsa_from_der parts flip_bit swap_payload with_signature cut_signature
    with_padding non_canonical);

my %ALG = (
    (map { ("HS$_" => [\&sign_hmac, "hs$_", $_]) } 256, 384, 512),
    (map { ("RS$_" => [\&sign_rsa, 'rsa', $_]) } 256, 384, 512),
    (map { ("PS$_" => [\&sign_pss, 'rsa', $_]) } 256, 384, 512),
    ES256   => [\&sign_ecdsa, 'ec256',   256],
    ES384   => [\&sign_ecdsa, 'ec384',   384],
    ES512   => [\&sign_ecdsa, 'ec521',   512],
    ES256K  => [\&sign_ecdsa, 'ec256k',  256],
    EdDSA   => [\&sign_eddsa, 'ed25519', 0],
    Ed25519 => [\&sign_eddsa, 'ed25519', 0],    # RFC 9864
    Ed448   => [\&sign_eddsa, 'ed448',   0],    # RFC 9864
);

sub algorithms () { return sort keys %ALG }

sub default_key ($alg) { return $ALG{$alg}[1] }

sub jwt (%args) {
    my $alg = $args{alg} // croak 'jwt: no alg';
    my %header = (alg => $alg, ($args{header} // {})->%*);
    delete @header{ grep { !defined $header{$_} } keys %header };

    my $encode = $args{padding} ? \&padded : \&b64u;
    my $input = join '.', $encode->($args{raw_header} // to_json(\%header)),
        $encode->($args{raw_payload} // to_json($args{claims} // {}));
    return "$input." . $encode->(sign($input, %args));
}

# RFC 4648, section 5, with its padding.
sub padded ($bytes) {
    my $text = b64u($bytes);
    return $text . '=' x (-length($text) % 4);
}

# The signature over $input; the options are those of jwt(). "none" in any
# spelling gives an empty one.
sub sign ($input, %args) {
    return '' if lc $args{alg} eq 'none';
    my ($sign, $default, $bits) = ($ALG{ $args{alg} } // croak "unknown alg \"$args{alg}\"")->@*;
    return $sign->($input, $args{key} // $default, $bits, \%args);
}

sub sign_hmac ($input, $name, $bits, $args) {
    return Digest::SHA->can("hmac_sha$bits")->($input, $args->{secret} // secret($name));
}

sub sign_rsa ($input, $name, $bits, $) {
    return openssl($input, 'dgst', "-sha$bits", '-sign', key($name));
}

sub sign_pss ($input, $name, $bits, $args) {
    return openssl($input, 'dgst', "-sha$bits", '-sign', key($name),
        '-sigopt', 'rsa_padding_mode:pss',
        '-sigopt', 'rsa_pss_saltlen:' . ($args->{salt_length} // 'digest'));
}

sub sign_ecdsa ($input, $name, $bits, $) {
    return ecdsa_from_der(openssl($input, 'dgst', "-sha$bits", '-sign', key($name)),
        key_kind($name)->{size});
}

# openssl wants the length of an EdDSA message in advance, hence a file.
sub sign_eddsa ($input, $name, $, $) {
    my $message = File::Temp->new;
    spew("$message", $input);
    return openssl('', 'pkeyutl', '-sign', '-rawin', '-inkey', key($name), '-in', "$message");
}

# Between ECDSA-Sig-Value (RFC 3279, section 2.2.3) and r || s (RFC 7518,
# section 3.4), $size octets each.
sub ecdsa_from_der ($der, $size) {
    my $sequence = Gatehouse::Jose::Keys::take_der(\$der, 0x30);
    return join '', map {
        my $n = Gatehouse::Jose::Keys::uint_der(\$sequence);
        ("\0" x ($size - length $n)) . $n
    } 1 .. 2;
}

sub ecdsa_to_der ($raw) {
    my $size = length($raw) / 2;
    my $body = join '', map { der_uint($_) } unpack "a${size}a$size", $raw;
    return "\x30" . (length $body > 127 ? "\x81" : '') . chr(length $body) . $body;
}

sub der_uint ($bytes) {
    $bytes =~ s/\A\0+(?=.)//s;
    $bytes = "\0$bytes" if ord $bytes > 127;
    return "\x02" . chr(length $bytes) . $bytes;
}

# Mangling. A part is "header", "payload" or "signature"; what is not named
# stays as it was, octet for octet.

my %PART = (header => 0, payload => 1, signature => 2);

sub parts ($token) { return split /\./, $token, -1 }

sub replace_part ($token, $part, $edit) {
    my @parts = parts($token);
    my $index = $PART{$part} // croak "no part \"$part\" in a token";
    $parts[$index] = $edit->($parts[$index]);
    return join '.', @parts;
}

# Flips one bit of the decoded octets, in the middle ones unless told.
sub flip_bit ($token, $part = 'signature', $bit = undef) {
    return replace_part($token, $part, sub ($text) {
        my $bytes = b64u_decode($text);
        $bit //= int(length($bytes) / 2) * 8;
        vec($bytes, $bit, 1) ^= 1;
        return b64u($bytes);
    });
}

# The payload of another token or, given a hash, these claims.
sub swap_payload ($token, $payload) {
    my $text = ref $payload ? b64u(to_json($payload)) : (parts($payload))[1];
    return replace_part($token, 'payload', sub ($) { $text });
}

sub with_signature ($token, $bytes) {
    return replace_part($token, 'signature', sub ($) { b64u($bytes) });
}

# Without the last $count octets of the signature.
sub cut_signature ($token, $count = 1) {
    my $bytes = b64u_decode((parts($token))[2]);
    return with_signature($token, substr $bytes, 0, length($bytes) - $count);
}

# With the "=" that base64url in JOSE leaves out (RFC 7515, section 2).
sub with_padding ($token, $part = 'signature') {
    return replace_part($token, $part, sub ($text) { $text . '=' x (-length($text) % 4 || 1) });
}

# The same octets with one of the unused trailing bits set (RFC 4648, section 3.5).
sub non_canonical ($token, $part = 'signature') {
    return replace_part($token, $part, sub ($text) {
        croak "the $part has no unused bits" if length($text) % 4 == 0;
        my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
        return substr($text, 0, -1) . substr $alphabet, index($alphabet, substr $text, -1) + 1, 1;
    });
}

1;
