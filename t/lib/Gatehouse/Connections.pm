package Gatehouse::Connections;

# A Gatehouse::Server whose limits count connections, with clients of as many addresses as a test
# wants (127.0.0.0/8) and an upstream that answers when it is told to.
#
#   my $site = Gatehouse::Connections->new(modules => ['jwt'], ports => 2);
#   $site->configure(<<'END')->start;
#   connection_limit_zone $binary_remote_addr zone=address:1m;
#   server {
#       listen 127.0.0.1:PORT;             # of two: PORT0, PORT1
#       location = /hold { connection_limit zone=address max=5; proxy_pass HOLD; }
#   }
#   END
#   my $client = $site->hold('127.0.0.2', '/hold');    # its request has come to the upstream
#   is $site->held(address => '127.0.0.2'), 1;
#   $client->asked->answer(200, 'done');
#   $client->leave;                                    # or reset, ...
#   $site->until_held(address => '127.0.0.2', 0);
#
# For held() every zone has a place of its own, with a limit by=request that refuses nobody, on a
# unix socket; the key is an address, or $arg_k. report() is what connection_limit_report says.

use v5.36;
use Carp 'croak';
use Gatehouse::Wire ();
use IO::Socket::IP ();
use JSON::PP ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER);
use parent 'Gatehouse::Server';

sub new ($class, %options) {
    my $self = $class->SUPER::new('connection_limit', ($options{modules} // [])->@*);
    $self->{port}     = Gatehouse::Wire::free_port(1 .. ($options{ports} // 1) - 1);
    $self->{upstream} = Gatehouse::Wire::upstream($self->file('hold.sock'));
    return $self;
}

sub configure ($self, $http, %options) {
    $http =~ s/\bPORT(\d?)\b/$self->port($1 || 0)/ge;
    $http =~ s{\bHOLD\b}{http://unix:\$PREFIX/hold.sock}g;
    my $places = join '', map { <<"END" } $http =~ /^\s*connection_limit_zone .*?\bzone=(\w+):/gm;
    location = /held/$_ {
        connection_limit zone=$_ max=1000000 by=request;
        add_header X-Held \$connection_limit_current always;
        try_files /index.html =404;
    }
END
    $self->SUPER::configure(<<"END", %options);
$http
server {
    listen unix:\$PREFIX/counts.sock;
    root html;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    location = /report { connection_limit_report; }
$places
}
END
    return $self;
}

sub port ($self, $number = 0) { return $self->{port} + $number }
sub upstream ($self) { return $self->{upstream} }

# A connection from that address on which $text has been sent, to a port of 127.0.0.1 or to an
# address with a port.
sub connect ($self, $from, $text = '', $to = $self->port) {
    my $socket = IO::Socket::IP->new(
        LocalHost => $from, PeerAddr => $to =~ /:/ ? $to : "127.0.0.1:$to", ReuseAddr => 1)
        // croak "connect from $from to $to: $@";
    my $client = bless { socket => $socket, buffer => '' }, 'Gatehouse::Connections::Client';
    return $client->send($text);
}

# A connection by TLS, which openssl keeps.
sub connect_tls ($self, $from, $text, $port = $self->port) {
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or croak "socketpair: $!";
    my $pid = run_openssl($theirs, qw(-quiet -no_ign_eof -bind), "$from:0", '-connect', "127.0.0.1:$port");
    my $client = bless { socket => $ours, buffer => '', openssl => $pid }, 'Gatehouse::Connections::Client';
    return $client->send($text);
}

sub run_openssl ($socket, @arguments) {
    my $pid = fork // croak "fork: $!";
    return $pid if $pid;
    open STDIN,  '<&', $socket     or POSIX::_exit(1);
    open STDOUT, '>&', $socket     or POSIX::_exit(1);
    open STDERR, '>',  '/dev/null' or POSIX::_exit(1);
    exec 'openssl', 's_client', @arguments or POSIX::_exit(1);
}

# What openssl sends first.
sub client_hello () {
    state $hello = do {
        my $listening = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 1) // croak "listen: $@";
        socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or croak "socketpair: $!";
        my $pid = run_openssl($theirs, '-connect', '127.0.0.1:' . $listening->sockport);
        my $client = bless { socket => scalar $listening->accept, buffer => '', openssl => $pid },
            'Gatehouse::Connections::Client';
        my $header = $client->take(5);
        my $record = $header . $client->take(unpack 'x3 n', $header);
        $client->reset;
        $record;
    };
    return $hello;
}

# A connection on which a GET has been sent.
sub ask ($self, $from, $uri, @lines) {
    return $self->connect($from, Gatehouse::Wire::get($uri, undef, @lines));
}

# The same with a GET that has come to the upstream: its asked().
sub hold ($self, $from, $uri, @lines) {
    my $client = $self->ask($from, $uri, @lines);
    $client->{asked} = $self->upstream->next_request;
    return $client;
}

# The status of a request with a connection of its own; nothing if it was closed at accept.
sub status_from ($self, $from, $uri, @lines) {
    my $to     = @lines && $lines[0] =~ /\A[\d.:\[\]a-f]+\z/ ? shift @lines : $self->port;
    my $client = $self->connect($from, Gatehouse::Wire::get($uri, undef, 'Connection: close', @lines), $to);
    my $status = $client->more ? $client->response->{status} : undef;
    # nginx closes the connection last of all: it has let it go.
    1 while $client->more;
    $client->leave;
    return $status;
}

sub count_request ($self, $uri, @lines) {
    my $client = Gatehouse::Wire::client(
        Gatehouse::Wire::get($uri, undef, 'Connection: close', @lines), $self->file('counts.sock'));
    my $response = $client->response;
    1 while $client->more;
    $client->leave;
    croak "$uri: $response->{status}" unless $response->{status} == 200;
    return $response;
}

# What a key of a zone holds, this question aside.
sub held ($self, $zone, $key) {
    my $address  = $key =~ /\A(?:[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*)\z/ ? "X-Real-IP: $key" : 'X-Key: ';
    my $response = $self->count_request("/held/$zone?k=$key", $address);
    return $response->{headers}{'x-held'}[0] - 1;
}

sub until_held ($self, $zone, $key, $count) {
    return $self->until(sub { $self->held($zone, $key) == $count }, "$count of $key in zone $zone");
}

sub report ($self) {
    return JSON::PP::decode_json($self->count_request('/report')->{body})->{zones};
}

package Gatehouse::Connections::Client {
    use v5.36;
    use Carp 'croak';
    use parent -norequire, 'Gatehouse::Wire::Peer';

    sub asked ($self) { return $self->{asked} }

    sub leave ($self) {
        $self->SUPER::leave;
        waitpid delete $self->{openssl}, 0 if $self->{openssl};
        return;
    }

    # Ends the connection with a RST; by TLS, without a word.
    sub reset ($self) {
        if ($self->{openssl}) {
            kill 'KILL', $self->{openssl};
            return $self->leave;
        }
        setsockopt $self->{socket}, Socket::SOL_SOCKET, Socket::SO_LINGER, pack('ii', 1, 0)
            or croak "setsockopt: $!";
        return $self->leave;
    }

    # Sends no more, and waits for what comes.
    sub shut ($self) {
        shutdown $self->{socket}, 1;
        return $self;
    }

    # Closed by nginx, which has sent nothing.
    sub is_refused ($self) {
        return IO::Select->new($self->{socket})->can_read(10) && !sysread $self->{socket}, my $said, 1;
    }

    # As far as it is known without waiting.
    sub is_open ($self) { return !IO::Select->new($self->{socket})->can_read(0) }
}

1;
