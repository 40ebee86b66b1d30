# Several servers of which one is enough: they are tried in turn.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use Gatehouse::Redis::Fake;
use Gatehouse::Wire ();
use Test::More;

my ($first, $second) = map { Gatehouse::Redis->new->start } 1 .. 2;

sub charges ($server) { return $server->stat('cmdstat_evalsha', 'calls') }

my $frozen  = Gatehouse::Redis->new->start->freeze;
my $talker  = Gatehouse::Redis::Fake->new(answers => { SCRIPT => "HTTP/1.1 400 Bad Request\r\n\r\n" });
my @servers = (
    '127.0.0.1:' . Gatehouse::Wire::free_port(), 'unix:' . $frozen->socket, 'unix:' . $talker->socket,
    map { 'unix:' . $_->socket } $first, $second,
);
my $many = Gatehouse::Faults->new(join('; server ', @servers),
    backend => 'timeout 300ms; connect_timeout 300ms;')->start;
my $before = charges($second);
is_deeply $many->ask_all('the fourth'), $many->with_redis, 'the first one that is of use';
cmp_ok charges($first), '>=', 3, 'the fourth';
is charges($second), $before, 'and none beyond it';
$first->stop;
$many->wait_recovered;
cmp_ok charges($second), '>', $before, 'then the one after that';
$first->start;
$second->stop;
$many->wait_recovered;
cmp_ok charges($first), '>', 0, 'and from the beginning';
$second->start;
$frozen->thaw;
$many->check_survived($first, lines => 10);

done_testing;
