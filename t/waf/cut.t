# A response that a rule of phase 4 refuses never reaches the client as a complete one, whatever it
# comes from, however it is framed and however much of it was held back; any other one does, octet
# for octet.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Answers;
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

my %places = (
    read  => '',
    small => 'modsecurity_response_buffer on max=10k;',
    some  => 'modsecurity_response_buffer on max=256k;',
    large => 'modsecurity_response_buffer on max=512k;',
);
my %sources = (
    proxy      => '',
    unbuffered => 'proxy_buffering off;',
    cache      => 'proxy_cache pages; proxy_cache_valid 1h;',
    sub        => 'sub_filter nothing something;',
    ssi        => 'ssi on;',
    gunzip     => 'gunzip on;',
    postponed  => 'postpone_output 0;',
    limited    => 'limit_rate 100m;',
);

my $answers   = Gatehouse::Answers->new;
my $locations = join "\n", map {
    my $place = $_;
    ("location /$place/file/ { $places{$place} add_header X-Refuse \$arg_refuse; alias html/; }",
     map { "location /$place/$_/ { $places{$place} $sources{$_} proxy_pass http://127.0.0.1:@{[$answers->port]}; }" } sort keys %sources)
} sort keys %places;

my @file_sizes = (0, 1, 10_239, 10_240, 10_241, 16_000, 262_144, 262_145, 524_288, 524_289, 700_000);
my $waf = Gatehouse::Waf->new(<<"END", http => <<'HTTP', files => { map { ("html/$_.html" => body($_)) } @file_sizes });
listen unix:\$PREFIX/http2.sock http2;
access_log logs/verdicts.log verdict;
default_type text/html;
sendfile on;
gzip on;
gzip_min_length 0;
proxy_http_version 1.1;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecResponseBodyLimit 10000000
    SecRule RESPONSE_HEADERS:X-Refuse "\@streq yes" "id:1,phase:4,deny,status:403"';
$locations
END
log_format verdict "$request_uri $modsecurity_status";
proxy_cache_path $PREFIX/temp/cache keys_zone=pages:1m;
HTTP

# What is wrong with what the client has got; nothing: ''.
sub fault ($got, $size, $refused, $packed) {
    my $body = $packed && $got->{head} =~ /^Content-Encoding: gzip/m ? inflated($got->{body}) : $got->{body};
    my $all  = $body eq body($size);
    if (!$refused) {
        return $got->{status} eq '200' && ($got->{whole} // 1) && $all ? '' : "$got->{status}, not the whole response";
    }
    return '' if $got->{status} eq '403' || $got->{status} eq 'another';
    return "$got->{status} and all of it" if $got->{whole} || $all && $size > 0;
    return $got->{closed} ? '' : 'the connection goes on';
}

my ($number, %due) = (0);

sub check ($place, $source, $size, $refused, %options) {
    my $uri = "/$place/$source/" . ($source eq 'file' ? "$size.html" : '') . "?n=" . ++$number . "&size=$size";
    my $h2 = delete $options{h2};
    my %client = map { ($_ => delete $options{$_}) } grep { defined $options{$_} } qw(gzip version range);
    $uri .= join '', map { "&$_=$options{$_}" } grep { $options{$_} } sort keys %options;
    $uri .= '&refuse=yes' if $refused;
    my @gets = 1 .. ($source eq 'cache' ? 2 : 1);
    $due{$uri} = [map { $refused ? 'BLOCKED' : 'PASSED' } @gets];
    for my $get (@gets) {
        my $got = $h2 ? fetch_h2($waf->file('http2.sock'), $uri) : fetch($waf, $uri, %client);
        $got->{closed} = 1 if $h2;
        my $fault = fault($got, $size, $refused, $client{gzip});
        return ("$uri @{[%client]}, get $get: $fault") if $fault;
    }
    return;
}

# Each value of each list with each of the others.
sub product (@lists) {
    my @rows = ([]);
    for my $list (@lists) {
        @rows = map { my $row = $_; map { [@$row, @$_] } @$list } @rows;
    }
    return @rows;
}

my $refused = [[0], [1]];
my $framing = [map { [framing => $_] } qw(length chunked close)];
my $clients = [[], [gzip => 1], [version => '1.0'], [h2 => 1]];

for my $source (sort keys %sources) {
    my @extra = $source eq 'gunzip' ? (packed => 'yes') : ();
    is_deeply [map { check($_->[0], $source, 16_000, splice(@$_, 1, 1), splice(@$_, 1), @extra) }
        product([['read'], ['small']], $refused, $framing, $clients)], [], "16000 octets, $source";
}

is_deeply [map { check($_->[0], 'file', @{$_}[1, 2], splice @$_, 3) }
    product([map { [$_] } sort keys %places], [map { [$_] } @file_sizes], $refused, $clients)], [], 'files';
is_deeply [map { check($_->[0], 'file', 16_000, splice(@$_, 1, 1), splice @$_, 1) }
    product([['read'], ['small']], $refused, [map { [range => $_] } '0-9', '-1', '9-20,30-40'])], [], 'parts of files';

subtest 'around the size of the buffer' => sub {
    my %most = (read => 10_240, small => 10_240, some => 262_144, large => 524_288);
    for my $place (sort keys %most) {
        my @rows = product([map { [$most{$place} + $_] } -1, 0, 1, 100_000], $refused, $framing, [[], [gzip => 1]], [[], [late => 'yes']]);
        is_deeply [map { check($place, 'proxy', @$_) } @rows], [], $place;
    }
    is_deeply [map { check('small', 'unbuffered', @$_) } product([map { [10_240 + $_] } 0, 1], $refused, $framing, [[late => 'yes']])], [], 'unbuffered';
};

# A long header does not wait for the body in a buffer of nginx.
subtest 'short ones' => sub {
    for my $source (qw(proxy unbuffered cache sub)) {
        my @rows = product([['read'], ['small']], [[0], [1]], $refused, [map { [framing => $_, pad => 'yes'] } qw(length chunked)], [[], [gzip => 1], [h2 => 1]]);
        is_deeply [map { check($_->[0], $source, splice @$_, 1) } @rows], [], $source;
    }
};

subtest 'what the module says' => sub {
    my @lines;
    my $count = map { @$_ } values %due;
    $waf->nginx->until(sub { (@lines = slurp($waf->file('logs/verdicts.log')) =~ /^(.+)$/mg) >= $count }, 'all lines');
    my %said;
    push $said{ (split / /)[0] }->@*, (split / /)[1] for @lines;
    is_deeply \%said, \%due, 'is what has become of them';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
