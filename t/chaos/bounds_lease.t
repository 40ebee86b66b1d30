# mode=lease: what nodes have debited in advance ends a lease later at the latest. So in no stretch
# of time W do more than B + r(W + lease) pass, whatever the number of nodes.
# Also under ASan and HUP.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Fleet;
use Test::More;

my $lease = 0.1;
my $fleet = Gatehouse::Fleet->new(workers => [1, 2, 1, 2], zones => {
    hot  => 'rate=200r/s burst=100 redis=main mode=lease=100ms',
    low  => 'rate=10r/s burst=5 redis=main mode=lease=100ms',
    busy => 'rate=100000r/s burst=10000 redis=main mode=lease=100ms',
})->start;

my @loads = (
    ['one node of two workers', [0, 8]],
    ['two nodes',               [6, 6]],
    ['four nodes',              [4, 4, 4, 4]],
    ['four nodes, one has 80 %', [1, 12, 1, 1]],
);

for (@loads) {
    my ($name, $connections) = @$_;
    my $run = $fleet->load(zone => 'hot', key => $connections->[0], connections => $connections, seconds => 1.5);
    $run->check_windows($name, rate => 200, most => 100 + 200 * $lease);
    $run->check_due($name, rate => 200, burst => 100);
    my $nodes = grep { $_ } @$connections;
    $run->check_calls($name, 10 * $nodes * $run->seconds / $lease);
}

for (['one node', [0, 8]], ['two nodes', [4, 4]]) {
    my ($name, $connections) = @$_;
    my $nodes = grep { $_ } @$connections;
    my $run = $fleet->load(zone => 'low', key => $connections->[0], connections => $connections, seconds => 1.5);
    $run->check_windows("a flood, $name", rate => 10, most => 5 + 10 * $lease);
    $run->check_due("a flood, $name", rate => 10, burst => 5);
    $run->check_calls("a flood, $name", 2 * $nodes * $run->admitted + 8);
}

my $run = $fleet->load(zone => 'busy', key => 'all', connections => [0, 12], seconds => 0.5);
is_deeply $run->statuses, { 200 => $run->offered }, 'far below the limit all pass';
$run->check_calls('far below the limit', 20 * $run->seconds / $lease);

$fleet->check_stopped;

done_testing;
