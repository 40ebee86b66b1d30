package Gatehouse::Crowd::Client;

# A client from an address of its own, 127.0.0.0/8, that knows when nginx has left it, and what it
# holds according to the test: `headed` once it has sent a whole header, `counted` if a limit has
# counted its connection, and its `requests`. See Gatehouse::Crowd and Gatehouse::Wire::Peer.

use v5.36;
use Carp 'croak';
use Gatehouse::Wire ();
use IO::Select ();
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_LINGER inet_aton pack_sockaddr_in);
use parent -norequire, 'Gatehouse::Wire::Peer';

our @CARP_NOT = 'Gatehouse::Wire::Peer';

# Of <linux/in.h>: the port is chosen by connect(), where it need not be free but for the one peer.
use constant { IPPROTO_IP => 0, IP_BIND_ADDRESS_NO_PORT => 24 };

sub new ($class, $address, $port) {
    socket my $socket, AF_INET, SOCK_STREAM, 0 or croak "socket: $!";
    setsockopt $socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 or croak "IP_BIND_ADDRESS_NO_PORT: $!";
    bind $socket, pack_sockaddr_in(0, inet_aton($address)) or croak "bind to $address: $!";
    connect $socket, pack_sockaddr_in($port, inet_aton('127.0.0.1')) or croak "connect to port $port: $!";
    return bless {
        socket => $socket, buffer => '', address => $address,
        headed => 0, counted => 0, requests => 0,
    }, $class;
}

# The status of the next response, whose body is not waited for, or "closed".
sub status ($self) {
    my $head = eval { $self->take_head };
    return 'closed' if !defined $head && $@ =~ /^connection closed/;
    croak $@ unless defined $head;
    return $head =~ m{\AHTTP/1\.1 (\d+)} ? $1 : croak "a strange response: $head";
}

# Reads what there is, and leaves if that is all that will come.
sub is_open ($self) {
    return 0 unless $self->{socket};
    my $select = IO::Select->new($self->{socket});
    while ($select->can_read(0)) {
        next if sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
        $self->leave;
        return 0;
    }
    return 1;
}

sub leave ($self) {
    close $self->{socket} if $self->{socket};
    delete $self->{socket};
    return;
}

# The other side learns of it by a RST, whatever it was doing.
sub reset ($self) {
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 or croak "SO_LINGER: $!";
    return $self->leave;
}

# What begins a handshake of TLS 1.2 (RFC 5246, section 7.4.1.2): an ephemeral key exchange, so that
# a server that answers has signed something.
sub hello () {
    my $extensions = join '', map { pack 'n n/a*', @$_ }
        [10, pack 'n/a*', pack 'n*', 0x001d, 0x0017],            # groups: X25519, P-256
        [11, pack 'C/a*', pack 'C',  0],                         # uncompressed points
        [13, pack 'n/a*', pack 'n*', 0x0403, 0x0804, 0x0401];    # ECDSA, RSA-PSS, RSA with SHA-256
    my $suites = pack 'n/a*', pack 'n*', 0xc02b, 0xc02f;         # ECDHE with AES-128-GCM
    my $hello  = pack('n a32 C', 0x0303, join('', map { chr int rand 256 } 1 .. 32), 0)
        . $suites . pack('C/a*', "\0") . pack 'n/a*', $extensions;
    my $message = pack('C', 1) . substr(pack('N/a*', $hello), 1);
    return pack 'C n n/a*', 22, 0x0301, $message;
}

1;
