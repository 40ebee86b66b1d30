# For every algorithm: a token that claims to need no signature, wants an extension, is not spelt in
# the one canonical way, or is no compact JWS at all is refused, for that reason, with one line in the log.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(algorithms b64u default_key jwk jwks jwt non_canonical parts sign to_json with_padding
    with_signature);

my $BAD         = 'signature is invalid';
my $SPELLING    = 'token is not canonical base64url';
my $NOT_COMPACT = 'token is not a compact JWS';
my $UNSUPPORTED = 'algorithm is not supported';

my @keys = do { my %seen; grep { !$seen{$_}++ } map { default_key($_) } algorithms() };
key_file('all.jwks', jwks(map { jwk($_, kid => $_) } @keys));
my $locations = gate('/all', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;')
    . gate('/unsigned', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_validate_sig off;')
    . gate('/keyless', 'auth_jwt_validate_sig off;');

sub mint ($alg, %args) {
    return jwt(alg => $alg, claims => { sub => 'alice' }, %args,
        header => { kid => default_key($alg), ($args{header} // {})->%* });
}

# An honest signature under another spelling of the payload or the header.
sub mint_text ($alg, $header, $payload) {
    my $input = "$header.$payload";
    return "$input." . b64u(sign($input, alg => $alg));
}

# RFC 7518, section 3.6, and whatever a lenient comparison would take for it.
sub none ($alg, $token) {
    my $kid = default_key($alg);
    my %spelling = (map { ($_ => qq("$_")) } qw(none None NONE nOnE noNE), '', ' none', 'none ', "no\\u006ee");
    my %reason   = (map { ($_ => $UNSUPPORTED) } keys %spelling);
    @spelling{qw(null 0 false), '["none"]', '[]', '{}'} = qw(null 0 false ["none"] [] {});
    for my $name (sort keys %spelling) {
        my $reason = $reason{$name} // '"alg" header is missing';
        my $header = b64u(qq({"alg":$spelling{$name},"kid":"$kid"}));
        my $with   = $token =~ s/^[^.]+/$header/r;
        rejected("$alg: alg [$name], signature kept", '/all', $with, $reason);
        rejected("$alg: alg [$name], signature empty", '/all', with_signature($with, ''), $NOT_COMPACT);
        rejected("$alg: alg [$name], signature and dot left out", '/all', $with =~ s/\.[^.]*\z//r, $NOT_COMPACT);
    }
    my $header = b64u(qq({"kid":"$kid"}));
    rejected("$alg: no alg", '/all', $token =~ s/^[^.]+/$header/r, '"alg" header is missing');
    rejected("$alg: alg in lower case", '/all', mint($alg, header => { alg => lc $alg }), $UNSUPPORTED);
    rejected("$alg: alg with a blank", '/all', mint($alg, header => { alg => "$alg " }), $UNSUPPORTED);
}

sub extensions ($alg) {
    my %extension = (
        'crit of exp'        => '"crit":["exp"],"exp":1',
        'crit of its own'    => '"crit":["b64","crit"]',
        'crit, empty'        => '"crit":[]',
        'crit, null'         => '"crit":null',
        'crit, no array'     => '"crit":"exp"',
        'crit, escaped'      => '"cr\\u0069t":["x"]',
        'b64 false'          => '"b64":false',
        'b64 true'           => '"b64":true',
        'b64 false and crit' => '"b64":false,"crit":["b64"]',
    );
    for my $what (sort keys %extension) {
        rejected("$alg: $what", '/all', mint($alg, raw_header => qq({"alg":"$alg",$extension{$what}})),
            '"crit" or "b64" header is present');
    }
    my ($header) = parts(mint($alg, header => { b64 => \0, crit => ['b64'] }));
    my $input = "$header.alice";
    rejected("$alg: a payload that is not encoded", '/all', "$input." . b64u(sign($input, alg => $alg)),
        '"crit" or "b64" header is present');
}

# Both bodies decode to the same octets for a lenient decoder.
sub spellings ($alg, $token) {
    my ($header, $payload, $signature) = parts($token);
    rejected("$alg: padding of the header", '/all', with_padding($token, 'header'), $SPELLING);
    rejected("$alg: padding of the signature", '/all', with_padding($token, 'signature'), $SPELLING);
    rejected("$alg: padding of the payload", '/all', with_padding($token, 'payload'), $BAD);
    for my $length (1, 2) {    # of bytes beyond a multiple of three
        my ($h) = parts(mint($alg, raw_header => fill(qq({"alg":"$alg"}), $length)));
        my $p   = b64u(fill('{"sub":"alice"}', $length));
        accepted("$alg: $length bytes over", '/all', mint_text($alg, $h, $p));
        rejected("$alg: header's unused bits, $length bytes over", '/all',
            mint_text($alg, non_canonical("$h.$p.", 'header') =~ s/\..*//r, $p), $SPELLING);
        rejected("$alg: payload's unused bits, $length bytes over", '/all',
            mint_text($alg, $h, (parts(non_canonical("$h.$p.", 'payload')))[1]), $SPELLING);
        rejected("$alg: signed padding of the payload, $length bytes over", '/all',
            mint_text($alg, $h, $p . '=' x (3 - $length)), $SPELLING);
        rejected("$alg: signed padding of the header, $length bytes over", '/all',
            mint_text($alg, $h . '=' x (3 - $length), $p), $SPELLING);
    }
    rejected("$alg: signature's unused bits", '/all', non_canonical($token), $SPELLING) if length($signature) % 4;
    foreign_octets($alg, $token);
}

# JSON text followed by blanks up to that many bytes beyond a multiple of three.
sub fill ($json, $over) {
    return $json . ' ' x (($over - length $json) % 3);
}

sub foreign_octets ($alg, $token) {
    my ($header, $payload, $signature) = parts($token);
    for my $octet ('+', '/', ' ', "\t", '*', '%', '=', "\x80", "\xff", '~') {
        my $name = sprintf '%02x', ord $octet;
        my ($h, $p, $s) = map { substr($_, 0, 5) . $octet . substr $_, 6 } $header, $payload, $signature;
        rejected("$alg: octet $name in the header", '/all', mint_text($alg, $h, $payload), $SPELLING);
        rejected("$alg: octet $name in the payload", '/all', "$header.$p.$signature", $BAD);
        rejected("$alg: octet $name in the payload, signed", '/all', mint_text($alg, $header, $p), $SPELLING);
        rejected("$alg: octet $name in the signature", '/all', "$header.$payload.$s", $SPELLING);
    }
    # The other alphabet (RFC 4648, section 4) for the same octets. "?>" brings both letters in question.
    my $standard = b64u('{"sub":"??>>~~??>>"}') =~ tr{-_}{+/}r;
    rejected("$alg: base64 in the payload, signed", '/all', mint_text($alg, $header, $standard), $SPELLING);
    (my $text = $signature) =~ tr{-_}{+/};
    rejected("$alg: base64 in the signature", '/all', "$header.$payload.$text", $SPELLING) if $text ne $signature;
    # 4n+1 letters are the encoding of nothing.
    rejected("$alg: a letter too many", '/all', "$header.$payload." . $signature . 'A' x ((1 - length $signature) % 4),
        $SPELLING) if length($signature) % 4 != 1;
}

sub shapes ($alg, $token) {
    my ($header, $payload, $signature) = parts($token);
    my %shape = (
        'header alone'         => $header,
        'header and dot'       => "$header.",
        'two parts'            => "$header.$payload",
        'empty header'         => ".$payload.$signature",
        'empty payload'        => "$header..$signature",
        'signed empty payload' => mint_text($alg, $header, ''),
        'four parts'           => "$token.$signature",
        'a dot at the end'     => "$token.",
        'a dot in front'       => ".$token",
        'six parts'            => "$token.a.b.c",
        'two tokens'           => "$token.$token",
        'two dots'             => '..',
        'a dot'                => '.',
        '5,000 dots'           => '.' x 5000,
        'a token in 5,000 dots' => '.' x 2500 . $token . '.' x 2500,
        'dots, then letters'   => '.' x 5000 . 'A' x 5000,
        'a JSON serialization' => to_json({ protected => $header, payload => $payload, signature => $signature }),
    );
    rejected("$alg: $_", '/all', $shape{$_}, $NOT_COMPACT) for sort keys %shape;
    rejected("$alg: five parts", '/all', "$token.$signature.$payload", 'token is encrypted');
    rejected("$alg: five empty parts", '/all', '....', 'token is encrypted');
}

# Without verification of signatures the rest still holds.
sub unsigned ($alg, $token) {
    for my $uri ('/unsigned', '/keyless') {
        accepted("$alg: $uri", $uri, with_signature($token, 'of no weight'));
        rejected("$alg: none, $uri", $uri, jwt(alg => 'none') . 'AAAA', $UNSUPPORTED);
        rejected("$alg: no signature, $uri", $uri, with_signature($token, ''), $NOT_COMPACT);
        rejected("$alg: crit, $uri", $uri, mint($alg, header => { crit => ['exp'] }),
            '"crit" or "b64" header is present');
        rejected("$alg: padding of the payload, $uri", $uri, with_padding($token, 'payload'), $SPELLING);
    }
}

for my $alg (algorithms()) {
    my $token = mint($alg);
    accepted("$alg: untouched", '/all', $token);
    none($alg, $token);
    extensions($alg);
    spellings($alg, $token);
    shapes($alg, $token);
    unsigned($alg, $token);
}

run_attempts($locations, 'large_client_header_buffers 4 32k;');
