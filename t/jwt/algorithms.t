# Every algorithm is accepted end to end: its key among keys of all types, told by type and curve, by
# kid or by the JWK's own alg; and auth_jwt_algorithms lets in what it names and nothing else.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(algorithms default_key jwk jwks jwt keyval);

# EdDSA names two curves, and a key that is for RSASSA-PSS only is of a type of its own.
my @cases = (
    (map { [$_, default_key($_)] } algorithms()),
    [EdDSA => 'ed448'],
    (map { [$_, 'rsa4096'] } qw(RS256 PS512)),
);
my %keys = map { ($_->[1] => 1) } @cases;
my @keys = sort keys %keys;

key_file('bare.jwks',  jwks(@keys));
key_file('kid.jwks',   jwks(map { jwk($_, kid => $_) } @keys));
key_file('all.keyval', keyval(map { ($_ => $_) } grep { !/^hs/ } @keys));
my $locations = gate('/bare', 'auth_jwt_key_file $TEST_NGINX_KEYS/bare.jwks;')
    . gate('/kid', 'auth_jwt_key_file $TEST_NGINX_KEYS/kid.jwks jwks;')
    . gate('/keyval', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.keyval keyval;');

for my $alg (algorithms()) {
    $locations .= gate("/only-$alg", 'auth_jwt_key_file $TEST_NGINX_KEYS/bare.jwks;', "auth_jwt_algorithms $alg;");
}

for my $case (@cases) {
    my ($alg, $key) = @$case;
    my %claims = (claims => { sub => 'alice', iat => time - 10, exp => time + 3600 });
    my $bare   = jwt(alg => $alg, key => $key, %claims);
    my $named  = jwt(alg => $alg, key => $key, header => { kid => $key, typ => 'JWT' }, %claims);
    my $who    = "$alg with $key";

    key_file("$alg-$key.jwks", jwks(jwk($key, alg => $alg, use => 'sig', key_ops => ['verify'])));
    $locations .= gate("/$alg-$key", "auth_jwt_key_file \$TEST_NGINX_KEYS/$alg-$key.jwks;");

    accepted("$who: no kid anywhere", '/bare', $bare);
    accepted("$who: kid in the token only", '/bare', $named);
    accepted("$who: kid in the set only", '/kid', $bare);
    accepted("$who: kid in both", '/kid', $named);
    accepted("$who: alg, use and key_ops in the JWK", "/$alg-$key", $named);
    accepted("$who: the only algorithm allowed", "/only-$alg", $bare);
    accepted("$who: keyval", '/keyval', $named) unless $alg =~ /^HS/;
    rejected("$who: another algorithm allowed", "/only-$_", $bare, 'algorithm is not allowed')
        for grep { $_ ne $alg } qw(RS256 ES512);
}

# A key of the type RSASSA-PSS (RFC 4055, section 1.2) is there for PS* only.
key_file('pss.keyval', keyval(pss => 'rsapss'));
$locations .= gate('/pss', 'auth_jwt_key_file $TEST_NGINX_KEYS/pss.keyval keyval;');
accepted("$_ with rsapss", '/pss', jwt(alg => $_, key => 'rsapss')) for qw(PS256 PS384 PS512);
rejected("$_ with rsapss", '/pss', jwt(alg => $_), 'no key matches the token') for qw(RS256 RS384 RS512);

run_attempts($locations);
