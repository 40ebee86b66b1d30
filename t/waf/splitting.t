# A redirect whose URL a rule makes of what the client has sent: whatever that is, the field Location
# stays one field, and the response one response.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Answers;
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END');
listen unix:$PREFIX/http2.sock http2;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule ARGS:phase "@streq 1" "id:1,phase:1,redirect:http://other.example/?n=%{ARGS.next}"
    SecRule ARGS:phase "@streq 2" "id:2,phase:2,redirect:http://other.example/?n=%{ARGS.next},status:307"
    SecRule ARGS:phase "@streq 3" "id:3,phase:3,redirect:http://other.example/?n=%{ARGS.next}"
    SecRule ARGS:phase "@streq 4" "id:4,phase:4,redirect:http://other.example/?n=%{ARGS.next}"';
modsecurity_response_buffer on;
location / { proxy_pass APPLICATION; }
location /page/ { error_page 302 307 /page.html; proxy_pass APPLICATION:/; }
location = /page.html { internal; return 200 "moved to $sent_http_location"; }
END

# What the argument is, and what is due in its place; undef: the URL ends there or before.
my %texts = (
    'a%0d%0aSet-Cookie:%20a=b' => 'a%0D%0ASet-Cookie:%20a=b',
    'a%0aSet-Cookie:+a=b'      => 'a%0ASet-Cookie:%20a=b',
    'a%0d%0a%0d%0a<html>'      => 'a%0D%0A%0D%0A<html>',
    'a%0dSet-Cookie:%20a=b'    => 'a%0DSet-Cookie:%20a=b',
    'a%09b%0bc%1fd%7fe'        => 'a%09b%0Bc%1Fd%7Fe',
    'a%00%0d%0aSet-Cookie:b'   => undef,
    'a%c3%a4'                  => "a\xc3\xa4",
    'a%250d%250aSet-Cookie:b'  => 'a%0d%0aSet-Cookie:b',
    'plain/path?x=y%26z'       => 'plain/path?x=y&z',
);

for my $place ('/', '/page/') {
    for my $text (sort keys %texts) {
        for my $phase (1 .. 4) {
            my $got = fetch($waf, "$place?phase=$phase&next=$text");
            my @strange = grep { !/^(?:HTTP|Server|Date|Content-(?:Type|Length)|Connection|Location): ?|^HTTP\/1\.1 30[27] / } split /\r\n/, $got->{head} =~ s/\r\n\r\n\z//r;
            my @urls = $got->{head} =~ m{^Location: http://other\.example/\?n=(.*)\r$}mg;
            my $due  = $texts{$text} // ($urls[0] =~ /\Aa?(?:%00.*)?\z/ ? $urls[0] : 'its beginning');
            is_deeply [$got->{status}, \@urls, \@strange, $got->{head} =~ tr/\0//], [$phase == 2 ? 307 : 302, [$due], [], 0],
                "$place, phase $phase: $text";
        }
    }
}

for my $phase (1 .. 4) {
    my $got = fetch_h2($waf->file('http2.sock'), "/?phase=$phase&next=a%0d%0aSet-Cookie:%20a=b");
    is_deeply [@$got{qw(status whole)}], ['another', 1], "HTTP/2, phase $phase";
}

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
