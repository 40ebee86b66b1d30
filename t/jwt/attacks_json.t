# For every algorithm: a header or signed claims whose JSON could be read in two ways, is nested without
# end, or is larger than the site allows is refused, for that reason, with one line in the log.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Attempts;
use Gatehouse::Jose qw(algorithms default_key flip_bit jwk jwks jwt swap_payload);

my $HEADER = 'JOSE header is not an acceptable JSON object';
my $CLAIMS = 'claims are not an acceptable JSON object';

my @keys = do { my %seen; grep { !$seen{$_}++ } map { default_key($_) } algorithms() };
key_file('all.jwks', jwks(map { jwk($_, kid => $_) } @keys));

# "deep" answers with what the parsed tree is written out as.
my $locations = gate('/all', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;')
    . gate('/large', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_max_token_size 128k;')
    . gate('/deep', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_max_token_size 128k;',
        'auth_jwt_limits json_depth=2000;', 'add_header X-Nested "$jwt_claim_x" always;')
    . gate('/many', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_max_token_size 128k;',
        'auth_jwt_limits json_members=20000;')
    . gate('/few', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_limits json_members=8 json_depth=3;')
    . gate('/small', 'auth_jwt_key_file $TEST_NGINX_KEYS/all.jwks;', 'auth_jwt_max_token_size 100;');

# A token with this JSON in its header, beside alg, or for its claims; and the reason that is due.
sub header ($alg, $members) { return jwt(alg => $alg, raw_header => qq({"alg":"$alg",$members})) }
sub claims ($alg, $text) { return jwt(alg => $alg, raw_payload => $text) }

sub in_both ($alg, $uri, $what, $members) {
    rejected("$alg: header, $what", $uri, header($alg, $members), $HEADER);
    rejected("$alg: claims, $what", $uri, claims($alg, qq({"sub":"alice",$members})), $CLAIMS);
}

# RFC 7515, section 4, and RFC 7519, section 4.
sub duplicates ($alg) {
    my %members = (
        'a member twice'             => '"x":1,"x":1',
        'a member twice, far apart'  => '"x":1,"y":{"z":[1,2]},"w":null,"x":2',
        'a member twice, null first' => '"x":null,"x":2',
        'an inner member twice'      => '"x":{"a":1,"a":2}',
        'twice within an array'      => '"x":[1,{"a":1,"b":2,"a":1}]',
        'twice, one of them escaped' => '"x":1,"\u0078":2',
        'an empty name twice'        => '"":1,"":2',
        'kid twice'                  => '"kid":"a","kid":"b"',
    );
    in_both($alg, '/all', $_, $members{$_}) for sort keys %members;
    rejected("$alg: alg twice", '/all', header($alg, qq("alg":"$alg")), $HEADER);
    rejected("$alg: alg and none", '/all', header($alg, '"alg":"none"'), $HEADER);
    rejected("$alg: alg, escaped, and none", '/all', header($alg, '"\u0061lg":"none"'), $HEADER);
    rejected("$alg: sub twice", '/all', claims($alg, '{"sub":"alice","sub":"admin"}'), $CLAIMS);
    rejected("$alg: exp twice", '/all', claims($alg, '{"exp":1,"exp":99999999999}'), $CLAIMS);
    accepted("$alg: one name at two levels", '/all', claims($alg, '{"a":{"a":[{"a":1},{"a":1}]}}'));
}

# Not JSON, or JSON that not every reader takes for the same.
sub dubious ($alg) {
    my %members = (
        'a control character' => qq("x":"a\nb"),
        'a null character'    => '"x":"a\u0000b"',
        'a null in a name'    => '"a\u0000":1',
        'half a surrogate'    => '"x":"\ud800"',
        'invalid UTF-8'       => qq("x":"\xff\xfe"),
        'overlong UTF-8'      => qq("x":"\xc0\xaf"),
        'CESU-8'              => qq("x":"\xed\xa0\xbd"),
        'an open string'      => '"x":"',
        'an open array'       => '"x":[1,2',
        'a closing too many'  => '"x":1}',
        'a comma at the end'  => '"x":1,',
        'a comment'           => '"x":/*1*/2',
        'single quotes'       => "'x':1",
        'NaN'                 => '"x":NaN',
        'Infinity'            => '"x":-Infinity',
        'a plus sign'         => '"x":+1',
        'a leading zero'      => '"x":010',
        'a hexadecimal'       => '"x":0x10',
        'a double too large'  => '"x":1e999',
        'an integer too large' => '"x":18446744073709551616',
    );
    in_both($alg, '/all', $_, $members{$_}) for sort keys %members;
    my %text = ('an array' => '[{"sub":"alice"}]', 'a string' => '"sub"', 'a number' => '1', 'null' => 'null',
        'white space' => '  ', 'two objects' => '{"sub":"alice"}{}', 'an object and more' => '{"sub":"alice"} x',
        'a null at the end' => qq({"sub":"alice"}\0), 'a byte order mark' => qq(\xef\xbb\xbf{"sub":"alice"}),
        'UTF-16' => "{\0}\0");
    for my $what (sort keys %text) {
        rejected("$alg: the claims are $what", '/all', claims($alg, $text{$what}), $CLAIMS);
        rejected("$alg: the header is $what", '/all', jwt(alg => $alg, raw_header => $text{$what} =~ s/sub/alg/r), $HEADER);
    }
    accepted("$alg: white space around", '/all', claims($alg, qq(\r\n\t {"sub" : "alice"} \n)));
}

sub nested ($open, $close, $depth) { return '"x":' . $open x $depth . '1' . $close x $depth }

sub deep ($alg) {
    for my $kind (['[', ']', 'arrays'], ['{"a":', '}', 'objects'], ['[{"a":', '}]', 'arrays and objects']) {
        my ($open, $close, $name) = @$kind;
        in_both($alg, $_, "3,000 deep $name, $_", nested($open, $close, 3000)) for '/large', '/deep';
        in_both($alg, '/all', "65 deep $name", nested($open, $close, 65));
        in_both($alg, '/few', "4 deep $name", nested($open, $close, 4));
    }
    in_both($alg, '/large', "$_->[0], never closed", '"x":' . $_->[1] x 3000)
        for ['arrays', '['], ['objects', '{"a":'];
    # The text of a string is no nesting.
    my $brackets = '"x":"' . '[' x 3000 . '\"{{{{"';
    accepted("$alg: brackets in a string", '/large', claims($alg, "{$brackets}"));
    accepted("$alg: brackets in a string of the header", '/large', header($alg, $brackets));
    accepted("$alg: as deep as is allowed", '/few', claims($alg, '{"x":[[1]]}'));
    accepted("$alg: 63 deep", '/all', claims($alg, '{' . nested('[', ']', 63) . '}'));
    my $deep = '[' x 1990 . ']' x 1990;
    accepted("$alg: 1,990 deep where 2,000 are allowed", '/deep', claims($alg, qq({"x":{"y":$deep}})),
        response_headers => qq(X-Nested: {"y":$deep}));
    accepted("$alg: 1,990 deep in the header", '/deep', header($alg, qq("x":$deep)));
}

sub large ($alg) {
    my $sixty = jwt(alg => $alg, claims => { sub => 'alice', x => 'x' x 45_000 });
    rejected("$alg: 60 kB", '/all', $sixty, 'token is too large');
    rejected("$alg: 60 kB of a's", '/all', 'a' x 60_000, 'token is too large');
    accepted("$alg: 60 kB where 128k are allowed", '/large', $sixty);
    rejected("$alg: 60 kB, altered in the middle", '/large', flip_bit($sixty, 'payload'), 'signature is invalid');
    rejected("$alg: 60 kB, other claims", '/large', swap_payload($sixty, { sub => 'y' x 45_000 }), 'signature is invalid');
    rejected("$alg: 60 kB, not signed", '/large', 'a' x 60_000, 'token is not a compact JWS');
    rejected("$alg: 60 kB of header", '/all', header($alg, '"x":"' . 'x' x 45_000 . '"'), 'token is too large');
    accepted("$alg: 60 kB of header where 128k are allowed", '/large', header($alg, '"x":"' . 'x' x 45_000 . '"'));
    rejected("$alg: 60 kB of kid", '/large', header($alg, '"kid":"' . 'x' x 45_000 . '"'), 'no key matches the token');
    rejected("$alg: 60 kB of alg", '/large', jwt(alg => $alg, header => { alg => 'x' x 45_000 }),
        'algorithm is not supported');
    rejected("$alg: more than 100 bytes", '/small', claims($alg, '{"sub":"' . 'x' x 100 . '"}'), 'token is too large');

    my $many = join ',', map { qq("m$_":$_) } 1 .. 4200;
    in_both($alg, '/large', '4,200 members', $many);
    in_both($alg, '/large', '5,000 elements', '"x":[' . join(',', (1) x 5000) . ']');
    in_both($alg, '/few', 'members of all levels together', '"x":{"a":1,"b":2},"y":[1,2,3,4,5]');
    accepted("$alg: 4,200 members where 20,000 are allowed", '/many', claims($alg, "{$many}"));
}

for my $alg (algorithms()) {
    duplicates($alg);
    deep($alg);
    large($alg);
}
dubious('ES256');    # what has to do with JSON alone

run_attempts($locations, 'large_client_header_buffers 4 128k;');
