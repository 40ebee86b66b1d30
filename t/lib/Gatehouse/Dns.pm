package Gatehouse::Dns;

# A name server of a test's own, for nginx's resolver: A records, over UDP, on a port of 127.0.0.1.
#
#   my $dns = Gatehouse::Dns->new;
#   ... resolver 127.0.0.1:$port valid=1s; of $dns->port ...
#   $dns->names('redis.test' => ['127.0.0.2', '127.0.0.3']);   # from now on; of others NXDOMAIN
#   $dns->silent;                                              # no answers, until names() again
#   $dns->wait_for(3);                                         # until three questions have come
#
# A name without addresses exists all the same: NOERROR, and no answer. So do all names of which
# records other than A are asked for. Records may be kept for no time (TTL 0).

use v5.36;
use Carp 'croak';
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket 'inet_aton';
use Time::HiRes 'sleep';

my $patience = 30;

# RFC 1035, section 4.1.
my ($response, $recursion_available) = (0x8000, 0x0080);
my ($no_error, $name_error) = (0, 3);
my ($type_a, $class_in)     = (1, 1);
my $pointer_to_question = 0xc00c;

sub new ($class) {
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or croak "bind: $@";
    my $self = bless { port => $server->sockport, process => $$ }, $class;
    ($self->{control}, my $control) =
        IO::Socket::UNIX->socketpair(Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0) or croak "socketpair: $!";
    $self->{pid} = fork // croak "fork: $!";
    return $self if $self->{pid};
    close $self->{control};
    eval { serve($server, $control); 1 } or print STDERR "Gatehouse::Dns: $@";
    POSIX::_exit(0);
}

sub port ($self) { return $self->{port} }

sub names ($self, %addresses) {
    $self->tell(join ' ', 'names', map { join ',', $_, $addresses{$_}->@* } sort keys %addresses);
    return $self;
}

sub silent ($self) {
    $self->tell('silent');
    return $self;
}

# How many questions have come.
sub questions ($self) { return $self->tell('questions') }

sub wait_for ($self, $count) {
    my $deadline = time + $patience;
    until ($self->questions >= $count) {
        croak "no $count questions within $patience s" if time > $deadline;
        sleep 0.01;
    }
    return $self;
}

# A line to the other process, which answers with a number when it has heard.
sub tell ($self, $line) {
    syswrite $self->{control}, "$line\n";
    my $answer = IO::Select->new($self->{control})->can_read($patience) && readline $self->{control}
        or croak 'the name server has come to an end';
    return $answer + 0;
}

# The other process. It ends when the last copy of the control socket is closed: with the test.
sub serve ($server, $control) {
    my ($addresses, $questions) = ({}, 0);
    my $both = IO::Select->new($server, $control);
    while (1) {
        for my $socket ($both->can_read) {
            if ($socket == $control) {
                my ($what, @names) = split ' ', readline($control) // return;
                $addresses = undef if $what eq 'silent';
                $addresses = { map { my ($name, @of) = split /,/; ($name => \@of) } @names } if $what eq 'names';
                syswrite $control, "$questions\n";
                next;
            }
            my $peer = recv $server, my $question, 512, 0 or next;
            $questions++;
            send $server, answer($question, $addresses), 0, $peer if $addresses;
        }
    }
}

# Of a question as nginx asks it: one, not compressed.
sub answer ($question, $addresses) {
    my ($id, $flags) = unpack 'n n', $question;
    my $at = 12;
    my @labels;
    while (my $label = unpack "x$at C/a", $question) {
        push @labels, $label;
        $at += 1 + length $label;
    }
    $at++;
    my ($type)  = unpack "x$at n", $question;
    my $known   = $addresses->{ lc join '.', @labels };
    my @records = $known && $type == $type_a ? @$known : ();
    my $code    = $known ? $no_error : $name_error;
    return pack('n6', $id, $flags | $response | $recursion_available | $code, 1, scalar @records, 0, 0)
        . substr($question, 12, $at + 4 - 12)
        . join '', map { pack 'n n n N n/a', $pointer_to_question, $type_a, $class_in, 0, inet_aton($_) } @records;
}

sub DESTROY ($self) {
    local ($?, $!);
    my $pid = $self->{pid};
    return unless $pid && $self->{process} == $$;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

1;
