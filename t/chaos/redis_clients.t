# Clients that leave while Redis is asked, connections that are kept, workers that end.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Server;
use Test::More;

srand 20;    # the same requests each time

my $redis = Gatehouse::Redis->new->start;
my $gate  = Gatehouse::Faults->new('unix:' . $redis->socket, backend => 'timeout 3s; connect_timeout 3s;',
    server => 'location = /active { add_header X-Active $connections_active; try_files /index.html =404; }')->start;

sub active () { return $gate->nginx->get('/active')->{headers}{'x-active'}[0] }

my %decides = ('/open' => 'redis', '/lease' => 'lease', '/optimistic' => 'redis');

subtest 'clients that leave' => sub {
    for my $uri (sort keys %decides) {
        $redis->freeze;
        my @clients = map { $gate->begin($uri, 'impatient ' . $_ % 50) } 1 .. 200;
        $gate->nginx->until(sub { active() > 200 }, 'clients');
        $_->leave for @clients[0 .. 99];
        ok $gate->serves_others(20), "$uri: others are served";
        $redis->thaw;
        $_->leave for @clients[100 .. 199];
        $gate->nginx->until(sub { active() == 1 }, 'end of their connections');
        is $gate->ask($uri, 'patient'), "200 $decides{$uri}", 'who stays is answered';
    }
    is_deeply $gate->ask_all('after it'), $gate->with_redis, 'all is well';
    # Without a client there is nobody to charge twice: 4 of 10 at most.
    cmp_ok $gate->nginx->get('/open', 'X-Key: impatient 1')->{headers}{'x-remaining'}[0], '>=', 5,
        'each of them was charged once at most';
};

# What is left of a key tells which answer a request was given. No two connections share a key, so it
# is known for each request.
subtest 'each answer is that of its own key' => sub {
    my @seen = $gate->flood(uri => '/closed', connections => 20, requests => 50,
        key    => sub ($connection, $request) { "$connection/" . int 4 * rand() ** 2 },
        during => sub ($at) { $redis->freeze; $gate->serves_others(1 + rand 9); $redis->thaw });
    my (%asked, @wrong);
    for my $seen (@seen) {
        my $left  = 10 - ++$asked{ $seen->{asked} };
        my $right = $left >= 0 ? qr/^200 redis $left$/ : qr/^429 (?:redis|deny_cache) 0$/;
        my $is    = join ' ', @$seen{qw(status source remaining)};
        push @wrong, { %$seen, right => $right } if $is !~ $right || $seen->{key} ne $seen->{asked};
    }
    is_deeply \@wrong, [], 'of 1,000 requests for ' . keys(%asked) . ' keys';
};

# Those that nobody has waited for have been charged or not; what is left tells it to one or two.
subtest 'an answer that comes too late is given to nobody' => sub {
    $gate->configure(backend => 'timeout 100ms; connect_timeout 2s;', rate => '100r/h');
    $gate->nginx->reload;
    $gate->wait_recovered;
    my @seen = $gate->flood(uri => '/open', connections => 20, requests => 50,
        key    => sub ($connection, $request) { "late $connection/" . int 4 * rand() ** 2 },
        during => sub ($batch) {
            return if $batch % 3;
            $redis->freeze;
            $gate->wait_down;
            $redis->thaw;
            $gate->wait_recovered;
        });
    my (%asked, %answered, @wrong);
    for my $seen (@seen) {
        my $key  = $seen->{asked};
        my $most = 100 - ($answered{$key} // 0);
        $asked{$key}++;
        next if "$seen->{status} $seen->{source}" eq '200 error';
        $answered{$key}++;
        push @wrong, { %$seen, most => $most } if "$seen->{status} $seen->{source}" ne '200 redis'
            || $seen->{remaining} < 100 - $asked{$key} || $seen->{remaining} >= $most;
    }
    is_deeply \@wrong, [], 'no other answer';
    my $count = Gatehouse::Faults::tally(@seen);
    cmp_ok $count->{"200 $_"}, '>', 0, "$_ has decided" for qw(redis error);
    $gate->configure(backend => 'timeout 3s; connect_timeout 3s;', rate => '10r/h');
    $gate->nginx->reload;
};

subtest 'a worker that is told to end waits for answers' => sub {
    my @old = $gate->nginx->workers;
    $redis->freeze;
    my @waiting = map { $gate->begin("/$_", 'at the end') } qw(local open closed lease optimistic);
    ok $gate->serves_others(1), 'requests are under way';
    $gate->nginx->signal('HUP');
    $gate->nginx->until(sub { Gatehouse::Server::besides(\@old, $gate->nginx->workers) == 1 }, 'new worker');
    is scalar($gate->nginx->workers), 2, 'the old one is still there';
    $redis->thaw;
    my @seen = map { Gatehouse::Faults::seen($_->response) } @waiting;
    is_deeply \@seen, ['200 redis', '200 redis', '200 redis', '200 lease', '200 redis'], 'they are answered by Redis';
    $_->leave for @waiting;
    $gate->nginx->until(sub { $gate->nginx->workers == 1 }, 'end of the old worker');
};

subtest 'and no longer than the timeout' => sub {
    $gate->configure(backend => 'timeout 500ms; connect_timeout 500ms;');
    $gate->nginx->reload;
    $gate->wait_recovered;
    my @old = $gate->nginx->workers;
    $redis->freeze;
    my @waiting = map { $gate->begin("/$_", 'at the end, too') } qw(local open closed);
    ok $gate->serves_others(1), 'requests are under way';
    $gate->nginx->signal('HUP');
    my @seen = map { Gatehouse::Faults::seen($_->response) } @waiting;
    is_deeply \@seen, ['200 local', '200 error', '503 error'], 'on_error';
    $_->leave for @waiting;
    $gate->nginx->until(sub {
        my @now = $gate->nginx->workers;
        @now == 1 && $now[0] != $old[0];
    }, 'end of the old worker');
    $redis->thaw;
    $gate->wait_recovered;
};

# It takes its requests with it, and nothing else.
subtest 'a worker that ends at once' => sub {
    for my $signal (qw(TERM KILL)) {
        my ($old) = $gate->nginx->workers;
        $redis->freeze;
        my @waiting = map { $gate->begin("/$_", $signal) } qw(local open closed lease);
        ok $gate->serves_others(1), 'requests are under way';
        kill $signal, $old;
        is scalar(grep { $_->is_left } @waiting), 4, "$signal: their connections end";
        $_->leave for @waiting;
        $redis->thaw;
        $gate->nginx->until(sub {
            my @now = $gate->nginx->workers;
            @now == 1 && $now[0] != $old;
        }, 'new worker');
        $gate->wait_recovered;
        is_deeply $gate->ask_all("after $signal"), $gate->with_redis, 'the next one goes on';
    }
};

$gate->check_survived($redis, workers => 1, killed => 1);

done_testing;
