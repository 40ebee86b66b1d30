# Of a response that is inspected there are no parts: what is left out would not be judged, and of
# what is held back the header would speak of a part where the whole follows.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(client get);
use Test::More;

my %sources = (
    file   => 'alias html/;',
    forced => 'proxy_force_ranges on; proxy_set_header Range ""; proxy_pass APPLICATION:/files/;',
    cache  => 'proxy_cache pages; proxy_cache_valid 1h; proxy_pass APPLICATION:/files/;',
    slice  => 'slice 100; proxy_set_header Range $slice_range; proxy_http_version 1.1; proxy_pass APPLICATION:/files/;',
);
my %places = (read => '', held => 'modsecurity_response_buffer on;', free => 'modsecurity_response_body off;');
my $locations = join "\n", map {
    my $place = $_;
    map { "location /$place/$_/ { $places{$place} $sources{$_} }" } sort keys %sources;
} sort keys %places;

my $good = join ' ', 1 .. 200;
my $waf  = Gatehouse::Waf->new(<<"END", files => { 'html/good.html' => $good, 'html/bad.html' => 'x' x 200 . 'secret' . 'y' x 200 }, http => 'proxy_cache_path $PREFIX/temp/cache keys_zone=pages:1m;');
default_type text/html;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny"';
$locations
END

# Two requests on one connection, so that the first has to end where it says.
sub in_turn ($uri, $range) {
    my $client = client(get("$uri/good.html", undef, "Range: bytes=$range"), $waf->file('nginx.sock'));
    my @answers = ($client->response, $client->send(get("$uri/good.html"))->response);
    $client->leave;
    return map { ($_->{status}, $_->{body}) } @answers;
}

for my $source (sort keys %sources) {
    for my $uri ("/read/$source", "/held/$source") {
        is_deeply [in_turn($uri, $_)], [200, $good, 200, $good], "$uri: bytes=$_" for '5-9', '-3', '0-1,5-6';
        my $due = $uri =~ /held/ ? 403 : 'cut';
        is $waf->status("$uri/bad.html", "Range: bytes=$_"), $due, "$uri: refused, bytes=$_" 
            for '0-202', '-4', '0-0,-1', $source eq 'slice' ? () : ('201-300', '203-');
    }
    is_deeply [in_turn("/free/$source", '5-9')], [206, substr($good, 5, 5), 200, $good], "/free/$source";
}

# The slices before are not there to be judged, and the header does not wait for the others.
for my $place (qw(read held)) {
    is_deeply [in_turn("/$place/slice", '205-209')], [206, substr($good, 205, 5), 200, $good], "/$place/slice: a later slice";
    is $waf->status("/$place/slice/bad.html", 'Range: bytes=200-205'), 'cut', "/$place/slice: refused where it is seen";
}

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
