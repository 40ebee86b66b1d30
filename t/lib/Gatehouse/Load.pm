package Gatehouse::Load;

# Clients in processes of their own that ask without end, each request on a connection of its own,
# while the test does something to nginx.
#
#   my $load = Gatehouse::Load->start($path, [uri => @header_lines], ...);
#   ...
#   my $seen = $load->stop;
#   $seen->{counts}{'/t 200'};    # how many; requests without an answer are "/t none"
#   $seen->{seconds};             # at most so long it took
#
# There are three clients; each takes the requests in turn.

use v5.36;
use Carp 'croak';
use Gatehouse::Wire ();
use IO::Select ();
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

sub start ($class, $path, @requests) {
    my $self = bless { began => clock_gettime(CLOCK_MONOTONIC) }, $class;
    pipe my $stopped, $self->{stop} or croak "pipe: $!";
    for (1 .. 3) {
        pipe my $read, my $write or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            close $self->{stop};
            print {$write} ask($path, $stopped, @requests);
            close $write;
            POSIX::_exit(0);
        }
        push $self->{clients}->@*, [$pid, $read];
    }
    return $self;
}

# Until the other end of the pipe is closed.
sub ask ($path, $stopped, @requests) {
    my $select = IO::Select->new($stopped);
    my %count;
    until ($select->can_read(0)) {
        for my $request (@requests) {
            my ($uri, @lines) = @$request;
            my $status = eval {
                my $client   = Gatehouse::Wire::client(Gatehouse::Wire::get($uri, undef, @lines, 'Connection: close'), $path);
                my $response = $client->response;
                $client->leave;
                $response->{status};
            };
            $count{ "$uri " . ($status // 'none') }++;
        }
    }
    return map { "$count{$_} $_\n" } sort keys %count;
}

sub stop ($self) {
    close delete $self->{stop};
    my %count;
    for my $client ($self->{clients}->@*) {
        my ($pid, $read) = @$client;
        while (my $line = <$read>) {
            my ($number, $what) = $line =~ /^(\d+) (.*)/;
            $count{$what} += $number;
        }
        waitpid $pid, 0;
    }
    return { counts => \%count, seconds => clock_gettime(CLOCK_MONOTONIC) - $self->{began} };
}

1;
