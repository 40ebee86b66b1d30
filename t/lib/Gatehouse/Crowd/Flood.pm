package Gatehouse::Crowd::Flood;

# Thousands of connections from one address that all say the same and wait, in processes of their
# own, since one may not have so many files open.
#
#   my $flood = Gatehouse::Crowd::Flood->start('127.0.0.9', $port, $text);
#   $flood->more(500);      # returns when they are connected
#   $flood->seen;           # { closed => 490, nothing => 10 }; "handshake": a ServerHello, or part of it
#   $flood->stop;           # leaves

use v5.36;
use Carp 'croak';
use Gatehouse::Crowd::Client ();
use IO::Handle ();
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

sub start ($class, $address, $port, $text) {
    return bless { target => [$address, $port, $text], senders => [] }, $class;
}

sub more ($self, $count) {
    socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC or croak "socketpair: $!";
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        close $here;
        close $_->{wire} for $self->{senders}->@*;    # each ends with its other end
        eval { send_all($there, $count, $self->{target}->@*); 1 } or warn $@;
        POSIX::_exit(0);
    }
    $here->autoflush;
    push $self->{senders}->@*, { pid => $pid, wire => $here };
    answer($here, 'ready');
    return;
}

# The other process: tells when all are connected, then what was seen whenever it is asked. In the
# end it resets them, which leaves nothing behind in the kernel either.
sub send_all ($wire, $count, $address, $port, $text) {
    $wire->autoflush;
    my @clients = map { Gatehouse::Crowd::Client->new($address, $port)->send($text) } 1 .. $count;
    my $poll    = IO::Poll->new;
    $poll->mask($_->{socket} => POLLIN) for @clients;
    print {$wire} "ready\n";
    my %seen;
    while (<$wire>) {
        $poll->poll(0);
        for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR)) {
            $poll->remove($socket);
            my $got = sysread $socket, my $byte, 1;
            $seen{ !$got ? 'closed' : $byte eq "\x16" ? 'handshake' : 'something' }++;
        }
        print {$wire} join(' ', %seen, nothing => scalar $poll->handles), "\n";
    }
    $_->reset for @clients;
    return;
}

sub answer ($wire, $what) { return scalar(<$wire>) // croak "a sender has not $what" }

sub seen ($self) {
    my %seen;
    for my $sender ($self->{senders}->@*) {
        print { $sender->{wire} } "seen\n";
        my %some = split ' ', answer($sender->{wire}, 'seen');
        $seen{$_} += $some{$_} for grep { $some{$_} } keys %some;
    }
    return \%seen;
}

sub stop ($self) {
    for my $sender (splice $self->{senders}->@*) {
        close $sender->{wire};
        waitpid $sender->{pid}, 0;
    }
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    return $self->stop;
}

1;
