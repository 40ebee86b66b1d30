# The table of "From limit_req and limit_conn" in modules/rate_limit/README.md: nginx's own modules and
# ours, each row side by side in one nginx, say the same of the same requests.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

# nginx's parameters, those of ours (of the zone, and of the place), and what becomes of eight.
my %rows = (
    alone   => ['',                'burst=1', '',        'PASSED ' . 'REJECTED ' x 7],
    nodelay => ['burst=5 nodelay', 'burst=6', '',        'PASSED ' x 6 . 'REJECTED ' x 2],
    burst   => ['burst=5',         'burst=6', 'delay',   'PASSED ' . 'DELAYED ' x 5 . 'REJECTED ' x 2],
    delay   => ['burst=5 delay=3', 'burst=6', 'delay=3', 'PASSED ' x 4 . 'DELAYED ' x 2 . 'REJECTED ' x 2],
    one     => ['burst=1 nodelay', 'burst=2', '',        'PASSED ' x 2 . 'REJECTED ' x 6],
);
my $zones  = join '', map { "rate_limit_zone \$arg_k zone=$_:1m rate=1r/m $rows{$_}[1];\n" } sort keys %rows;
my $places = join '', map { my ($theirs, undef, $ours) = $rows{$_}->@*; <<"END" } sort keys %rows;
location = /theirs/$_ { limit_req zone=req $theirs; try_files /index.html =404; }
location = /ours/$_   { rate_limit zone=$_ $ours; try_files /index.html =404; }
END

my $site = Gatehouse::Connections->new(modules => ['rate_limit']);
$site->configure(<<"END", workers => 1)->start;
limit_req_zone \$arg_k zone=req:1m rate=1r/m;
limit_conn_zone \$arg_k zone=conn:1m;
connection_limit_zone \$arg_k zone=requests:1m;
$zones
server {
    listen unix:\$PREFIX/nginx.sock;
    root html;
    location = /theirs/hold { limit_conn conn 2; proxy_pass HOLD; }
    location = /ours/hold   { connection_limit zone=requests max=2 by=request; proxy_pass HOLD; }
    location / {
        limit_req_dry_run on;
        rate_limit_dry_run on;
        add_header X-Said "\$limit_req_status\$rate_limit_status" always;
        $places
    }
}
END

sub said ($uri) {
    return join ' ', map { $site->get($uri)->{headers}{'x-said'}[0] =~ s/_DRY_RUN//r } 1 .. 8;
}
for my $row (sort keys %rows) {
    my $expected = $rows{$row}[3] =~ s/ \z//r;
    is said("/$_/$row?k=$row"), $expected, "$row: $_" for qw(theirs ours);
}

for my $whose (qw(theirs ours)) {
    my @held = map {
        my $client = $site->client("/$whose/hold?k=a");
        [$client, $site->upstream->next_request];
    } 1, 2;
    is $site->status("/$whose/hold?k=a"), 503, "limit_conn, $whose: two at a time";
    for (@held) {
        my ($client, $asked) = @$_;
        $asked->answer(200, 'done');
        is $client->response->{status}, 200, 'those are answered';
        $client->leave;
    }
}

is $site->stop, 0, 'nginx ends';

done_testing;
