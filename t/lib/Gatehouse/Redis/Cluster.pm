package Gatehouse::Redis::Cluster;

# A Redis cluster of three masters on ports of 127.0.0.1, the slots dealt out evenly.
#
#   my $cluster = Gatehouse::Redis::Cluster->new->start;
#   my @ports   = map { $_->port } $cluster->nodes;     # each a Gatehouse::Redis
#   my $node    = $cluster->node_of_key('{user}1');
#   my ($other) = grep { $_ != $node } $cluster->nodes;
#   my $slot    = $cluster->slot_of_key('{user}1');
#   $cluster->move_slot($slot, $other);                 # MOVED from now on; or in steps:
#   $cluster->begin_move($slot, $other);                # ASK for keys that $node does not have
#   $cluster->move_keys($slot);                         # and now it has none
#   $cluster->end_move($slot);
#
# Options of new() are those of Gatehouse::Redis, for each node; conf may say more, such as
# "cluster-require-full-coverage no". A cluster takes two seconds to be up: so does every node that
# starts again (CLUSTER_WRITABLE_DELAY of Redis).

use v5.36;
use Carp 'croak';
use Gatehouse::Redis ();

my $slots = 16384;
my $count = 3;

sub new ($class, %options) {
    my $conf = "cluster-enabled yes\ncluster-node-timeout 2000\n" . ($options{conf} // '');
    my @nodes = map { Gatehouse::Redis::Cluster::Node->new(%options, port => 1, conf => $conf) } 1 .. $count;
    return bless { nodes => \@nodes, moves => {} }, $class;
}

sub nodes ($self) { return $self->{nodes}->@* }

sub start ($self) {
    my @nodes = $self->nodes;
    $self->{owner} = [map { $nodes[int $_ * @nodes / $slots] } 0 .. $slots - 1];
    for my $number (0 .. $#nodes) {
        my $node = $nodes[$number]->start;
        # Else the nodes would have to settle whose numbers are newer.
        $node->command('CLUSTER', 'SET-CONFIG-EPOCH', $number + 1);
        $node->command('CLUSTER', 'ADDSLOTS', grep { $self->{owner}[$_] == $node } 0 .. $slots - 1);
        $node->command('CLUSTER', 'MEET', '127.0.0.1', $nodes[0]->port);
    }
    return $self->wait_ok;
}

# Waits until every node that runs says that the cluster is up and knows the others and their slots.
sub wait_ok ($self) {
    for my $node (grep { $_->pid } $self->nodes) {
        $node->until(sub {
            my $info = $node->command('CLUSTER', 'INFO');
            return $info =~ /^cluster_state:ok\r$/m && $info =~ /^cluster_known_nodes:$count\r$/m
                && $info =~ /^cluster_slots_assigned:$slots\r$/m;
        }, 'cluster');
    }
    return $self;
}

sub slot_of_key ($self, $key) {
    my ($node) = grep { $_->pid } $self->nodes;
    return $node->command('CLUSTER', 'KEYSLOT', $key);
}

sub node_of_slot ($self, $slot) { return $self->{owner}[$slot] }
sub node_of_key ($self, $key)   { return $self->node_of_slot($self->slot_of_key($key)) }

sub move_slot ($self, $slot, $to) {
    return $self->begin_move($slot, $to)->move_keys($slot)->end_move($slot);
}

sub begin_move ($self, $slot, $to) {
    my $from = $self->node_of_slot($slot);
    croak "slot $slot is there" if $from == $to;
    $self->{moves}{$slot} = $to;
    $to->command('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $from->id);
    $from->command('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $to->id);
    return $self;
}

sub move_keys ($self, $slot) {
    my ($from, $to) = ($self->node_of_slot($slot), $self->target($slot));
    while (my @keys = $from->command('CLUSTER', 'GETKEYSINSLOT', $slot, 100)->@*) {
        $from->command('MIGRATE', '127.0.0.1', $to->port, '', 0, 5000, 'AUTH2', $to->credentials,
            'KEYS', @keys);
    }
    return $self;
}

# The new owner is told first: it must not send anybody back.
sub end_move ($self, $slot) {
    my $to = $self->target($slot);
    $_->command('CLUSTER', 'SETSLOT', $slot, 'NODE', $to->id) for $to, grep { $_ != $to } $self->nodes;
    $self->{owner}[$slot] = delete $self->{moves}{$slot};
    return $self;
}

sub target ($self, $slot) { return $self->{moves}{$slot} // croak "slot $slot is not on the move" }

sub stop ($self) {
    $_->stop for $self->nodes;
    return $self;
}

# The bus of a cluster is on a port of its own.
package Gatehouse::Redis::Cluster::Node {
    use v5.36;
    use parent -norequire => 'Gatehouse::Redis';

    sub free_port ($self) { return Gatehouse::Wire::free_port(10_000) }
    sub id ($self)        { return $self->{id} //= $self->command('CLUSTER', 'MYID') }
}

1;
