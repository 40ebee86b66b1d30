package Gatehouse::Fleet;

# Gateway nodes that share one Redis and one identity secret, a load on them, and what the load may
# have let through.
#
#   my $fleet = Gatehouse::Fleet->new(workers => [1, 2, 1, 2], zones => {
#       hot => 'rate=200r/s burst=100 redis=main' })->start;
#   my $run = $fleet->load(zone => 'hot', key => 'a', connections => [12, 1, 1, 1], seconds => 2);
#   $run->check_windows('strict', rate => 200, most => 100);      # 100 + 200 W in any time W
#   $run->check_due('strict', rate => 200, burst => 100);         # more than 85 % of what is due
#
# Each zone has a location of its name, the key is an argument. Responses have $rate_limit_source as
# X-Source and the worker as X-Pid; /plain has no limit. Options of new(), besides the workers of
# each node and the zones: backend => "more of the redis block".
#
# The times are those of the client, by one clock: a request is decided after it was sent and before
# it was answered. So those of which both fall into a stretch of time have been decided in it, and
# the bound for its length holds for them as it is, without anything added for the measurement. What
# goes uncounted are only the few that are under way at the ends of the stretch. The one allowance:
# Redis goes by the time of day, which may be adjusted meanwhile, by 500 ppm as a rule.

use v5.36;
use Carp 'croak';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Redis ();
use Gatehouse::Server ();
use Gatehouse::Wire ();
use Test::More ();

sub new ($class, %options) {
    my $redis = Gatehouse::Redis->new->start;
    my $zones = $options{zones};
    my $self  = bless { redis => $redis, zones => $zones }, $class;
    my $block = $options{backend} // 'timeout 2s; connect_timeout 2s;';
    my ($http, $locations) = map { join '', @$_ }
        [map { "rate_limit_zone \$arg_k zone=$_:1m $zones->{$_};\n" } sort keys %$zones],
        [map { "location = /$_ { rate_limit zone=$_; try_files /index.html =404; }\n" } sort keys %$zones];
    for my $workers ($options{workers}->@*) {
        my $node = Gatehouse::Server->new('rate_limit');
        $node->file('identity.secret', 'the same on all nodes');
        $node->configure(<<"END", workers => $workers);
rate_limit_redis main {
    server unix:@{[$redis->socket]};
    identity_secret_file identity.secret;
    $block
}
$http
# A flood is not logged line by line.
rate_limit_log_level info;
keepalive_requests 1000000;
add_header X-Source \$rate_limit_source always;
add_header X-Pid \$pid always;
server {
    listen unix:\$PREFIX/nginx.sock backlog=256;
    error_log logs/error.log warn;
    location = /plain { try_files /index.html =404; }
    $locations
}
END
        push $self->{nodes}->@*, $node;
    }
    return $self;
}

sub redis ($self) { return $self->{redis} }
sub nodes ($self) { return $self->{nodes}->@* }

# Returns when every worker has asked Redis for something.
sub start ($self) {
    my ($zone) = grep { $self->{zones}{$_} =~ /redis=main/ } sort keys $self->{zones}->%*;
    $_->start for $self->nodes;
    for my $node ($self->nodes) {
        for my $client (worker_clients($node)) {
            $node->until(sub {
                state $count = 0;
                my $response = $client->send(Gatehouse::Wire::get("/$zone?k=start" . ++$count))->response;
                return $response->{headers}{'x-source'}[0] =~ /^(?:redis|lease)$/;
            }, 'answer of Redis');
            $client->leave;
        }
    }
    return $self;
}

# A connection to each worker of a node. A worker that has one accepts no other: it is stopped until
# all have.
sub worker_clients ($node) {
    my (%stopped, @clients);
    my $done = eval {
        while (keys %stopped < $node->workers) {
            push @clients, my $client = $node->client('/plain');
            my $pid = $client->response->{headers}{'x-pid'}[0];
            $stopped{$pid} = kill STOP => $pid;
            $node->until(sub { slurp("/proc/$pid/stat") =~ /\) T / }, 'stop');
        }
        1;
    };
    kill CONT => keys %stopped;    # nginx could not end otherwise
    return $done ? @clients : croak $@;
}

# How many scripts Redis has been asked to run.
sub calls ($self) {
    return $self->redis->stat('cmdstat_evalsha', 'calls') + $self->redis->stat('cmdstat_eval', 'calls');
}

# A client of many connections, so many to each node. Each of them asks again at the next tick of
# the clock after it was answered, which is a flood by far, but leaves time to others. It ends after
# so many seconds, or when `until`, which is called with the run at each tick, says so. `asks` is
# told the seconds that have passed and the number of a node, and says whether that is asked now.
sub load ($self, %load) {
    my $run = Gatehouse::Fleet::Run->new(scalar $load{connections}->@*);
    for my $number (keys $load{connections}->@*) {
        $run->connect($number, $self->{nodes}[$number]->file('nginx.sock'), $load{connections}[$number]);
    }
    my $until = $load{until};
    my $calls = $until ? undef : $self->calls;
    $run->go("HEAD /$load{zone}?k=$load{key} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        $until // sub ($run) { $run->elapsed >= $load{seconds} }, $load{asks} // sub { 1 });
    $run->{calls} = $self->calls - $calls unless $until;
    return $run;
}

# Every node ends by itself and has raised no alarm.
sub check_stopped ($self) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is_deeply([$self->redis->keys_without_ttl], [], 'every key in Redis has a time to live');
    Test::More::is_deeply([map { $_->stop } $self->nodes], [map { 0 } $self->nodes], 'all nodes end by themselves');
    my @alarms = grep { /\[(?:alert|crit|emerg)\]|exited on signal|AddressSanitizer|runtime error/ }
        map { split /\n/, $_->log } $self->nodes;
    Test::More::is_deeply(\@alarms, [], 'no alarm');
    return;
}

package Gatehouse::Fleet::Run {
    use v5.36;
    use Carp 'croak';
    use IO::Select ();
    use IO::Socket::UNIX ();
    use List::Util qw(max sum0);
    use Time::HiRes qw(CLOCK_MONOTONIC);

    # Seconds: between two rounds of requests, for one answer, for a whole load.
    my $tick     = 0.002;
    my $patience = 10;
    my $longest  = 30;
    my $adjusted = 1.0005;

    sub now () { return Time::HiRes::clock_gettime(CLOCK_MONOTONIC) }

    sub new ($class, $nodes) {
        return bless { connections => {}, admitted => [], answers => [(0) x $nodes],
            stall => 0, slowest => 0, statuses => {}, sources => [map { {} } 1 .. $nodes] }, $class;
    }

    sub connect ($self, $node, $path, $count) {
        for (1 .. $count) {
            my $socket = IO::Socket::UNIX->new(Peer => $path) or croak "connect: $@";
            $self->{connections}{$socket} = { node => $node, socket => $socket, buffer => '' };
        }
        return;
    }

    sub go ($self, $request, $until, $asks) {
        my @idle   = values $self->{connections}->%*;
        my $select = IO::Select->new(map { $_->{socket} } @idle);
        my $next   = $self->{start} = $self->{last} = now();
        while (now() < $next || !$until->($self)) {
            croak 'no end of it' if $self->elapsed > $longest;
            if (now() >= $next) {
                my @asks = map { $asks->($self->elapsed, $_) } keys $self->{answers}->@*;
                $self->ask($_, $request) for grep { $asks[$_->{node}] } @idle;
                @idle = grep { !$asks[$_->{node}] } @idle;
                $next = now() + $tick;
            }
            push @idle, $self->answers($select, max(0, $next - now()));
        }
        $self->{seconds} = $self->elapsed;
        while (@idle < $select->count) {
            my @answered = $self->answers($select, $patience) or croak "no answer within $patience s";
            push @idle, @answered;
        }
        close $_->{socket} for @idle;
        return;
    }

    sub elapsed ($self) { return now() - $self->{start} }

    sub ask ($self, $connection, $request) {
        $connection->{sent} = now();
        syswrite($connection->{socket}, $request) == length $request or croak "send: $!";
        return;
    }

    # The connections that have had an answer.
    sub answers ($self, $select, $timeout) {
        return grep { $self->read_from($_) } map { $self->{connections}{$_} } $select->can_read($timeout);
    }

    sub read_from ($self, $connection) {
        sysread $connection->{socket}, $connection->{buffer}, 65536, length $connection->{buffer}
            or croak 'connection closed';
        my $time = now();
        return 0 unless $connection->{buffer} =~ /\r\n\r\n\z/;
        my $answer = $connection->{buffer};
        my $node   = $connection->{node};
        $connection->{buffer} = '';
        $self->{stall} = max($self->{stall}, $time - $self->{last});
        $self->{last}  = $time;
        $self->{slowest} = max($self->{slowest}, $time - $connection->{sent});
        $self->{answers}[$node]++;
        my ($status, $source) = $answer =~ m{\AHTTP/1\.1 (\d+).*^X-Source: (\w+)}ms;
        $self->{statuses}{$status}++;
        $self->{sources}[$node]{$source} = $time;
        push $self->{admitted}->@*,
            { node => $node, source => $source, sent => $connection->{sent}, answered => $time }
            if $status == 200;
        return 1;
    }

    # Whether every node has had an answer of that source after that time.
    sub all_heard ($self, $source, $since) {
        return !grep { ($_->{$source} // 0) <= $since } $self->{sources}->@*;
    }

    sub start ($self)    { return $self->{start} }
    sub seconds ($self)  { return $self->{seconds} }
    sub offered ($self)  { return sum0 $self->{answers}->@* }
    sub statuses ($self) { return $self->{statuses} }
    sub calls ($self)    { return $self->{calls} }

    # Seconds that the slowest answer took.
    sub slowest ($self) { return $self->{slowest} }

    sub admitted ($self, $which = undef) {
        return grep { !$which || $which->($_) } $self->{admitted}->@*;
    }

    # The window, of all that there are, which comes nearest to `most` + `rate` times its length, or
    # exceeds it by most.
    sub tightest ($rate, $most, @admitted) {
        my @by_end = sort { $a->{answered} <=> $b->{answered} } @admitted;
        my $worst  = { count => 0, seconds => 0, room => $most };
        for my $first (@admitted) {
            my ($start, $count) = ($first->{sent}, 0);
            for my $last (@by_end) {
                next if $last->{sent} < $start;
                my $seconds = $last->{answered} - $start;
                my $room    = $most + $rate * $seconds * $adjusted - ++$count;
                $worst = { count => $count, seconds => $seconds, room => $room } if $room < $worst->{room};
            }
        }
        return $worst;
    }

    # In no window, however long and wherever, more than `most` + `rate` times its length. Options:
    # which => sub ($admitted) {...} for some of them only.
    sub check_windows ($self, $name, %bound) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        my @admitted = $self->admitted($bound{which});
        my $worst    = tightest(@bound{qw(rate most)}, @admitted);
        my $text = sprintf '%d of at most %.1f in %.3f s', $worst->{count}, $worst->{count} + $worst->{room},
            $worst->{seconds};
        Test::More::note("$name: the tightest window has $text");
        return Test::More::cmp_ok($worst->{room}, '>=', 0, "$name: within the bound in every window")
            || Test::More::diag($text);
    }

    # More than 85 % of what a bucket of `burst` has to give in that time. One that is full for a
    # while gives less, and a lease that nobody spends ends: with less, a load that stops for half the
    # time that this takes, as on a busy machine, proves nothing. For leases: stop => half of one.
    sub check_due ($self, $name, %limit) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        my ($rate, $burst) = @limit{qw(rate burst)};
        my $admitted = $self->admitted;
        my $due      = $burst + $rate * $self->seconds;
        my $stopped  = max($self->{stall}, $self->{slowest});
        my $too_slow = $self->offered < 2 * $due || $stopped > ($limit{stop} // $burst / $rate / 2);
        my $text = sprintf '%d of %.0f due (%.1f %%) in %.2f s, of %d sent (%s); it stopped for %.0f ms', $admitted,
            $due, 100 * $admitted / $due, $self->seconds, $self->offered, join('/', $self->{answers}->@*),
            1000 * $stopped;
        Test::More::note("$name: $text");
    SKIP: {
            Test::More::skip("too slow for it: $text", 1) if $too_slow && $admitted <= 0.85 * $due;
            Test::More::cmp_ok($admitted, '>', 0.85 * $due, "$name: above 85 % of what is due")
                || Test::More::diag($text);
        }
        return;
    }

    # Redis was asked no more often than that, by the requests of this load.
    sub check_calls ($self, $name, $most) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        my $text = sprintf '%d scripts (%.1f/s, at most %d) for %d requests, of which %d have passed',
            $self->calls, $self->calls / $self->seconds, $most, $self->offered, scalar $self->admitted;
        Test::More::note("$name: $text");
        return Test::More::cmp_ok($self->calls, '<=', $most, "$name: Redis is asked no more often than it has to be")
            || Test::More::diag($text);
    }
}

1;
