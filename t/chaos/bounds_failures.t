# on_error=local with hosts=2: two nodes under a flood of one key, from which Redis goes away. What
# Redis decides and what each node does keep to bounds of their own meanwhile.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Fleet;
use Test::More;

my ($rate, $burst) = (200, 100);
my ($lease, $unconfirmed) = (0.1, 4);
my $zone  = "rate=${rate}r/s burst=$burst redis=main on_error=local hosts=2";
my $fleet = Gatehouse::Fleet->new(workers => [1, 2], backend => 'timeout 100ms; connect_timeout 2s;', zones => {
    strict     => $zone,
    lease      => "$zone mode=lease=100ms",
    optimistic => "$zone mode=optimistic=$unconfirmed",
})->start;
my $redis = $fleet->redis;

# What may pass beyond B + rW while Redis decides. When it goes away, what has been let through
# already stays uncharged.
my %more = (strict => 0, lease => $rate * $lease, optimistic => 2 * 2 * $unconfirmed);

# Lets that much time pass under load, once all nodes have had an answer of that source.
sub phases (@phases) {
    my ($began, $heard) = (0, undef);
    return sub ($run) {
        my ($source, $seconds, $then) = $phases[0]->@*;
        $heard //= $run->elapsed if $run->all_heard($source, $began);
        return 0 if !defined $heard || $run->elapsed < $heard + $seconds;
        $then->();
        ($began, $heard) = (Gatehouse::Fleet::Run::now(), undef);
        shift @phases;
        return !@phases;
    };
}

sub check ($name, $mode, $run) {
    my @bound = (rate => $rate, most => $burst + $more{$mode});
    $run->check_windows("$name: Redis", @bound, which => sub ($r) { $r->{source} ne 'local' });
    $run->check_windows("$name: node $_", rate => $rate / 2, most => $burst / 2,
        which => do { my $node = $_; sub ($r) { $r->{source} eq 'local' && $r->{node} == $node } })
        for 0, 1;
    $run->check_windows("$name: all together", rate => 2 * $rate, most => 2 * $burst + $more{$mode});
    is_deeply [sort keys $run->statuses->%*], [200, 429], "$name: nothing but 200 and 429";
    return;
}

for my $mode (qw(strict lease optimistic)) {
    my $decided = $mode eq 'lease' ? 'lease' : 'redis';
    my $run = $fleet->load(zone => $mode, key => 'k', connections => [6, 6], until => phases(
        [$decided, 0.4, sub { $redis->freeze }],
        ['local',  0.4, sub { $redis->thaw }],
        [$decided, 0.3, sub { }],
    ));
    check("$mode, frozen for a while", $mode, $run);
}

# The new server knows nothing of what has passed.
my $run = $fleet->load(zone => 'strict', key => 'stopped', connections => [6, 6], until => phases(
    ['redis', 0.3, sub { $redis->stop }],
    ['local', 0.5, sub { $redis->start }],
));
check('stopped', 'strict', $run);

$fleet->check_stopped;

done_testing;
