# An upstream that breaks off in the middle of its answer: the client sees the end at once, with
# whatever filter waits for more, and is not told that the answer is complete.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Answers;
use Gatehouse::Waf;
use Test::More;

my %places = (
    off   => 'modsecurity off;',
    read  => '',
    small => 'modsecurity_response_buffer on max=1k;',
    held  => 'modsecurity_response_buffer on;',
);
my %sources = (
    proxy      => '',
    unbuffered => 'proxy_buffering off;',
    cache      => 'proxy_cache pages; proxy_cache_valid 1h;',
    sub        => 'sub_filter nothing something;',
    replaced   => 'proxy_buffering off; sub_filter "1 2 " one;',
    charset    => 'charset koi8-r; source_charset utf-8;',
    addition   => 'add_after_body /added;',
    gunzip     => 'gunzip on;',
    unpacked   => 'gunzip on; proxy_buffering off;',
    ssi        => 'ssi on;',
    limited    => 'limit_rate 1m;',
);
my $answers   = Gatehouse::Answers->new;
my $locations = join "\n", map {
    my $place = $_;
    map { "location /$place/$_/ { $places{$place} $sources{$_} proxy_pass http://127.0.0.1:@{[$answers->port]}; }" } sort keys %sources
} sort keys %places;

my $waf = Gatehouse::Waf->new(<<"END", http => <<'HTTP');
listen unix:\$PREFIX/http2.sock http2;
gzip on;
gzip_min_length 0;
proxy_http_version 1.1;
proxy_read_timeout 400ms;
send_timeout 4s;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule RESPONSE_BODY "\@contains secret" "id:1,phase:4,deny"';
location = /added { return 200 added; }
$locations
END
proxy_cache_path $PREFIX/temp/cache keys_zone=pages:1m;
charset_map koi8-r utf-8 { 80 E282AC; }
HTTP

# Less than the time after which nginx gives up a client.
my $patience = 3;
my $number = 0;

# What has become of it, if that has not come late.
sub ending ($place, $source, $end, $framing, $client, $size = 16000) {
    my $packed = $source =~ /gunzip|unpacked/ ? '&packed=yes' : '';
    my $uri = "/$place/$source/?size=$size&framing=$framing&end=$end$packed&n=" . ++$number;
    my $got = $client eq 'h2' ? fetch_h2($waf->file('http2.sock'), $uri) : fetch($waf, $uri, $client eq 'gzip' ? (gzip => 1) : ());
    return $got->{time} > $patience ? 'late' : $got->{status} eq 'none' ? 'nothing'
        : $got->{whole} ? ($got->{status} eq '200' ? 'complete' : 'another answer') : 'cut';
}

sub endings ($place, $source, $ends, $clients) {
    my %endings;
    for my $end (@$ends) {
        for my $framing (qw(length chunked)) {
            push $endings{ ending($place, $source, $end, $framing, $_) }->@*, "$end, $framing, $_" for @$clients;
        }
    }
    return \%endings;
}

for my $source (grep { $_ ne 'ssi' } sort keys %sources) {
    for my $place (sort keys %places) {
        my $endings = endings($place, $source, $source =~ /proxy|unbuffered/ ? ['close', 'reset'] : ['close'], ['', 'gzip', 'h2']);
        # Of what was compressed the first octets may come with the end.
        delete $endings->{'another answer'} if $place eq 'small' && $source eq 'gunzip';
        is_deeply [sort keys %$endings], [$place eq 'held' ? 'another answer' : 'cut'], "$source, $place" or diag explain $endings;
    }
}

for my $source (qw(proxy unbuffered)) {
    for my $place (qw(read held)) {
        my $endings = endings($place, $source, ['silence'], ['', 'gzip']);
        is_deeply [sort keys %$endings], [$place eq 'held' ? 'another answer' : 'cut'], "$source, $place: a time-out" or diag explain $endings;
    }
}

# SSI does not tell of the end: what compresses waits even where the module is off.
for my $place (sort keys %places) {
    my $endings = endings($place, 'ssi', ['close', 'reset'], ['', 'h2', $place eq 'held' ? 'gzip' : ()]);
    delete @$endings{qw(cut nothing)};
    is_deeply $endings, {}, "SSI, $place";
}

# What is sent at once and rewritten on the way is not held up by what is kept back.
for my $place (sort keys %places) {
    my @endings = map {
        my ($size, $framing) = @$_;
        map { ending($place, 'replaced', '', $framing, $_, $size) } '', 'gzip', 'h2';
    } map { [300, $_], [9000, $_] } qw(length chunked);
    is_deeply [grep { $_ ne 'complete' } @endings], [], "replaced, $place: complete";
}

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
