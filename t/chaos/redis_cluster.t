# A cluster of three nodes: where keys are counted, and what several of them are to one request.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis::Cluster;
use List::Util 'sum0';
use Test::More;

my $cluster = Gatehouse::Redis::Cluster->new(conf => "cluster-require-full-coverage no\n")->start;
my @nodes   = $cluster->nodes;
my $backend = 'topology cluster; timeout 2s; connect_timeout 2s;';

my $zones = <<'END';
rate_limit_zone $http_x_key zone=a:1m rate=5r/h redis=main on_error=closed;
rate_limit_zone $http_x_key zone=b:1m rate=5r/h algorithm=sliding_window redis=main on_error=closed;
rate_limit_zone $http_x_key zone=few:1m rate=2r/h redis=main on_error=closed;
END
my $locations = <<'END';
location = /few_first { rate_limit zone=few; rate_limit zone=a; rate_limit zone=b; try_files /index.html =404; }
location = /few_last { rate_limit zone=a; rate_limit zone=b; rate_limit zone=few; try_files /index.html =404; }
location = /a { rate_limit zone=a; try_files /index.html =404; }
location = /b { rate_limit zone=b; try_files /index.html =404; }
END

# Only the last node is named.
my $gate = Gatehouse::Faults->new('127.0.0.1:' . $nodes[-1]->port, backend => $backend, rate => '5r/h',
    http => $zones, server => $locations)->start;

sub calls ($name) { return sum0 map { $_->pid ? $_->stat("cmdstat_$name", 'calls') : 0 } @nodes }

sub sizes () { return map { $_->pid ? $_->command('DBSIZE') : 0 } @nodes }

sub passed ($uri, $key, $count) { return scalar grep { /^200/ } map { $gate->ask($uri, $key) } 1 .. $count }

sub connections ($node) {
    return scalar grep { /\buser=default\b/ } split /\n/, $node->command('CLIENT', 'LIST', 'TYPE', 'normal');
}

subtest 'keys of three nodes' => sub {
    my ($before, $size) = (calls('evalsha'), sum0 sizes());
    my @passed = map { passed('/closed', "key $_", 8) } 1 .. 60;
    is_deeply \@passed, [(5) x 60], 'each has its limit';
    # With the last of them it is known that nothing is left.
    is calls('evalsha') - $before, 60 * 5, 'each request is charged once';
    is sum0(sizes()) - $size, 60, 'each key is there once';
    is scalar(grep { $_ == 0 } sizes()), 0, 'every node has some';
    is sum0(map { $_->stat('errorstat_MOVED', 'count') } @nodes), 0, 'nobody was asked for another one\'s';
};

subtest 'several keys of one request: all or none' => sub {
    my %apart;
    for my $uri (qw(/few_first /few_last)) {
        for my $number (1 .. 12) {
            my $key    = "$uri $number";
            my @before = sizes();
            is passed($uri, $key, 4), 2, "$key: as many as the smallest limit";
            my @after = sizes();
            $apart{ scalar grep { $after[$_] > $before[$_] } 0 .. $#nodes }++;
            is passed($_, $key, 5), 3, "$key: what it refused is not charged to $_" for qw(/a /b);
        }
    }
    cmp_ok(($apart{2} // 0) + ($apart{3} // 0), '>', 0, 'on several nodes') or diag explain \%apart;
};

# One connection to each node, and one to the server that is asked for the map.
subtest 'connections' => sub {
    $gate->ask('/open', "connect $_") for 1 .. 30;
    my @count = map { connections($_) } @nodes;
    is_deeply \@count, [1, 1, 2], 'few' or diag "@count";
};

# A node that forgets whom slots belong to learns it from the others within a second or two.
subtest 'a map with gaps' => sub {
    my %answers;
    my $unknown = sub {
        my @answers = map { $gate->ask('/open', "gap $_") } 1 .. 30;
        $answers{$_}++ for @answers;
        return grep { $_ eq '200 error' } @answers;
    };
    # The other nodes tell that one what it has forgotten, sometimes before the worker asks.
    for (1 .. 20) {
        $nodes[-1]->command('CLUSTER', 'DELSLOTSRANGE', 0, 5000);
        $gate->replace_worker;
        $gate->nginx->until(sub { $unknown->() == 0 }, 'new map');
        $cluster->wait_ok;
        last if $answers{'200 error'};
    }
    ok $answers{'200 error'}, 'on_error for what is nobody\'s, until the map has no gap';
};

is_deeply [map { $_->keys_without_ttl } @nodes], [], 'every key has a time to live';
$gate->check_survived(undef, lines => 2, workers => 1);

done_testing;
