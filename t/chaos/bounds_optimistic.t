# mode=optimistic: on each of N nodes M requests may be under way to Redis that have been let through
# already. So in no stretch of time W do more than B + rW + NM pass.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Fleet;
use Test::More;

my $unconfirmed = 4;
my $fleet = Gatehouse::Fleet->new(workers => [1, 2, 1, 2], zones => {
    hot => "rate=200r/s burst=100 redis=main mode=optimistic=$unconfirmed hosts=4",
    low => "rate=10r/s burst=5 redis=main mode=optimistic=$unconfirmed hosts=4",
})->start;

my @loads = (
    ['one node of two workers', [0, 8]],
    ['two nodes',               [6, 6]],
    ['four nodes',              [4, 4, 4, 4]],
    ['four nodes, one has 80 %', [1, 12, 1, 1]],
    ['from node to node',       [8, 8, 8, 8], sub ($time, $node) { $node == int($time / 0.15) % 4 }],
);

for (@loads) {
    my ($name, $connections, $asks) = @$_;
    my $nodes = grep { $_ } @$connections;
    my $run = $fleet->load(zone => 'hot', key => $connections->[0], connections => $connections,
        seconds => 1.2, asks => $asks);
    $run->check_windows($name, rate => 200, most => 100 + $nodes * $unconfirmed);
    $run->check_due($name, rate => 200, burst => 100);
}

for (['one node', [0, 8]], ['two nodes', [4, 4]]) {
    my ($name, $connections) = @$_;
    my $nodes = grep { $_ } @$connections;
    my $run = $fleet->load(zone => 'low', key => $connections->[0], connections => $connections, seconds => 1.5);
    $run->check_windows("a flood, $name", rate => 10, most => 5 + $nodes * $unconfirmed);
    $run->check_due("a flood, $name", rate => 10, burst => 5);
    $run->check_calls("a flood, $name", 2 * $nodes * $run->admitted + 8);
}

$fleet->check_stopped;

done_testing;
