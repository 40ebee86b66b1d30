# connection_limit and zones that are full: idle keys make way, those that hold something never do,
# and for what there is no room on_full decides. Nothing of that is silent. The million keys are
# those of the unit tests of the lease table; here nginx rolls over a small zone many times.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Crowd;
use List::Util 'sum0';
use Test::More;

# The keys of one connection that it can count for.
my $per_connection = 16;

sub crowd ($size) {
    my $crowd = Gatehouse::Crowd->new(<<"END", workers => 1, connections => 2048);
connection_limit_zone \$arg_k zone=pass:$size;
connection_limit_zone \$arg_k zone=deny:$size on_full=deny;
connection_limit_log_level info;
keepalive_requests 1000000;
add_header X-Current \$connection_limit_current always;
server {
    listen 127.0.0.1:\$PORT;
    root \$PREFIX/html;
    location = /pass         { connection_limit zone=pass max=1; try_files /index.html =404; }
    location = /deny         { connection_limit zone=deny max=1; try_files /index.html =404; }
    location = /pass/request { connection_limit zone=pass max=1 by=request; try_files /index.html =404; }
    location = /deny/request { connection_limit zone=deny max=1 by=request; try_files /index.html =404; }
}
END
    return $crowd->start;
}

# Requests with these keys on one connection: how many were answered with which status and
# $connection_limit_current, as "200 1".
sub ask ($crowd, $client, $uri, @keys) {
    my %seen;
    while (my @some = splice @keys, 0, 100) {
        $client->send(join '', map { $crowd->head("$uri?k=$_") } @some);
        for (@some) {
            my ($status, $current) = $client->take_head =~ m{\AHTTP/1\.1 (\d+) .*^X-Current: (\d+)}ms;
            $seen{"$status $current"}++;
        }
    }
    return %seen;
}

# Connections that hold sixteen of the keys each, and what they have seen in all.
sub hold ($crowd, $uri, @keys) {
    my %seen;
    while (my @some = splice @keys, 0, $per_connection) {
        my %some = ask($crowd, $crowd->connect, $uri, @some);
        $seen{$_} += $some{$_} for keys %some;
    }
    return \%seen;
}

# What the zone has counted of that since the call before.
sub counted ($crowd, $zone, @what) {
    state %before;
    my $total = $crowd->report->{$zone}{total};
    my %more  = map { ($_ => $total->{$_} - ($before{$crowd}{$zone}{$_} // 0)) } @what;
    $before{$crowd}{$zone}{$_} = $total->{$_} for @what;
    return \%more;
}

sub full_lines ($crowd, $zone) { return scalar(() = $crowd->nginx->log =~ /\[warn\].*zone "$zone" is full/g) }

sub ends ($crowd) {
    is $crowd->stop, 0, 'nginx ends by itself';
    is_deeply [$crowd->alarms], [], 'and has raised no alarm';
    return;
}

my $small = crowd('48k');
my $most  = $small->report->{pass}{leases}{most};
note "a small zone has room for $most leases";

for my $zone (qw(pass deny)) {
    my @held = map { "held-$zone-$_" } 1 .. $per_connection;

    subtest "on_full=$zone: idle keys make way" => sub {
        is_deeply hold($small, "/$zone", @held), { '200 1' => scalar @held }, 'one connection holds something';
        my $count = 4 * $most;
        is_deeply { ask($small, $small->connect, "/$zone/request", map { "idle-$_" } 1 .. $count) },
            { '200 1' => $count }, 'all keys are counted, many times more than there is room for';
        my $more = counted($small, $zone, qw(full evicted refused));
        is $more->{full}, 0, 'the zone was never full';
        cmp_ok $more->{evicted}, '>=', $count - $most, 'those that were idle have made way';
        is_deeply { ask($small, $small->connect, "/$zone", @held) }, { '503 1' => scalar @held },
            'what is held has not, and is limited';
        is_deeply { ask($small, $small->connect, "/$zone/request", $held[0]) }, { '503 1' => 1 }, 'by request, too';
        is full_lines($small, $zone), 0, 'nothing is logged';
    };

    subtest "on_full=$zone: all are live" => sub {
        my $given = $small->held($zone)->{$zone};
        counted($small, $zone, qw(full evicted refused));
        my $count    = 2 * $most;
        my $seen     = hold($small, "/$zone", map { "live-$_" } 1 .. $count);
        my $no_room  = $zone eq 'pass' ? '200 0' : '503 0';
        my $held     = $small->held($zone)->{$zone};
        my $more     = counted($small, $zone, qw(full refused));
        is sum0(values %$seen), $count, 'all are answered';
        is_deeply [sort keys %$seen], [sort '200 1', $no_room], 'and counted, or there was no room'
            or diag explain $seen;
        is $more->{full}, $seen->{$no_room}, 'how often is counted';
        is $more->{refused}, 0, 'which is no refusal';
        is $held - $given, $seen->{'200 1'}, 'what was counted is held';
        cmp_ok $held, '>', $most / 4, 'that is a good part of what fits';
        cmp_ok full_lines($small, $zone), '>', 0, 'the log says so';
        cmp_ok full_lines($small, $zone), '<', 10, 'and is not full of it';
        is_deeply { ask($small, $small->connect, "/$zone", @held) }, { '503 1' => scalar @held },
            'keys that are held go on being limited';
        note "$held of $most leases are held, $seen->{$no_room} had no room";
    };

    subtest "on_full=$zone: room again" => sub {
        my $no_room = $zone eq 'pass' ? '200 0' : '503 0';
        $_->leave for $small->open;
        $small->check_held('nothing is held', sub { return { $zone => 0 } });
        counted($small, $zone, qw(full));
        is_deeply hold($small, "/$zone", @held), { '200 1' => scalar @held }, 'new ones are counted';
        is_deeply { ask($small, ($small->open)[0], "/$zone", 'one-more') }, { $no_room => 1 },
            'a connection counts for sixteen keys: for the next there is no room';
        is_deeply counted($small, $zone, 'full'), { full => 1 }, 'which is counted';
        $_->leave for $small->open;
        $small->check_held('nothing is held', sub { return { $zone => 0 } });
    };
}

ends($small);

subtest 'twelve thousand keys in a megabyte' => sub {
    my $crowd = crowd('1m');
    my @keys  = map { "address-$_" } 1 .. 12_000;
    my @some  = @keys[map { 10 * $_ } 0 .. 1199];
    is_deeply hold($crowd, '/deny', @keys), { '200 1' => scalar @keys }, 'all are held';
    is_deeply $crowd->held('deny'), { deny => scalar @keys }, 'the zone says so';
    is_deeply counted($crowd, 'deny', qw(full refused evicted)), { full => 0, refused => 0, evicted => 0 },
        'it was never full';
    is_deeply { ask($crowd, $crowd->connect, '/deny/request', @some) }, { '503 1' => scalar @some },
        'each is limited';
    $_->leave for $crowd->open;
    $crowd->check_held('nothing is held', sub { return { deny => 0 } });
    is_deeply { ask($crowd, $crowd->connect, '/deny/request', @some) }, { '200 1' => scalar @some },
        'and may come again';
    ends($crowd);
};

done_testing;
