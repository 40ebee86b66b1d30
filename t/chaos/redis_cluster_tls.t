# A cluster behind TLS: each node is verified, also those that only the map or a redirection names.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis::Cluster;
use Gatehouse::Redis::Tls qw(ca_file certificate);
use Test::More;

my $cluster = Gatehouse::Redis::Cluster->new(tls => certificate('server'), conf => "tls-cluster yes\n")->start;
my ($from, $to, $seed) = $cluster->nodes;
my $backend = 'topology cluster; tls on; timeout 2s; connect_timeout 2s;';
my $where   = '127.0.0.1:' . $seed->port;
my $gate    = Gatehouse::Faults->new($where, backend => "$backend tls_ca " . ca_file() . ';')->start;

sub sizes () { return map { $_->command('DBSIZE') } $cluster->nodes }

sub decided (@keys) { return scalar grep { $gate->ask('/closed', $_) eq '200 redis' } @keys }

my @keys = map { "key $_" } 1 .. 30;

is decided(@keys), 30, 'Redis decides';
is scalar(grep { $_ == 0 } sizes()), 0, 'every node has some keys';

my %slots = map { ($cluster->slot_of_key($_) => 1) } $from->all_keys;
$cluster->begin_move($_, $to) for sort keys %slots;
is decided(@keys), 30, 'while slots move';
$cluster->move_keys($_)->end_move($_) for sort keys %slots;
is decided(@keys), 30, 'and when they have';
cmp_ok $to->stat('errorstat_MOVED', 'count') + $from->stat('errorstat_MOVED', 'count'), '>', 0, 'MOVED';

my $stranger = Gatehouse::Faults->new($where, backend => "$backend tls_ca " . ca_file('unknown_ca') . ';')
    ->start(without_redis => 1);
$stranger->nginx->until(sub { $stranger->redis_lines > 0 }, 'message');
is_deeply $stranger->ask_all('stranger'), $stranger->without_redis, 'another authority: on_error';
$stranger->check_survived;

is_deeply [map { $_->keys_without_ttl } $cluster->nodes], [], 'every key has a time to live';
$gate->check_survived(undef, lines => 2);

done_testing;
