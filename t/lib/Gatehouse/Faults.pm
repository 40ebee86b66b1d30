package Gatehouse::Faults;

# What tests of faults have in common: an nginx of one worker with limits that are kept in a Redis,
# requests to it, and what must hold whatever happens to that Redis.
#
#   my $gate = Gatehouse::Faults->new('unix:' . $redis->socket)->start;
#   is $gate->ask('/open', 'alice'), '200 redis';         # status and $rate_limit_source
#   $redis->freeze;
#   is_deeply $gate->ask_all('bob'), $gate->without_redis;
#   my @seen = $gate->flood(uri => '/open', connections => 20, requests => 50,
#       key    => sub ($connection, $request) { "key $connection" },
#       during => sub { $redis->command('SCRIPT', 'FLUSH') });
#   $gate->wait_recovered;
#   $gate->check_survived($redis);
#
# Locations /local, /open and /closed have a zone with that on_error; /lease and /optimistic are of
# these modes, with on_error=local; /plain has no limit. The key is the field X-Key.
#
# Options of new(), after the server: backend => "more of the redis block", rate => '10r/h',
# size => '1m', http => "...", server => "...", main => "...", workers => 1.

use v5.36;
use Carp 'croak';
use Gatehouse::Server ();
use Gatehouse::Wire ();
use IO::Select ();
use Test::More ();
use Time::HiRes 'sleep';

our @CARP_NOT = qw(Gatehouse::Server Gatehouse::Wire::Peer);

my %modes = (
    local      => 'on_error=local',
    open       => 'on_error=open',
    closed     => 'on_error=closed',
    lease      => 'on_error=local mode=lease=1s',
    optimistic => 'on_error=local mode=optimistic=2',
);

sub new ($class, $where, %options) {
    my $self = bless {
        backend => 'timeout 2s; connect_timeout 2s;', rate => '10r/h', size => '1m',
        http => '', server => '', main => '', workers => 1,
        %options, where => $where, nginx => Gatehouse::Server->new('rate_limit'),
    }, $class;
    $self->configure;
    return $self;
}

sub nginx ($self) { return $self->{nginx} }

# Writes nginx.conf anew, with other options if there are any.
sub configure ($self, %options) {
    @$self{ keys %options } = values %options;
    my $zones = join '', map {
        "rate_limit_zone \$http_x_key zone=$_:$self->{size} rate=$self->{rate} redis=main $modes{$_};\n"
    } sort keys %modes;
    my $locations = join '', map {
        "location = /$_ { rate_limit zone=$_; try_files /index.html =404; }\n"
    } sort keys %modes;
    $self->nginx->configure(<<"END", workers => $self->{workers}, main => $self->{main});
rate_limit_redis main { server $self->{where}; $self->{backend} }
$zones
$self->{http}
rate_limit_log_level info;
rate_limit_headers off;
keepalive_requests 100000;
add_header X-Source \$rate_limit_source always;
add_header X-Remaining \$rate_limit_remaining always;
add_header X-Reset \$rate_limit_reset always;
add_header X-Key \$http_x_key always;
server {
    listen unix:\$PREFIX/nginx.sock backlog=1024;
    location = /plain { try_files /index.html =404; }
    $locations
    $self->{server}
}
END
    return;
}

# Returns when the worker has a connection to Redis, unless there is no server yet.
sub start ($self, %options) {
    $self->nginx->start;
    $self->{first} = [$self->nginx->workers];
    $self->wait_recovered unless $options{without_redis};
    return $self;
}

sub seen ($response) {
    return join ' ', $response->{status}, ($response->{headers}{'x-source'} // [])->@*;
}

sub ask ($self, $uri, $key) { return seen($self->nginx->get($uri, "X-Key: $key")) }

sub ask_all ($self, $key) {
    return { map { ($_ => $self->ask("/$_", $key)) } qw(local open closed) };
}

sub with_redis ($)    { return { map { ($_ => '200 redis') } qw(local open closed) } }
sub without_redis ($) { return { local => '200 local', open => '200 error', closed => '503 error' } }

# A request whose answer is not waited for.
sub begin ($self, $uri, $key) { return $self->nginx->client($uri, "X-Key: $key") }

sub is_waiting ($, $client) { return !IO::Select->new($client->{socket})->can_read(0) }

# Whatever Redis does, requests that do not need it are answered, by the same only worker.
sub serves_others ($self, $count = 200) {
    return $count == grep { $_ == 200 } $self->nginx->statuses('/plain', $count);
}

# The worker is exchanged for one that has met with no failure yet. Unlike with a reload, what it is
# doing is not waited for.
sub replace_worker ($self) {
    my ($old) = $self->nginx->workers;
    kill 'TERM', $old;
    $self->nginx->until(sub {
        my @now = $self->nginx->workers;
        @now == 1 && $now[0] != $old;
    }, 'new worker');
    return $self;
}

# Polls with new keys until Redis decides again.
sub wait_recovered ($self) {
    state $count = 0;
    $self->nginx->until(sub { $self->ask('/open', 'probe ' . ++$count) eq '200 redis' }, 'recovery');
    return $self;
}

# The opposite.
sub wait_down ($self) {
    state $count = 0;
    $self->nginx->until(sub { $self->ask('/open', 'down ' . ++$count) eq '200 error' }, 'failure');
    return $self;
}

# Pipelined requests on many connections, in ten batches; `during` is called with the number of each
# when it has been sent, so that it is under way. The answers, each with the key that was asked with.
sub flood ($self, %flood) {
    my $during  = $flood{during} // sub { };
    my @clients = map { Gatehouse::Wire::client('', $self->nginx->file('nginx.sock')) } 1 .. $flood{connections};
    my $size    = $flood{requests} / 10;
    my @seen;
    for my $batch (1 .. 10) {
        my @asked;
        for my $connection (1 .. @clients) {
            my @keys = map { $flood{key}->($connection, ($batch - 1) * $size + $_) } 1 .. $size;
            my @requests = map { Gatehouse::Wire::get($flood{uri}, undef, "X-Key: $_") } @keys;
            $clients[$connection - 1]->send(join '', @requests);
            push @asked, \@keys;
        }
        $during->($batch);
        for my $i (keys @clients) {
            push @seen, map { answer_to($_, $clients[$i]->response) } $asked[$i]->@*;
        }
    }
    $_->leave for @clients;
    return @seen;
}

sub answer_to ($asked, $response) {
    my %value = map { ($_ => ($response->{headers}{"x-$_"} // [''])->[0]) } qw(key source remaining);
    return { %value, asked => $asked, status => $response->{status} };
}

# How many of what flood() has seen, by "status source".
sub tally (@seen) {
    my %count;
    $count{"$_->{status} $_->{source}"}++ for @seen;
    return \%count;
}

# The messages of nginx about Redis itself, not about requests.
sub redis_lines ($self) { return grep { /\d#\d+: redis "main"/ } split /\n/, $self->nginx->log }

# The worker is the first one, it has logged nothing that it must not, not much of anything, and no
# key stays for ever. Options: lines => how many messages about Redis may be there, workers => 1 and
# killed => 1 if the test has exchanged and killed workers, fast => 1 if calls need not be waited for.
sub check_survived ($self, $redis = undef, %options) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $nginx = $self->nginx;
    Test::More::is_deeply([$nginx->workers], $self->{first}, 'the worker is the same')
        unless $options{workers};
    Test::More::is_deeply([$redis->keys_without_ttl], [], 'every key has a time to live') if $redis;
    my @lines = $self->redis_lines;
    my $most  = $options{lines} // 6;
    Test::More::cmp_ok(scalar @lines, '<=', $most, "no more than $most messages about Redis")
        or Test::More::diag(join "\n", @lines);
    $nginx->signal('TERM') if $options{fast};
    Test::More::is($nginx->stop, 0, 'nginx ends by itself');
    my @alarms = grep { /\[(?:alert|crit|emerg)\]|exited on signal|AddressSanitizer|runtime error/ }
        split /\n/, $nginx->log;
    @alarms = grep { !/exited on signal 9/ } @alarms if $options{killed};
    Test::More::is_deeply(\@alarms, [], 'and has raised no alarm');
    return;
}

1;
