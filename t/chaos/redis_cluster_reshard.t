# Slots that move from node to node: calls follow them, each is carried out once, and no client is
# told of it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Askers;
use Gatehouse::Faults;
use Gatehouse::Redis::Cluster;
use List::Util qw(max sum0);
use Test::More;
use Time::HiRes ();

my $cluster = Gatehouse::Redis::Cluster->new->start;
my @nodes   = $cluster->nodes;
my ($from, $to, $third) = @nodes;
my $gate = Gatehouse::Faults->new('127.0.0.1:' . $third->port, rate => '20r/h',
    backend => 'topology cluster; timeout 3s; connect_timeout 3s;')->start;
my $nginx = $gate->nginx;

sub calls ($name, @of) { return sum0 map { $_->stat("cmdstat_$name", 'calls') } @of ? @of : @nodes }
sub errors ($name)     { return sum0 map { $_->stat("errorstat_$name", 'count') } @nodes }

# How often the map was asked for. What a command's parts count for themselves is so from Redis 7 on.
sub maps () { return max(calls('cluster|slots'), Gatehouse::Redis::major() < 7 ? calls('cluster') : 0) }

sub slots_on ($node) {
    my %seen = map { ($cluster->slot_of_key($_) => 1) } $node->all_keys;
    my @slots = sort { $a <=> $b } keys %seen;
    return @slots;
}

my @users = map { "user $_" } 1 .. 24;
my %passed;

# Each user once; true if Redis has let all of them pass.
sub round () {
    my %seen;
    for my $user (@users) {
        my $seen = $gate->ask('/closed', $user);
        $seen{$seen}++;
        $passed{$user}++ if $seen =~ /^200/;
    }
    return ($seen{'200 redis'} // 0) == @users || (diag(explain \%seen), 0);
}

my $start = Time::HiRes::time();

subtest 'step by step' => sub {
    ok round(), 'all is well';
    is errors('MOVED') + errors('ASK'), 0, 'nobody was sent elsewhere';
    my @slots = slots_on($from);
    cmp_ok scalar(@slots), '>', 3, 'the first node has keys';

    $cluster->begin_move($_, $to) for @slots;
    ok round(), 'keys that have not moved yet';
    is errors('ASK'), 0, 'are asked for where they are';

    # Half of them have.
    my @first = @slots[0 .. @slots / 2];
    $cluster->move_keys($_) for @first;
    ok round(), 'keys that have, in slots that have not';
    my $asked = errors('ASK');
    cmp_ok $asked, '>=', scalar(@first), 'ASK';
    is calls('asking', $to), $asked, 'and ASKING';

    # A server that was asked for the first time need not know the script.
    $to->command('SCRIPT', 'FLUSH');
    ok round(), 'the script is not known there';
    cmp_ok calls('eval', $to), '>', 0, 'and is sent along';

    $cluster->move_keys($_) for @slots;
    ok round(), 'all keys have moved';
    my $maps = maps();
    $cluster->end_move($_) for @slots;
    ok round(), 'and so have their slots';
    my $moved = errors('MOVED');
    cmp_ok $moved, '>', 0, 'MOVED';

    # The map is asked for anew, and nobody is sent elsewhere any more.
    $nginx->until(sub { maps() > $maps }, 'new map');
    $moved = errors('MOVED');
    ok round(), 'with the new map';
    is errors('MOVED'), $moved, 'everybody knows the way';
    is scalar(slots_on($from)), 0, 'the first node has nothing left';

    for my $user (@users) {
        $passed{$user}++ while $gate->ask('/closed', $user) =~ /^200/;
    }
    is_deeply \%passed, { map { ($_ => 20) } @users }, 'everybody had as much as the limit';
    is $gate->ask('/closed', $users[0]), '429 deny_cache', 'which is known';
};

subtest 'under load' => sub {
    my $askers = Gatehouse::Askers->new($gate, 3, sub ($client, $turn) {
        my $key = int(rand 3) ? "own-$client-" . int rand 20 : 'shared-' . int rand 20;
        return ((qw(/local /open /closed))[$turn % 3], $key);
    });
    for my $way ([$to, $from], [$from, $third], [$third, $to], [$to, $from]) {
        my ($old, $new) = @$way;
        $old->until(sub { slots_on($old) > 5 }, 'keys');
        my @slots = slots_on($old);
        $cluster->begin_move($_, $new) for @slots;
        $cluster->move_keys($_) for @slots;
        $cluster->end_move($_) for @slots;
    }
    my (%had, %others);
    for my $one ($askers->stop) {
        $one->{seen} =~ /^(?:200 redis|429 (?:redis|deny_cache))$/ or $others{"$one->{uri} $one->{seen}"} += $one->{count};
        $had{"$one->{uri} $one->{key}"} += $one->{count} if $one->{seen} eq '200 redis';
    }
    is_deeply \%others, {}, 'Redis has decided everything';
    for my $key (map { "shared-$_" } 0 .. 19) {
        $had{"/closed $key"}++ while $gate->ask('/closed', $key) =~ /^200/;
    }
    cmp_ok max(values %had), '<=', 20, 'nobody had more than the limit';
    is_deeply [map { $had{"/closed shared-$_"} } 0 .. 19], [(20) x 20], 'and nobody less';
};

my $seconds = Time::HiRes::time() - $start;
cmp_ok maps(), '<=', 3 + $seconds, 'the map is asked for once a second at most';
is_deeply [map { $_->keys_without_ttl } @nodes], [], 'every key has a time to live';
$gate->check_survived(undef, lines => 2);

done_testing;
