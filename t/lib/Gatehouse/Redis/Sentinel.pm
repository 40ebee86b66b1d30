package Gatehouse::Redis::Sentinel;

# A master and a replica, watched by sentinels, on ports of 127.0.0.1.
#
#   my $watched = Gatehouse::Redis::Sentinel->new(sentinels => 3)->start;
#   my @ports   = map { $_->port } $watched->sentinels;  # topology sentinel master=main;
#   my $old     = $watched->master;                      # a Gatehouse::Redis
#   $watched->failover;                                  # done when this returns
#   is $old->command('ROLE')->[0], 'master';             # for a moment: it has not been told
#   $watched->wait_follows($old);                        # now it has
#   $watched->master->kill9;                             # this they have to find out
#   $watched->wait_switched($watched->replica);          # to the server that takes over
#
# Options of new(): sentinels => 1 or 3, down_after => 500 (milliseconds), name => 'main', and those
# of Gatehouse::Redis for master and replica. To sentinels everybody may talk.

use v5.36;
use Carp 'croak';
use Gatehouse::Redis ();

sub new ($class, %options) {
    my %own = (sentinels => 1, down_after => 500, name => 'main');
    $own{$_} = delete $options{$_} // $own{$_} for keys %own;
    my ($user, $password) = Gatehouse::Redis::credentials();
    my $conf = "masteruser $user\nmasterauth $password\nrepl-diskless-sync-delay 0\n"
        . ($options{conf} // '');
    return bless {
        %own,
        servers   => [map { Gatehouse::Redis->new(%options, port => 1, conf => $conf) } 1 .. 2],
        sentinels => [map { Gatehouse::Redis::Sentinel::Node->new(port => 1) } 1 .. $own{sentinels}],
    }, $class;
}

sub sentinels ($self) { return $self->{sentinels}->@* }

sub start ($self) {
    my ($master, $replica) = map { $_->start } $self->{servers}->@*;
    $replica->command('REPLICAOF', '127.0.0.1', $master->port);
    $replica->until(sub { $replica->stat('master_link_status') eq 'up' }, 'replica');
    $self->watch($_->start, $master) for $self->sentinels;
    $self->until_all(sub ($known) {
        $known->{'num-slaves'} == 1 && $known->{'num-other-sentinels'} == $self->sentinels - 1
            && $known->{flags} eq 'master'
    }, 'sight of each other');
    return $self;
}

sub watch ($self, $sentinel, $master) {
    my ($user, $password) = Gatehouse::Redis::credentials();
    my $quorum = 1 + int $self->sentinels / 2;
    $sentinel->command('SENTINEL', 'MONITOR', $self->{name}, '127.0.0.1', $master->port, $quorum);
    $sentinel->command('SENTINEL', 'SET', $self->{name}, 'auth-user', $user, 'auth-pass', $password,
        'down-after-milliseconds', $self->{down_after}, 'failover-timeout', 2000);
    # What they do every second, two or ten can be hastened from Redis 7 on.
    $sentinel->attempt('SENTINEL', 'DEBUG', map { ("$_-period" => 200) } qw(info publish ask ping));
    return;
}

# What each sentinel knows of the master, until it is as it should be.
sub until_all ($self, $done, $what) {
    for my $sentinel (grep { $_->pid } $self->sentinels) {
        $sentinel->until(sub {
            $done->({ $sentinel->command('SENTINEL', 'MASTER', $self->{name})->@* });
        }, $what);
    }
    return $self;
}

# By what the first sentinel that runs says.
sub master ($self) {
    my ($sentinel) = grep { $_->pid } $self->sentinels;
    my $port = $sentinel->command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', $self->{name})->[1];
    my ($master) = grep { $_->port == $port } $self->{servers}->@*;
    return $master;
}

sub replica ($self) { return $self->other($self->master) }

sub other ($self, $server) {
    my ($other) = grep { $_ != $server } $self->{servers}->@*;
    return $other;
}

# Makes the replica the master. A sentinel does so only if it has heard of it lately.
sub failover ($self) {
    my ($sentinel) = $self->sentinels;
    my $new = $self->replica;
    $sentinel->until(sub {
        my $reply = $sentinel->attempt('SENTINEL', 'FAILOVER', $self->{name});
        croak "SENTINEL FAILOVER: $reply" unless $reply =~ /^(?:OK\z|NOGOODSLAVE |INPROG )/;
        $reply eq 'OK';
    }, 'failover');
    return $self->wait_switched($new);
}

# Waits until all sentinels name that server, and it is of the same opinion. A server whose role
# changes drops its clients, the test's own among them.
sub wait_switched ($self, $new) {
    $self->until_all(sub ($known) { $known->{port} == $new->port }, 'switch');
    $new->until(sub { eval { $new->command('ROLE')->[0] eq 'master' } }, 'promotion');
    return $self;
}

# Waits until a server that has been master is a replica of the other one, and in step with it.
sub wait_follows ($self, $old) {
    my $port = $self->other($old)->port;
    $old->until(sub {
        eval {
            $old->stat('role') eq 'slave' && $old->stat('master_link_status') eq 'up'
                && $old->stat('master_port') == $port
        }
    }, 'replica');
    return $self;
}

sub stop ($self) {
    $_->stop for $self->sentinels, $self->{servers}->@*;
    return $self;
}

# A sentinel keeps what it knows in its configuration file: once it has, that is left alone.
package Gatehouse::Redis::Sentinel::Node {
    use v5.36;
    use parent -norequire => 'Gatehouse::Redis';
    use Gatehouse::Jose::Keys 'slurp';

    sub arguments ($self) { return '--sentinel' }

    sub configuration ($self) {
        my $kept = -e $self->file('redis.conf') ? slurp($self->file('redis.conf')) : '';
        return $kept =~ /^sentinel myid /m ? $kept : $self->SUPER::configuration;
    }
}

1;
