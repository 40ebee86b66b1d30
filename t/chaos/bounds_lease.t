# mode=lease: what nodes have debited in advance ends a lease later at the latest. So in no stretch
# of time W do more than B + r(W + lease) pass, whatever the number of nodes.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Fleet;
use Test::More;

my $lease = 0.1;
my $fleet = Gatehouse::Fleet->new(workers => [1, 2, 1, 2], zones => {
    hot  => 'rate=200r/s burst=100 redis=main mode=lease=100ms',
    low  => 'rate=10r/s burst=5 redis=main mode=lease=100ms',
    held => 'rate=200r/s burst=100 redis=main mode=lease=1s',
    busy => 'rate=100000r/s burst=10000 redis=main mode=lease=100ms',
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
    my $run = $fleet->load(zone => 'hot', key => $connections->[0], connections => $connections,
        seconds => 1, asks => $asks);
    $run->check_windows($name, rate => 200, most => 100 + 200 * $lease);
    $run->check_due($name, rate => 200, burst => 100, stop => $lease / 2);
    my $nodes = grep { $_ } @$connections;
    $run->check_calls($name, $nodes * $run->admitted);    # as many as without leases
}

for (['one node', [0, 8]], ['two nodes', [4, 4]]) {
    my ($name, $connections) = @$_;
    my $nodes = grep { $_ } @$connections;
    my $run = $fleet->load(zone => 'low', key => $connections->[0], connections => $connections, seconds => 1.2);
    $run->check_windows("a flood, $name", rate => 10, most => 5 + 10 * $lease);
    $run->check_due("a flood, $name", rate => 10, burst => 5, stop => $lease / 2);
    $run->check_calls("a flood, $name", 2 * $nodes * $run->admitted + 8);
}

# Node 0, which is asked for much, debits a whole burst for a few requests, and keeps the rest until
# Redis has another one to give. A lease later it has nothing any more: what is left of the bound is
# what nodes hold for no longer than it takes to answer, unless the machine is too slow to tell.
for (['shortly before its end', 0.6], ['after its end', 1.2]) {
    my ($name, $pause) = @$_;
    my $again = 0.8 + $pause;
    my $run = $fleet->load(zone => 'held', key => $pause, connections => [8, 8], seconds => $again + 0.2,
        asks => sub ($time, $node) {
            return $time > $again || $node == 0 && ($time < 0.3 || $time > 0.8 && $time < 0.805);
        });
    my $held = $pause > 1 && $run->slowest < 0.1 ? 0.2 : 1;
    $run->check_windows("a lease is held, $name", rate => 200, most => 100 + 200 * $held);
    my @last = grep { $_->{sent} > $run->start + $again } $run->admitted;
    note(scalar(grep { $_->{answered} < $last[0]{sent} + 0.1 } @last), ' pass within 100 ms') if @last;
}

my $run = $fleet->load(zone => 'busy', key => 'all', connections => [0, 12], seconds => 0.5);
is_deeply $run->statuses, { 200 => $run->offered }, 'far below the limit all pass';
$run->check_calls('far below the limit', $run->offered / 4);

$fleet->check_stopped;

done_testing;
