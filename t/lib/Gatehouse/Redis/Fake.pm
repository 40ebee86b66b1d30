package Gatehouse::Redis::Fake;

# A peer that says what no real server can be made to say. A process of its own answers what a
# client's handshake asks as Redis does, and everything else as the test wants.
#
#   my $fake = Gatehouse::Redis::Fake->new(answers => {
#       EVALSHA => sub ($peer, @command) {
#           return $peer->send("*2000000000\r\n") if $peer->mode eq 'huge';
#           $peer->pieces(reply_octets([1, 0]), 1);             # octet by octet
#       },
#       ROLE => "+OK\r\n",                                      # or just octets
#   });
#   ... server unix:$path of $fake->socket; ...
#   $fake->mode('huge');                      # from now on; '' at first
#   $fake->wait_for('EVALSHA', 2);            # until two of them have arrived
#   unlike $fake->received, qr/192\.0\.2\.1/; # every octet, of all connections
#
# Answers run in the other process: variables that they set stay there. What they can do:
#   $peer->send($octets)            behind what is held
#   $peer->pieces($octets, $size)   each piece is sent after the one before has been read
#   $peer->hold($octets)            until the next send(): several answers in one write
#   $peer->close, $peer->reset      the connection ends, with RST (on a port)
#   $peer->mode, $peer->number      the test's word; which connection this is, from 1
# One that sends nothing keeps the client waiting.

use v5.36;
use Carp 'croak';
use Digest::SHA 'sha1_hex';
use File::Temp ();
use Gatehouse::Jose::Keys qw(slurp test_dir);
use Gatehouse::Redis::Resp qw(reply_octets decode);
use Gatehouse::Wire ();
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket ();
use Time::HiRes 'sleep';

my $patience = 10;

my %handshake = (
    AUTH   => "+OK\r\n",
    CLIENT => "+OK\r\n",
    PING   => "+PONG\r\n",
    ROLE   => reply_octets(['master', 0, []]),
    SELECT => "+OK\r\n",
    HELLO  => sub ($peer, @command) {
        my $protocol = $command[1] // 2;
        my $fields   = reply_octets([server => 'redis', version => '7.0.15', proto => $protocol,
            id => $peer->number, mode => 'standalone', role => 'master', modules => []]);
        $peer->send($protocol == 3 ? $fields =~ s/\A\*14/%7/r : $fields);
    },
    SCRIPT => sub ($peer, @command) { $peer->send(reply_octets(sha1_hex($command[2] // ''))) },
);

# Options: answers by the names of commands, and port => 1 for a free port of 127.0.0.1 in place of
# the socket.
sub new ($class, %options) {
    my $directory = File::Temp->newdir('fake-XXXXXX', DIR => test_dir());
    chmod 0755, "$directory" or croak "chmod $directory: $!";
    my $self = bless { directory => $directory, process => $$ }, $class;
    $self->serve($self->listen($options{port}), { %handshake, $options{answers}->%* });
    return $self;
}

sub socket ($self) { return "$self->{directory}/fake.sock" }
sub port ($self)   { return $self->{port} }

sub listen ($self, $on_port) {
    if ($on_port) {
        $self->{port} = Gatehouse::Wire::free_port();
        return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port},
            Listen => 64, ReuseAddr => 1) // croak "listen on $self->{port}: $@";
    }
    my $listener = IO::Socket::UNIX->new(Local => $self->socket, Listen => 64) // croak "listen: $@";
    chmod 0777, $self->socket or croak "chmod: $!";
    return $listener;
}

# The other process ends when the last copy of the control socket is closed: with the test.
sub serve ($self, $listener, $answers) {
    ($self->{control}, my $control) =
        IO::Socket::UNIX->socketpair(Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0)
        or croak "socketpair: $!";
    $self->{pid} = fork // croak "fork: $!";
    return if $self->{pid};
    close $self->{control};
    local $SIG{PIPE} = 'IGNORE';
    my $loop = Gatehouse::Redis::Fake::Loop->new($listener, $control, $answers, $self->{directory});
    eval { $loop->run; 1 } or print STDERR "Gatehouse::Redis::Fake: $@";
    POSIX::_exit(0);
}

# Returns when the answers know of it.
sub mode ($self, $mode) {
    syswrite $self->{control}, "$mode\n";
    IO::Select->new($self->{control})->can_read($patience) && sysread $self->{control}, my $done, 1
        or croak 'the fake peer has come to an end';
    return $self;
}

# Everything that has arrived, by connections: the octets, and their decoding.
sub streams ($self) { return map { slurp($_) } sort glob "$self->{directory}/in.*" }
sub received ($self) { return join '', $self->streams }

# The commands of that name, or all of them: lists of words. Those of one connection are in order.
sub commands ($self, $name = undef) {
    my @commands;
    for my $octets ($self->streams) {
        my $at = 0;
        while (my ($words, $next) = decode(\$octets, $at)) {
            push @commands, $words;
            $at = $next;
        }
    }
    return grep { !defined $name || uc $_->[0] eq $name } @commands;
}

sub wait_for ($self, $name, $count = 1) {
    my $deadline = time + $patience;
    while ((my @commands = $self->commands($name)) < $count) {
        croak scalar(@commands), " times $name, not $count, within $patience s" if time > $deadline;
        sleep 0.01;
    }
    return $self;
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{process} == $$;
    return;
}

# The other process.
package Gatehouse::Redis::Fake::Loop {
    use v5.36;

    sub new ($class, $listener, $control, $answers, $directory) {
        return bless {
            listener => $listener, control => $control, answers => $answers,
            directory => $directory, mode => '', peers => {}, count => 0,
        }, $class;
    }

    sub run ($self) {
        my ($listener, $control, $peers) = @$self{qw(listener control peers)};
        while (1) {
            my @ready = IO::Select->new($listener, $control, map { $_->{socket} } values %$peers)->can_read;
            for my $socket (@ready) {
                if    ($socket == $control)  { $self->take_mode or return }
                elsif ($socket == $listener) { $self->accept }
                else                         { $self->serve($peers->{$socket}) }
            }
        }
    }

    sub take_mode ($self) {
        my $line = readline $self->{control} // return 0;
        $self->{mode} = $line =~ s/\n\z//r;
        syswrite $self->{control}, '.';
        return 1;
    }

    sub accept ($self) {
        my $socket = $self->{listener}->accept // return;
        my $number = ++$self->{count};
        open my $record, '>:raw', sprintf '%s/in.%06d', $self->{directory}, $number or die "open: $!";
        $record->autoflush(1);
        $self->{peers}{$socket} = bless {
            socket => $socket, record => $record, number => $number, loop => $self,
            buffer => '', held => '',
        }, 'Gatehouse::Redis::Fake::Peer';
        return;
    }

    sub serve ($self, $peer) {
        $peer->read or return $peer->close;
        while ($peer->{socket} and my ($words, $next) = Gatehouse::Redis::Resp::decode(\$peer->{buffer})) {
            substr($peer->{buffer}, 0, $next) = '';
            my $answer = $self->{answers}{ uc $words->[0] }
                // Gatehouse::Redis::Resp::reply_octets(
                    Gatehouse::Redis::Error->new("ERR unknown command '$words->[0]'"));
            ref $answer ? $answer->($peer, @$words) : $peer->send($answer);
        }
        return;
    }
}

package Gatehouse::Redis::Fake::Peer {
    use v5.36;

    my $outq = 0x5411;    # SIOCOUTQ of Linux

    sub mode ($self)   { return $self->{loop}{mode} }
    sub number ($self) { return $self->{number} }

    sub read ($self) {
        sysread $self->{socket}, my $octets, 65536 or return 0;
        print { $self->{record} } $octets;
        $self->{buffer} .= $octets;
        return 1;
    }

    sub hold ($self, $octets) {
        $self->{held} .= $octets;
        return;
    }

    sub with_held ($self, $octets) {
        my $held = $self->{held};
        $self->{held} = '';
        return $held . $octets;
    }

    sub send ($self, $octets) {
        $self->write($self->with_held($octets));
        return;
    }

    # False if the client does not want it: the loop will see why.
    sub write ($self, $octets) {
        while (length $octets) {
            my $sent = syswrite $self->{socket}, $octets;
            return 0 unless defined $sent;
            substr($octets, 0, $sent) = '';
        }
        return 1;
    }

    sub pieces ($self, $octets, $size) {
        for my $piece (unpack "(a$size)*", $self->with_held($octets)) {
            $self->write($piece) or last;
            $self->wait_until_read;
        }
        return;
    }

    # Of a unix socket's octets the kernel tells when they have been read. Of a port's it tells only
    # that they have arrived: there the client is given a moment.
    sub wait_until_read ($self) {
        my $deadline = time + $patience;
        my $left     = pack 'i', 0;
        while (time <= $deadline && ioctl $self->{socket}, $outq, $left) {
            last unless unpack 'i', $left;
            Time::HiRes::sleep(0.0005);
        }
        Time::HiRes::sleep(0.002) unless $self->{socket}->isa('IO::Socket::UNIX');
        return;
    }

    sub close ($self) {
        my $socket = delete $self->{socket} // return;
        delete $self->{loop}{peers}{$socket};
        close $socket;
        return;
    }

    sub reset ($self) {
        my $linger = pack 'ii', 1, 0;
        setsockopt $self->{socket}, Socket::SOL_SOCKET(), Socket::SO_LINGER(), $linger;
        return $self->close;
    }
}

1;
