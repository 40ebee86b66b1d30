# Files go out by sendfile() and are read only if somebody has to; the usual connector reads all of
# them. nginx's debug log says how they went.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

my $nginx = $ENV{TEST_NGINX_BINARY} // 'nginx';
plan skip_all => 'an nginx without its debug log' unless `$nginx -V 2>&1` =~ /--with-debug\b/;

my %places = (
    absent   => 'modsecurity off;',
    response => '',
    body_off => 'modsecurity_response_body off;',
    rules    => "modsecurity_rules 'SecResponseBodyAccess Off';",
    types    => 'modsecurity_response_body text/css;',
    type     => 'default_type text/css; types { }',
);
my $locations = join "\n", map {
    "location /$_/ { error_log logs/$_.log debug; alias html/; $places{$_} }"
} sort keys %places;

my $server = <<"END";
sendfile on;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny"';
$locations
END

sub sent ($waf, $place) {
    is length $waf->get("/$place/page.html")->{body}, 50_000, "$place: complete";
    my $log = $waf->file("logs/$place.log");
    $waf->nginx->until(sub { slurp($log) =~ /http close request/ }, 'the end of the request');
    my $said = slurp($log);
    return join ', ', $said =~ /\] \S+ \*\d+ read: \d+, / ? 'read' : (), $said =~ /\] \S+ \*\d+ sendfile: / ? 'sendfile' : ();
}

# `body_off` and `types` are directives that the connector does not know.
my %read = (module => { response => 1 }, connector => { map { ($_ => 1) } grep { $_ ne 'absent' } keys %places });

for my $waf (Gatehouse::Waf->beside($server, files => { 'html/page.html' => 'x' x 50_000, 'html/secret.html' => 'a secret' })) {
    my $name = $waf->name;
    is sent($waf, $_), $read{$name}{$_} ? 'read, sendfile' : 'sendfile', "$name: $_" for sort keys %places;
    is_deeply [$waf->differing('/response/secret.html' => 'cut', '/absent/secret.html' => 200)], [], "$name: refused where it is inspected";
    is $waf->stop, 0, "$name: nginx ends";
    is_deeply [$waf->complaints], [], "$name: without harm" if $name eq 'module';
}

done_testing;
