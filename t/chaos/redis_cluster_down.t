# Nodes of a cluster that go away and come back: on_error for their keys, and nothing for others.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis::Cluster;
use Gatehouse::Wire ();
use Test::More;

my $cluster = Gatehouse::Redis::Cluster->new(conf => "cluster-require-full-coverage no\n")->start;
my @nodes   = $cluster->nodes;
my $backend = 'topology cluster; timeout 2s; connect_timeout 2s;';

# Only the last node is named, and a server that is not there.
my $seed  = $nodes[-1];
my $where = '127.0.0.1:' . Gatehouse::Wire::free_port() . '; server 127.0.0.1:' . $seed->port;
my $gate  = Gatehouse::Faults->new($where, backend => $backend)->start;

# The node that counts a key of nobody yet.
sub node_of ($uri, $key) {
    my @before = map { $_->command('DBSIZE') } @nodes;
    $gate->ask($uri, $key);
    my @after = map { $_->command('DBSIZE') } @nodes;
    my ($grown) = grep { $after[$_] > $before[$_] } 0 .. $#nodes;
    return $grown;
}

sub passed ($uri, $key, $count) { return scalar grep { /^200/ } map { $gate->ask($uri, $key) } 1 .. $count }

# Polls until Redis decides about all of them; rates of their own are none of it.
sub wait_for_all ($of, @keys) {
    $of->nginx->until(sub { !grep { $of->ask('/open', $_) eq '200 error' } @keys }, 'recovery');
    return;
}

subtest 'a node is lost: the very one that was named' => sub {
    my %keys;
    push $keys{ node_of('/open', "lost $_") }->@*, "lost $_" for 1 .. 30;
    my @lost = ($keys{$#nodes} // [])->@*;
    my @kept = map { ($keys{$_} // [])->@* } 0 .. $#nodes - 1;
    cmp_ok scalar(@lost), '>', 0, 'it has keys';
    $seed->kill9;
    $gate->nginx->until(sub { $gate->ask('/open', $lost[0]) eq '200 error' }, 'failure');
    is_deeply [map { $gate->ask($_->[0], $lost[0]) } ['/local'], ['/open']], ['200 local', '200 error'],
        'on_error';
    is scalar(grep { $gate->ask('/open', $_) ne '200 error' } @lost), 0, 'for its keys';
    is scalar(grep { $gate->ask('/open', $_) ne '200 redis' } @kept), 0, 'and for no others';

    # The others may be told not to go on without it.
    my @left = grep { $_->pid } @nodes;
    $_->command(qw(CONFIG SET cluster-require-full-coverage yes)) for @left;
    for my $node (@left) {
        $node->until(sub { $node->command('CLUSTER', 'INFO') =~ /^cluster_state:fail\r$/m }, 'CLUSTERDOWN');
    }
    is scalar(grep { $gate->ask('/open', $_) ne '200 error' } @kept[0 .. 5]), 0, 'CLUSTERDOWN: on_error';
    ok $gate->serves_others, 'others are served';
    $_->command(qw(CONFIG SET cluster-require-full-coverage no)) for @left;
    wait_for_all($gate, @kept);
    pass 'and back';

    $seed->start;
    $cluster->wait_ok;
    wait_for_all($gate, @lost);
    pass 'and so are those of the lost node';
    is scalar(grep { passed('/closed', "after $_", 12) != 10 } 1 .. 20), 0, 'all is well';
};

subtest 'another nginx, while the first server that is named is away' => sub {
    $nodes[0]->freeze;
    my $second = Gatehouse::Faults->new('127.0.0.1:' . $nodes[0]->port . '; server 127.0.0.1:' . $seed->port,
        backend => 'topology cluster; timeout 1s; connect_timeout 1s;')->start;
    my %seen;
    $seen{ $second->ask('/open', "frozen $_") }++ for 1 .. 30;
    is_deeply [sort keys %seen], ['200 error', '200 redis'], 'the next one is asked' or diag explain \%seen;
    $nodes[0]->thaw;
    wait_for_all($second, map { "thawed $_" } 1 .. 30);
    pass 'and back';
    $second->check_survived;
};

is_deeply [map { $_->keys_without_ttl } @nodes], [], 'every key has a time to live';
$gate->check_survived(undef, lines => 12);

done_testing;
