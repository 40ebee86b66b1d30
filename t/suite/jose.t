# The minting library of the tests, against RFC 7515 and the openssl command.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Gatehouse::Jose qw(algorithms b64u b64u_decode cut_signature default_key ecdsa_from_der
    ecdsa_to_der flip_bit jwk jwks jwt key keyval non_canonical parts pem secret swap_payload
    with_padding with_signature);
use Gatehouse::Jose::Keys qw(key_kind openssl spew test_dir);
use JSON::PP 'decode_json';
use Test::More;

sub temp_file ($bytes) {
    my $file = File::Temp->new;
    spew("$file", $bytes);
    return $file;
}

# What openssl thinks of an asymmetric signature: true or false.
sub openssl_verifies ($alg, $name, $token) {
    my ($header, $payload, $signature) = parts($token);
    $signature = b64u_decode($signature);
    $signature = ecdsa_to_der($signature) if $alg =~ /^ES/;
    my ($public, $sig, $input) = map { temp_file($_) } pem($name), $signature, "$header.$payload";

    my @command = ('pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', "$public",
        '-sigfile', "$sig", '-in', "$input");
    my $bits = $alg eq 'ES256K' ? 256 : $alg =~ /(256|384|512)$/ ? $1 : undef;
    push @command, '-digest', "sha$bits" if $bits;
    push @command, '-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', "rsa_pss_saltlen:$1"
        if $alg =~ /^PS/ and ($bits / 8) =~ /(\d+)/;
    return eval { openssl('', @command); 1 } // 0;
}

subtest 'RFC 7515 appendix A.1' => sub {
    my $k = 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow';
    is jwt(
        alg         => 'HS256',
        secret      => b64u_decode($k),
        raw_header  => qq({"typ":"JWT",\r\n "alg":"HS256"}),
        raw_payload =>
            qq({"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}),
        ),
        'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9'
        . '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
        . '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
};

subtest 'openssl verifies what is minted, and nothing mangled' => sub {
    for my $alg (grep { !/^HS/ } algorithms()) {
        my $name  = default_key($alg);
        my $token = jwt(alg => $alg, claims => { sub => 'alice' });
        ok openssl_verifies($alg, $name, $token), "$alg";
        ok !openssl_verifies($alg, "${name}_2", $token), "$alg, another key";
        ok !openssl_verifies($alg, $name, flip_bit($token)), "$alg, flipped bit";
        ok !openssl_verifies($alg, $name, swap_payload($token, { sub => 'bob' })),
            "$alg, other payload";
    }
    my $short = jwt(alg => 'PS256', salt_length => 0);
    ok !openssl_verifies('PS256', 'rsa', $short), 'PS256, salt of another length';
};

subtest 'a JWK holds the key its PEM holds' => sub {
    for my $name (qw(rsa rsa1024 rsapss)) {
        my ($modulus) = openssl('', 'rsa', '-in', key($name), '-noout', '-modulus') =~ /=(\w+)/;
        is uc unpack('H*', b64u_decode(jwk($name)->{n})), $modulus, "$name: n";
        is jwk($name)->{e}, 'AQAB', "$name: e";
    }
    for my $name (qw(ec256 ec384 ec521 ec256k ed25519 ed448 x25519)) {
        my $jwk = jwk($name);
        my $raw = join '', map { b64u_decode($jwk->{$_}) } grep { exists $jwk->{$_} } qw(x y);
        my $text = openssl('', 'pkey', '-in', key($name), '-noout', '-text_pub');
        my $hex  = ($text =~ /pub:\s+([0-9a-f:\s]+)/)[0] =~ s/[:\s]//gr;
        my $form = $jwk->{kty} eq 'EC' ? '04' : '';    # uncompressed (SEC 1, section 2.3.3)
        is $form . unpack('H*', $raw), $hex, "$name: point";
        is length b64u_decode($jwk->{x}), key_kind($name)->{size}, "$name: full size" if $form;
    }
    is b64u_decode(jwk('hs384')->{k}), secret('hs384'), 'hs384: k';
    is length secret('hs384'), 48, 'hs384: as long as the digest';
};

subtest 'key sets' => sub {
    my $set = decode_json(jwks(jwk('rsa', kid => 'a', use => 'sig'), jwk('ec256', y => undef), 'hs256'));
    is_deeply [map { $_->{kty} } $set->{keys}->@*], [qw(RSA EC oct)], 'in the order given';
    is $set->{keys}[0]{kid}, 'a', 'member added';
    ok !exists $set->{keys}[1]{y}, 'member left out';
    is decode_json(keyval(one => 'rsa'))->{one}, pem('rsa'), 'keyval';
};

subtest 'keys are made once' => sub {
    my $path = key('ed25519_once');
    my $inode = (stat $path)[1];
    is key('ed25519_once'), $path, 'same path';
    is +(stat $path)[1], $inode, 'same file';
    ok -d test_dir(), 'the directory is there for files of ours';
    my @left = glob test_dir() . '/private/*.[0-9]*';
    is "@left", '', 'nothing unfinished is left';
    ok !eval { key('rsb'); 1 }, 'unknown kind';
    like $@, qr/unknown key "rsb"/, '... is said by name';
};

subtest 'headers and payloads' => sub {
    my %args = (alg => 'HS256', header => { typ => 'JWT', kid => 'k' }, claims => { b => 1, a => [2] });
    is jwt(%args), jwt(%args), 'equal arguments, equal tokens';
    my ($header, $payload) = map { b64u_decode($_) } parts(jwt(%args));
    is $header, '{"alg":"HS256","kid":"k","typ":"JWT"}', 'header in canonical order';
    is $payload, '{"a":[2],"b":1}', 'claims in canonical order';
    is b64u_decode((parts(jwt(alg => 'HS256', header => { alg => 'none' })))[0]), '{"alg":"none"}',
        'the header may lie';
    is b64u_decode((parts(jwt(alg => 'HS256', header => { alg => undef })))[0]), '{}',
        'or say nothing';
    is +(parts(jwt(alg => 'nOnE')))[2], '', 'none has no signature';
};

subtest 'mangling' => sub {
    my $token = jwt(alg => 'ES512', claims => { sub => 'alice' });
    my ($header, $payload, $signature) = parts($token);
    for my $part (qw(header payload signature)) {
        my @now = parts(flip_bit($token, $part));
        my @old = ($header, $payload, $signature);
        is scalar(grep { $now[$_] ne $old[$_] } 0 .. 2), 1, "flip_bit: $part only";
    }
    my $flipped = b64u_decode((parts(flip_bit($token, 'signature', 0)))[2]);
    is unpack('%32b*', $flipped ^. b64u_decode($signature)), 1, 'one bit';

    is b64u_decode((parts(swap_payload($token, { sub => 'bob' })))[1]), '{"sub":"bob"}', 'swap_payload';
    is swap_payload($token, $token), $token, 'swap_payload from a token';
    is length b64u_decode((parts(cut_signature($token, 3)))[2]), 132 - 3, 'cut_signature';
    is with_signature($token, ''), "$header.$payload.", 'with_signature';

    is with_padding("$header.$payload.YQ"), "$header.$payload.YQ==", 'padding as in base64';
    is with_padding("$header.$payload.YWJj"), "$header.$payload.YWJj=", 'padding where none is due';

    my $odd = non_canonical("$header.$payload.YQ");
    is $odd, "$header.$payload.YR", 'non_canonical';
    is b64u_decode('YR'), 'a', '... decodes to the same octets';
    ok !eval { non_canonical("$header.$payload.YWJj"); 1 }, '... and needs unused bits';
};

subtest 'ECDSA encodings' => sub {
    for my $raw ("\0" x 31 . "\1" . "\xff" x 32, "\x7f" x 132, "\x80" x 64, "\0" x 64) {
        is ecdsa_from_der(ecdsa_to_der($raw), length($raw) / 2), $raw, 'there and back';
    }
    is unpack('H*', ecdsa_to_der("\0\1" . "\0\x80")), '300702010102020080', 'shortest integers';
};

done_testing;
