# Reloads where it has to be found out first which server a key belongs to: nobody is told of it, and
# no more connections stay than are needed.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Askers;
use Gatehouse::Faults;
use Gatehouse::Redis::Cluster;
use Gatehouse::Redis::Sentinel;
use Test::More;

my $limits  = 'timeout 3s; connect_timeout 3s;';
my $cluster = Gatehouse::Redis::Cluster->new->start;
my $watched = Gatehouse::Redis::Sentinel->new->start;
my ($seed)     = $cluster->nodes;
my ($sentinel) = $watched->sentinels;

# Where to ask, how, and all servers with the most connections that a worker has to them.
my %topology = (
    cluster  => [$seed, "topology cluster; $limits", map { [$_, $_ == $seed ? 2 : 1] } $cluster->nodes],
    sentinel => [$sentinel, "topology sentinel master=main; $limits", [$watched->master, 1], [$sentinel, 1]],
);

sub connections ($server) {
    return scalar grep { / user=default / } split /\n/, $server->command('CLIENT', 'LIST');
}

for my $name (sort keys %topology) {
    my ($named, $backend, @servers) = $topology{$name}->@*;
    my $workers = 2;
    my $gate    = Gatehouse::Faults->new('127.0.0.1:' . $named->port, backend => $backend, workers => $workers)->start;
    my $nginx   = $gate->nginx;

    subtest "$name: reloads" => sub {
        my $askers = Gatehouse::Askers->new($gate, 3, sub ($client, $turn) {
            ((qw(/closed /open /local /lease))[$turn % 4], "$client-$turn");
        });
        $nginx->reload for 1 .. 5;
        my %others;
        $others{"$_->{uri} $_->{seen}"}++ for grep { $_->{seen} !~ /^200 (?:redis|lease)$/ } $askers->stop;
        is_deeply \%others, {}, 'Redis decides all the time' or diag explain \%others;
        for my $server (@servers) {
            my ($redis, $most) = @$server;
            $redis->until(sub { connections($redis) <= $workers * $most }, 'end of old connections');
            cmp_ok connections($redis), '>', 0, 'connected';
        }
        pass 'connections are as few as before';
    };

    # Until it is known whether anybody is there, requests wait; then they do not.
    subtest "$name: a worker that starts while nobody answers" => sub {
        $named->freeze;
        $gate->configure(workers => 1, backend => $backend =~ s/3s/500ms/gr);
        $nginx->reload;
        my @waiting = map { $gate->begin("/$_", 'early') } qw(local open closed);
        is_deeply [map { Gatehouse::Faults::seen($_->response) } @waiting], ['200 local', '200 error', '503 error'],
            'on_error in the end';
        $_->leave for @waiting;
        is_deeply $gate->ask_all('later'), $gate->without_redis, 'and from then on';
        ok $gate->serves_others, 'others are served';
        $named->thaw;
        $gate->wait_recovered;
        is_deeply $gate->ask_all('well'), $gate->with_redis, 'until somebody is there';
    };
    # Every worker tells who the master is.
    $gate->check_survived(undef, workers => 1, lines => 6 + $workers * 6);
}

done_testing;
