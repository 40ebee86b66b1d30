# Redis by a name that nginx's resolver looks up: connections follow it, and nobody waits for a name
# server.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Dns;
use Gatehouse::Faults;
use Gatehouse::Redis;
use Test::More;

my $name   = 'redis.test';
my $dns    = Gatehouse::Dns->new;
my $first  = Gatehouse::Redis->new(port => 1, conf => "bind 127.0.0.2\n")->start;
my $port   = $first->port;
my $second = Gatehouse::Redis->new(conf => "bind 127.0.0.3\nport $port\n")->start;

my $resolver = 'resolver 127.0.0.1:' . $dns->port . ' valid=1s ipv6=off; resolver_timeout 1s;';
$dns->names($name => ['127.0.0.2']);
my $gate = Gatehouse::Faults->new("$name:$port", http => $resolver)->start;

sub charges ($server) { return $server->stat('cmdstat_evalsha', 'calls') }

# Sends a request and expects just one of two servers to be asked.
sub decided_by ($server, $other, $what) {
    my $before = charges($other);
    my $own    = charges($server);
    is_deeply $gate->ask_all($what), $gate->with_redis, "$what: Redis decides";
    is charges($server) - $own, 3, "$what: the one that the name is of";
    is charges($other) - $before, 0, "$what: not the other one";
    return;
}

sub on_error ($what) {
    my @seen = map { $gate->ask_all("$what $_") } 1 .. 10;
    is_deeply \@seen, [($gate->without_redis) x 10], "$what: on_error";
    ok $gate->serves_others, "$what: others are served";
    return;
}

subtest 'an address' => sub { decided_by($first, $second, 'the first') };

subtest 'another address' => sub {
    $dns->names($name => ['127.0.0.3']);
    decided_by($first, $second, 'a connection stays as long as it lasts');
    $first->kill9;
    $gate->wait_recovered;
    $first->start;
    decided_by($second, $first, 'and the next one goes elsewhere');
};

subtest 'no address' => sub {
    $dns->names;
    $second->stop;
    $gate->wait_down;
    on_error('NXDOMAIN');
    my $asked = $dns->questions;
    $dns->wait_for($asked + 1);
    on_error('again');
    $dns->names($name => ['127.0.0.2']);
    $gate->wait_recovered;
    $second->start;
    decided_by($first, $second, 'until there is one again');
};

subtest 'no answer' => sub {
    $dns->silent;
    my $asked = $dns->questions;
    $first->stop;
    $gate->wait_down;
    $dns->wait_for($asked + 1);
    on_error('while nothing is known');
    $dns->names($name => ['127.0.0.3']);
    $gate->wait_recovered;
    $first->start;
    decided_by($second, $first, 'until there is one');
};

subtest 'several addresses' => sub {
    $dns->names($name => [map { "127.0.0.$_" } 4, 5, 2]);
    $second->stop;
    $gate->wait_recovered;
    $second->start;
    decided_by($first, $second, 'the one where somebody is');
};

subtest 'a worker that starts while no name server answers' => sub {
    $dns->silent;
    my $asked = $dns->questions;
    $gate->replace_worker;
    $dns->wait_for($asked + 1);
    on_error('at the start');
};

subtest 'a reload and an end while a name is being looked up' => sub {
    my $asked = $dns->questions;
    $gate->nginx->reload;
    $dns->wait_for($asked + 1);
    $gate->nginx->reload;
    $dns->wait_for($asked + 2);
    on_error('meanwhile');
};

$gate->check_survived($first, workers => 1, lines => 14);

done_testing;
