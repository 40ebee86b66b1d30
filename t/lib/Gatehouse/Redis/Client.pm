package Gatehouse::Redis::Client;

# A connection to a server that speaks RESP2.
#
#   my $client = Gatehouse::Redis::Client->new($path_or_port);
#   $client->command('SET', 'k', 'v');              # 'OK'; dies of an error reply
#   $client->attempt('INCR', 'k');                  # which this returns: a Gatehouse::Redis::Error
#   $client->pipeline(['GET', 'a'], ['GET', 'b']);  # the replies, errors included

use v5.36;
use Carp 'croak';
use Gatehouse::Redis::Resp qw(command_octets decode);
use Gatehouse::Wire ();
use IO::Select ();

our @CARP_NOT = 'Gatehouse::Redis';    # errors are told of where the test called

sub new ($class, $where) {
    return bless { peer => Gatehouse::Wire::client('', $where) }, $class;
}

sub command ($self, @words) {
    my $reply = $self->attempt(@words);
    croak "$words[0]: $reply" if ref $reply eq 'Gatehouse::Redis::Error';
    return $reply;
}

sub attempt ($self, @words) {
    my ($reply) = $self->pipeline(\@words);
    return $reply;
}

sub pipeline ($self, @commands) {
    $self->{peer}->send(join '', map { command_octets(@$_) } @commands);
    return map { $self->reply } @commands;
}

# The next reply, which may be one that nobody asked for: a message, a line of MONITOR.
sub reply ($self) {
    my $buffer = \$self->{peer}{buffer};
    my @decoded;
    until (@decoded = decode($buffer)) {
        $self->{peer}->more or croak 'Redis has closed the connection';
    }
    substr($$buffer, 0, $decoded[1]) = '';
    return $decoded[0];
}

# Whether the server has closed the connection, or says something that nobody waits for.
sub is_stale ($self) { return !!IO::Select->new($self->{peer}{socket})->can_read(0) }

1;
