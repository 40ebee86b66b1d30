# "20 requests in 10 minutes" means 20, wherever they come in: on one node, on several that share a
# Redis, on all workers of one, one after the other or all at once.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Fleet;
use Gatehouse::Wire;
use Test::More;

my $fleet = Gatehouse::Fleet->new(workers => [4, 1], zones => {
    shared => 'rate=20r/10m algorithm=sliding_window redis=main',
    alone  => 'rate=20r/10m algorithm=sliding_window',
})->start;
my ($first, $second) = $fleet->nodes;

sub field ($response, $name) { return ($response->{headers}{$name} // ['none'])->[0] }

# 30 responses in a row.
sub check_responses ($zone, @responses) {
    is_deeply [map { $_->{status} } @responses], [(200) x 20, (429) x 10], 'of 30 in a row the first 20 pass';
    is_deeply [map { field($_, 'ratelimit-policy') } @responses], [("\"$zone\";q=20;w=600") x 30], 'RateLimit-Policy';
    my @limits = map { [field($_, 'ratelimit') =~ /\A"$zone";r=(\d+);t=(\d+)\z/] } @responses;
    is_deeply [map { $_->[0] } @limits], [reverse(0 .. 19), (0) x 10], 'RateLimit: what is left';
    # Until the first of them is ten minutes old. It took place no longer ago than this file runs.
    my $most = time - $^T + 2;
    is scalar(grep { $_->[1] > 600 || $_->[1] < 600 - $most } @limits), 0, 'RateLimit: until there are more';
    is_deeply [map { field($_, 'retry-after') } @responses], [('none') x 20, map { $_->[1] } @limits[20 .. 29]],
        'Retry-After';
    return;
}

# On connections that are there already, by turns.
sub in_turn ($uri, @clients) {
    my $request = Gatehouse::Wire::get($uri);
    return map { $clients[$_ % @clients]->send($request)->response } 0 .. 29;
}

# On connections of their own, all of them at once.
sub at_once ($uri, @nodes) {
    my @clients = map { Gatehouse::Wire::client('', $nodes[$_ % @nodes]->file('nginx.sock')) } 0 .. 29;
    $_->send(Gatehouse::Wire::get($uri)) for @clients;
    my @responses = map { $_->response } @clients;
    $_->leave for @clients;
    return @responses;
}

sub passed (@responses) { return scalar grep { $_->{status} == 200 } @responses }

subtest 'one node' => sub {
    check_responses('shared', map { $second->get('/shared?k=one') } 1 .. 30);
};

subtest 'two nodes' => sub {
    my @clients = map { $_->client('/plain') } $first, $second;
    $_->response for @clients;
    check_responses('shared', in_turn('/shared?k=two', @clients));
    $_->leave for @clients;
    is passed(at_once('/shared?k=at_once', $first, $second)), 20, 'of 30 at once 20 pass';
};

for my $zone (qw(shared alone)) {
    subtest "four workers, $zone" => sub {
        my @clients   = Gatehouse::Fleet::worker_clients($first);
        my @responses = in_turn("/$zone?k=workers", @clients);
        check_responses($zone, @responses);
        my %workers = map { (field($_, 'x-pid') => 1) } @responses;
        is scalar keys %workers, 4, 'all of them took part';

        $clients[$_ % 4]->send(Gatehouse::Wire::get("/$zone?k=pipelined") x (7 + ($_ < 2))) for 0 .. 3;
        my @pipelined = map { my $client = $_; map { $client->response } 1 .. 7 } @clients;
        is passed(@pipelined, map { $_->response } @clients[0, 1]), 20, 'of 30 at once 20 pass';
        $_->leave for @clients;
    };
}

my $redis = $fleet->redis;
is scalar(grep { $redis->command('LLEN', $_) == 20 } $redis->all_keys), 5,
    'all nodes and workers have counted in the same keys';

$fleet->check_stopped;

done_testing;
