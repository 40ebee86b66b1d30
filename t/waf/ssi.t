# What subrequests add to a response is inspected as a part of it and gets to the client, be it a file
# that sendfile() would send or an upstream's.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my %files = (
    'html/ssi.html'       => 'A <!--# include virtual="/part.html" --> B <!--# include virtual="/app/part.html" --> C',
    'html/nested.html'    => '<!--# include virtual="/PLACE/ssi.html" --> N',
    'html/leak.html'      => 'A <!--# include virtual="/bad.html" --> B',
    'html/leak_app.html'  => 'A <!--# include virtual="/app/bad.html" --> B <!--# include virtual="/part.html" -->',
    'html/split.html'     => 'A top <!--# include virtual="/second.html" --> B',
    'html/none.html'      => 'A <!--# include virtual="/missing.html" --> B',
    'html/page.html'      => 'P',
    'html/part.html'      => 'p' x 100_000,
    'html/second.html'    => 'secret',
    'html/bad.html'       => 'x' x 50_000 . ' top secret',
    'html/blocked.html'   => 'Blocked: <!--# echo var="uri" -->',
);

# How files come.
my %ways = (
    sendfile => 'sendfile on;',
    read     => 'sendfile off;',
    threads  => 'sendfile on; aio threads;',
    directio => 'directio 512;',
);
my %places = (read => '', held => 'modsecurity_response_buffer on;', large => 'modsecurity_response_buffer on max=1;',
    page => 'modsecurity_response_buffer on; error_page 403 /blocked.html;');

# Where that is not the end of the connection.
my %due = (held => [403, qr/403 Forbidden/], page => [403, qr{\ABlocked: /blocked.html\z}]);

sub server ($way) {
    my $locations = '';
    for my $place (sort keys %places) {
        $locations .= "location /$place/ { ssi on; $places{$place} alias html/; }\n";
        $locations .= "location /$_/$place/ { add_before_body /part.html; add_after_body /$_.html; $places{$place} alias html/; }\n"
            for qw(part bad);
    }
    return <<"END";
root html;
default_type text/html;
$ways{$way}
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecResponseBodyLimit 10000000
    SecRule RESPONSE_BODY "\@contains top secret" "id:1,phase:4,deny"';
location /app/   { proxy_pass APPLICATION:/files/; }
location = /blocked.html { internal; ssi on; }
$locations
END
}

my $part = $files{'html/part.html'};
my $waf;
for my $way (sort keys %ways) {
    if ($waf) {
        $waf->configure(server => server($way));
        $waf->nginx->reload;
    } else {
        $waf = Gatehouse::Waf->new(server($way), files => \%files);
    }
    subtest $way => sub {
        for my $place (sort keys %places) {
            $waf->file('html/nested.html', $files{'html/nested.html'} =~ s/PLACE/$place/r);
            is $waf->get("/$place/ssi.html")->{body}, "A $part B $part C", "$place: complete";
            is $waf->get("/$place/nested.html")->{body}, "A $part B $part C N", "$place: nested";
            is $waf->get("/part/$place/page.html")->{body}, "${part}P$part", "$place: added";
            my ($due, $body) = ($due{$place} // ['cut'])->@*;
            for my $uri ((map { "/$place/$_.html" } qw(leak leak_app split)), "/bad/$place/page.html") {
                my $answer = $waf->get($uri);
                is $answer->{status}, $due, "$uri: refused";
                like $answer->{body}, $body, "$uri: the answer" if $body;
            }
        }
    };
}

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
