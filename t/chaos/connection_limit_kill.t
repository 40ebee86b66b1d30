# connection_limit and workers that are killed with connections held: what they held is given back
# within a second or so, what the others hold is kept, and no kill leaves anything behind. Beside it,
# in the same workers, limit_conn, whose counts only go up.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use Gatehouse::Load;
use List::Util qw(max shuffle);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $most = 6;
my $seed = 20260401;
srand $seed;
note "seed $seed";

# Responses of a kilobyte per second last as long as a test. With reuseport connections spread over
# the workers.
my $site = <<"END";
connection_limit_zone \$binary_remote_addr zone=accepted:1m;
connection_limit_zone \$binary_remote_addr zone=connections:1m;
connection_limit_zone \$binary_remote_addr zone=requests:1m;
limit_conn_zone \$binary_remote_addr zone=stock:1m;
connection_limit_log_level info;
limit_conn_log_level info;
server {
    listen 127.0.0.1:\$PORT reuseport;
    root \$PREFIX/html;
    connection_limit_accept zone=accepted max=1000 handshake=1000;
    location = /connection { connection_limit zone=connections max=$most; try_files /index.html =404; }
    location = /request    { connection_limit zone=requests max=$most by=request; try_files /index.html =404; }
    location = /stock      { limit_conn stock $most; limit_rate 1k; try_files /large =404; }
    location = /slow {
        connection_limit zone=requests max=$most by=request;
        limit_rate 1k;
        try_files /large =404;
    }
}
END

sub crowd (%options) {
    my $crowd = Gatehouse::Crowd->new($site, %options);
    $crowd->nginx->file('html/large', 'x' x 1_000_000);
    return $crowd->start;
}

# What a client asks for, and what it holds afterwards: a connection, a request, or a request that
# limit_conn counts.
my %kinds = (
    connection => ['/connection', 'counted'],
    request    => ['/slow',       'requests'],
    stock      => ['/stock',      'stock'],
);

# As many clients as there is room for beside those that are left, and one more: whether they all
# are served but that one. Nobody stays who was refused.
sub fills_up ($crowd, $kind) {
    my ($uri, $holds) = $kinds{$kind}->@*;
    my $left = grep { $_->{$holds} } $crowd->open;
    my @statuses;
    for ($left .. $most) {
        my $client = $crowd->connect('127.0.0.2');
        $client->send($kind eq 'connection' ? $crowd->head($uri) : $crowd->get($uri));
        push @statuses, $client->status;
        $client->{headed} = 1;
        $statuses[-1] eq '200' ? $client->{$holds} = 1 : $client->leave;
    }
    return "@statuses" eq join ' ', (200) x ($most - $left), 503;
}

# Kills some of the workers, and in each third round all of them. The seconds that pass until the
# counts are the truth.
sub kill_some ($crowd, $round) {
    my @workers = shuffle(Gatehouse::Crowd::serving($crowd->nginx->{pid}));
    my $began   = clock_gettime(CLOCK_MONOTONIC);
    $crowd->kill_workers($round % 3 ? @workers[0 .. rand @workers] : @workers);
    $crowd->check_held("round $round: counts are the truth", sub { $crowd->truth });
    my $seconds = clock_gettime(CLOCK_MONOTONIC) - $began;
    # To read the kernel's account takes time: it is that of all.
    $crowd->check_sockets("round $round") if $round % 5 == 0;
    return $seconds;
}

for my $workers (2, 4) {
    subtest "50 rounds, $workers workers" => sub {
        my $crowd   = crowd(workers => $workers);
        my $slowest = 0;
        my @stock;
        for my $round (1 .. 50) {
            ok fills_up($crowd, $_), "round $round: filled up by $_" for qw(connection request);
            push @stock, $round if fills_up($crowd, 'stock');
            # Some that have not said anything yet, or not all.
            $crowd->connect('127.0.0.3');
            $crowd->connect('127.0.0.4')->send("GET /connection HTTP/1.1\r\n");
            $slowest = max($slowest, kill_some($crowd, $round));
        }
        note sprintf 'the slowest was the truth %.0f ms after the kill, new workers included', 1000 * $slowest;

        $_->leave for $crowd->open;
        $crowd->check_held('no drift at the end', sub { $crowd->truth });
        $crowd->check_sockets('at the end, with none', 0);
        ok fills_up($crowd, $_), "all can be held again by $_" for qw(connection request);
        ok !fills_up($crowd, 'stock'), 'but not with limit_conn';
        is $crowd->status('/stock', '127.0.0.2'), 503, 'which refuses an address that has no client';
        is $crowd->status('/stock', '127.0.0.9'), 200, 'while it serves others';
        is_deeply [grep { $_ > 3 } @stock], [], 'it has leaked since all were killed for the first time';
        is $crowd->stop, 0, 'nginx ends by itself';
        is_deeply [$crowd->alarms], [], 'and has raised no alarm';
    };
}

# It cannot be served by anybody, but it has its connections still.
subtest 'a worker that is stopped is not dead' => sub {
    my $crowd = crowd();
    ok fills_up($crowd, 'connection'), 'filled up';
    $crowd->check_held('by those who are there', sub { $crowd->truth });
    my ($stopped, $killed) = Gatehouse::Crowd::serving($crowd->nginx->{pid});
    kill STOP => $stopped;
    # The successor looks after the dead as soon as it is there.
    $crowd->kill_workers($killed);
    $crowd->check_held('what the stopped one holds is kept', sub { $crowd->truth });
    kill CONT => $stopped;
    $_->leave for $crowd->open;
    $crowd->check_held('until it gives it back', sub { $crowd->truth });
    ok fills_up($crowd, 'connection'), 'filled up again';
    is $crowd->stop, 0, 'nginx ends by itself';
    is_deeply [$crowd->alarms], [], 'and has raised no alarm';
};

# Kills hit at any instruction, those that hold the lock of a zone as well.
subtest 'kills under load' => sub {
    my $crowd = crowd();
    my $load  = Gatehouse::Load->start($crowd->port, ['/connection'], ['/request']);
    my $kills = 40;
    for my $round (1 .. $kills) {
        my @workers = Gatehouse::Crowd::serving($crowd->nginx->{pid});
        $crowd->kill_workers($workers[$round % 2]);
    }
    my $counts = $load->stop->{counts};
    is_deeply [grep { !/ (?:200|none)$/ } keys %$counts], [], 'nobody is refused' or diag explain $counts;
    cmp_ok $counts->{'/connection 200'}, '>', $kills, 'and they are served';
    my $seconds = $crowd->check_held('nothing is held', sub { $crowd->truth });
    note sprintf 'after %.0f ms', 1000 * $seconds;
    ok fills_up($crowd, $_), "all can be held by $_" for qw(connection request);
    is $crowd->stop, 0, 'nginx ends by itself';
    is_deeply [$crowd->alarms], [], 'and has raised no alarm';
};

done_testing;
