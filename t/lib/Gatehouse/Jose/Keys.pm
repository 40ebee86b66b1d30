package Gatehouse::Jose::Keys;

# Test keys by name, made with the openssl command and shared by a whole test
# run. Nothing here links against or is derived from the modules under test.
#
# A key's name is its kind, or kind_label for a further key of that kind:
# "rsa", "rsa_other", "ec256", "ec256_2".

use v5.36;
use Exporter 'import';
use Carp 'croak';
use File::Path 'make_path';
use File::Temp ();
use IPC::Open3 'open3';
use JSON::PP ();
use MIME::Base64 qw(encode_base64url decode_base64url);

our @EXPORT_OK = qw(test_dir slurp spew openssl
    b64u b64u_decode to_json key key_kind random_secret secret pem keyval jwk jwks);

my %KIND = (
    (map { ("hs$_" => { kty => 'oct', bytes => $_ / 8 }) } 256, 384, 512),
    (map { ("rsa$_->[0]" => rsa($_->[1])) }
        ['', 2048], [1024, 1024], [3072, 3072], [4096, 4096]),
    rsapss  => rsa(2048, 'RSA-PSS'),
    ec256   => ec('P-256', 32),
    ec384   => ec('P-384', 48),
    ec521   => ec('P-521', 66),
    ec256k  => ec('secp256k1', 32),
    ed25519 => okp('Ed25519'),
    ed448   => okp('Ed448'),
    x25519  => okp('X25519'),
);

sub rsa ($bits, $type = 'RSA') {
    return { kty => 'RSA', args => ['-algorithm', $type, '-pkeyopt', "rsa_keygen_bits:$bits"] };
}

sub ec ($curve, $size) {
    return { kty => 'EC', crv => $curve, size => $size,
             args => ['-algorithm', 'EC', '-pkeyopt', "ec_paramgen_curve:$curve"] };
}

sub okp ($curve) {
    return { kty => 'OKP', crv => $curve, args => ['-algorithm', $curve] };
}

sub b64u ($bytes) { return encode_base64url($bytes) }

sub b64u_decode ($text) { return decode_base64url($text) }

# Members in one fixed order, so that equal arguments give equal tokens.
sub to_json ($value) {
    state $json = JSON::PP->new->canonical->utf8->allow_nonref;
    return $json->encode($value);
}

# The directory shared by every test file of a run. Readable by others: nginx
# workers that have dropped root read key files from it.
sub test_dir () {
    state $dir = do {
        my $own;
        my $path = $ENV{GATEHOUSE_TEST_DIR} //= $own = File::Temp->newdir('gatehouse-test-XXXXXX', TMPDIR => 1);
        make_path("$path");
        chmod 0755, "$path" or croak "chmod $path: $!";
        $own // $path;    # the object: it removes the directory in the end
    };
    return "$dir";
}

sub slurp ($path) {
    open my $in, '<:raw', $path or croak "open $path: $!";
    local $/;
    return scalar <$in>;
}

sub spew ($path, $bytes) {
    open my $out, '>:raw', $path or croak "open $path: $!";
    print {$out} $bytes;
    close $out or croak "write $path: $!";
    return $path;
}

# Runs openssl with $input on standard input and returns its standard output.
# Both the input and the diagnostics are files, so neither side can block.
sub openssl ($input, @args) {
    my $in = File::Temp->new;
    binmode $in;
    print {$in} $input;
    $in->flush;
    seek $in, 0, 0;
    my $diagnostics = File::Temp->new;

    my $pid = open3('<&' . fileno $in, my $out, '>&' . fileno $diagnostics, 'openssl', @args);
    binmode $out;
    my $result = do { local $/; <$out> };
    waitpid $pid, 0;
    croak "openssl @args: " . slurp("$diagnostics") if $?;
    return $result;
}

sub key_kind ($name) {
    my ($kind) = $name =~ /\A([a-z]+[0-9]*k?)(?:_\w+)?\z/;
    return $KIND{ $kind // '' }
        // croak "unknown key \"$name\"; kinds: @{[sort keys %KIND]}, further keys: kind_label";
}

# Without a newline at its end, which a secret file would lose.
sub random_secret ($bytes) { return openssl('', 'rand', $bytes) =~ s/[\r\n]\z/x/r }

# Path of the private key (PEM) or, for hs*, of the secret's bytes. Several
# test files may want a key at once: each makes one, link(2) lets the first win.
sub key ($name) {
    my $kind = key_kind($name);
    my $dir  = test_dir() . '/private';
    my $path = "$dir/$name";
    return $path if -e $path;

    make_path($dir, { mode => 0700 });
    my $made = "$path.$$";
    spew($made, $kind->{bytes}
        ? random_secret($kind->{bytes})
        : openssl('', 'genpkey', @{ $kind->{args} }));
    link $made, $path or $!{EEXIST} or croak "link $path: $!";
    unlink $made;
    return $path;
}

sub secret ($name) {
    croak "\"$name\" is not a secret" unless key_kind($name)->{bytes};
    return slurp(key($name));
}

# SubjectPublicKeyInfo as PEM.
sub pem ($name) {
    return openssl('', 'pkey', '-in', key($name), '-pubout');
}

# A key file of the keyval kind: JSON object of kid => PEM public key.
sub keyval (%name_of) {
    return to_json({ map { ($_ => pem($name_of{$_})) } keys %name_of });
}

# One DER element at the front of $$der, removed from it: its contents.
sub take_der ($der, $tag) {
    my ($found, $length) = unpack 'CC', $$der;
    croak sprintf 'DER: tag %02x where %02x is due', $found, $tag unless $found == $tag;
    my $offset = 2;
    if ($length & 0x80) {
        my $count = $length & 0x7f;
        $length = hex unpack 'H*', substr $$der, 2, $count;
        $offset += $count;
    }
    my $contents = substr $$der, $offset, $length;
    substr($$der, 0, $offset + $length) = '';
    return $contents;
}

# The subjectPublicKey of a SubjectPublicKeyInfo (RFC 5280, section 4.1).
sub public_bits ($name) {
    my $der  = openssl('', 'pkey', '-in', key($name), '-pubout', '-outform', 'DER');
    my $spki = take_der(\$der, 0x30);
    take_der(\$spki, 0x30);    # AlgorithmIdentifier
    my $bits = take_der(\$spki, 0x03);
    return substr $bits, 1;    # the count of unused bits, always zero here
}

sub uint_der ($der) {
    return take_der($der, 0x02) =~ s/\A\0+//r;
}

# The public JWK (RFC 7517) as a hash. Further members are added or, given as
# undef, left out: jwk('rsa', kid => 'a', alg => 'RS256').
sub jwk ($name, %extra) {
    my $kind = key_kind($name);
    my %jwk  = (kty => $kind->{kty});
    if ($kind->{kty} eq 'oct') {
        $jwk{k} = b64u(secret($name));
    }
    elsif ($kind->{kty} eq 'RSA') {
        my $bits = public_bits($name);
        my $rsa  = take_der(\$bits, 0x30);
        @jwk{qw(n e)} = map { b64u(uint_der(\$rsa)) } 1 .. 2;
    }
    elsif ($kind->{kty} eq 'EC') {
        my ($x, $y) = unpack "xa$kind->{size}a$kind->{size}", public_bits($name);
        @jwk{qw(crv x y)} = ($kind->{crv}, b64u($x), b64u($y));
    }
    else {
        @jwk{qw(crv x)} = ($kind->{crv}, b64u(public_bits($name)));
    }
    %jwk = (%jwk, %extra);
    delete @jwk{ grep { !defined $jwk{$_} } keys %jwk };
    return \%jwk;
}

# A JWK set as JSON; a plain string stands for jwk(string).
sub jwks (@keys) {
    return to_json({ keys => [map { ref ? $_ : jwk($_) } @keys] });
}

1;
