package Gatehouse::Askers;

# Clients in processes of their own that go on asking while a test does something else.
#
#   my $askers = Gatehouse::Askers->new($gate, 3, sub ($client, $turn) { ('/closed', "$client-$turn") });
#   $gate->nginx->reload;
#   my @seen = $askers->stop;
#   # ({ uri => '/closed', key => '2-17', seen => '200 redis', count => 1 }, ...)
#
# $gate is a Gatehouse::Faults. Each request has a connection of its own; keys are without blanks.
# The clients end with the test.

use v5.36;
use Carp 'croak';
use IO::Select ();
use POSIX ();

sub new ($class, $gate, $clients, $ask) {
    pipe my $stop, my $stopper or croak "pipe: $!";
    my $self = bless { stopper => $stopper, clients => [] }, $class;
    for my $number (1 .. $clients) {
        pipe my $read, my $write or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            close $stopper;
            print {$write} run($gate, $stop, sub ($turn) { $ask->($number, $turn) });
            close $write;
            POSIX::_exit(0);
        }
        push $self->{clients}->@*, { pid => $pid, read => $read };
    }
    return $self;
}

# The other process. What is written there, or its end, stays unread: it is for all clients.
sub run ($gate, $stop, $ask) {
    my $wait = IO::Select->new($stop);
    my (%count, $turn);
    until ($wait->can_read(0)) {
        my ($uri, $key) = $ask->(++$turn);
        my $seen = eval { $gate->ask($uri, $key) } // 'no answer: ' . $@ =~ s/\n.*//sr;
        $count{"$uri $key $seen"}++;
    }
    return map { "$count{$_} $_\n" } sort keys %count;
}

sub stop ($self) {
    syswrite $self->{stopper}, '.';
    my @all;
    for my $client ($self->{clients}->@*) {
        my $read = $client->{read};
        while (<$read>) {
            my %one;
            @one{qw(count uri key seen)} = /^(\d+) (\S+) (\S+) (.*)/ or croak "a client says $_";
            push @all, \%one;
        }
        waitpid $client->{pid}, 0;
    }
    return @all;
}

1;
