# Files go out by sendfile() and are read only if somebody has to: nginx's debug log says how they went.

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
);
my $locations = join "\n", map {
    "location /$_/ { error_log logs/$_.log debug; alias html/; $places{$_} }"
} sort keys %places;

my $waf = Gatehouse::Waf->new(<<"END", files => { 'html/page.html' => 'x' x 50_000, 'html/secret.html' => 'a secret' });
sendfile on;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny"';
$locations
END

sub sent ($place) {
    is length $waf->get("/$place/page.html")->{body}, 50_000, "$place: complete";
    my $log = $waf->file("logs/$place.log");
    $waf->nginx->until(sub { slurp($log) =~ /http close request/ }, 'the end of the request');
    my $said = slurp($log);
    return join ', ', $said =~ /\] \S+ \*\d+ read: \d+, / ? 'read' : (), $said =~ /\] \S+ \*\d+ sendfile: / ? 'sendfile' : ();
}

is sent($_), 'sendfile', "$_: nobody reads it" for qw(absent body_off rules types);
is sent('response'), 'read, sendfile', 'a response that is inspected';
is $waf->status('/response/secret.html'), 'cut', 'and refused';
is $waf->status('/absent/secret.html'), 200, 'unlike others';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
