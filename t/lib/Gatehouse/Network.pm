package Gatehouse::Network;

# Runs a test in a network of its own, where it has IPv6 addresses of its choice:
#
#   use Gatehouse::Network qw(2001:db8::1 2001:db8::2);
#
# The test is started anew in a network namespace. It is skipped where the kernel refuses that. All
# processes of it are root there: nginx must be told "user root".

use v5.36;
use Carp 'croak';
use Socket qw(AF_INET6 SOCK_DGRAM inet_pton);
use Test::More ();

# From <linux/sockios.h> and <net/if.h>.
use constant { SIOCSIFADDR => 0x8916, SIOCSIFFLAGS => 0x8914, SIOGIFINDEX => 0x8933, IFF_UP_RUNNING => 0x41 };

sub import ($class, @addresses) {
    if (!$ENV{GATEHOUSE_TEST_NETWORK}) {
        my @unshare = ('unshare', '--net', $> ? qw(--user --map-root-user) : ());
        Test::More::plan(skip_all => 'no network namespaces') if system "@unshare true 2>/dev/null";
        local $ENV{GATEHOUSE_TEST_NETWORK} = 1;
        exec @unshare, $^X, (map { "-I$_" } grep { !ref } @INC), $0 or croak "exec unshare: $!";
    }
    socket my $socket, AF_INET6, SOCK_DGRAM, 0 or Test::More::plan(skip_all => 'no IPv6');
    my ($index) = unpack 'x16 i', control($socket, SIOGIFINDEX, pack 'a16 i x20', 'lo', 0);
    control($socket, SIOCSIFFLAGS, pack 'a16 s x22', 'lo', IFF_UP_RUNNING);
    for (@addresses) {
        my $address = inet_pton(AF_INET6, $_) // croak "no address: $_";
        control($socket, SIOCSIFADDR, pack 'a16 L i', $address, 128, $index);
    }
    return;
}

sub control ($socket, $command, $structure) {
    ioctl $socket, $command, $structure or croak sprintf "ioctl 0x%x: $!", $command;
    return $structure;
}

1;
