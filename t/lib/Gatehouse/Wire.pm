package Gatehouse::Wire;

# Both ends of nginx by hand, for what Test::Nginx cannot stage: clients that
# send piece by piece or leave, and upstreams whose answer comes when the test
# says so. Needs Gatehouse::Test; its actions ("do NAME" of Gatehouse::Cases)
# run while nginx does.
#
#   my $keys = upstream('keys.sock');      # proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock
#
#   my $client = client("GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n");
#   my $asked  = $keys->next_request;      # waits for nginx
#   $asked->answer(200, $jwks);
#   is $client->response->{status}, 200;
#
# Whatever is waited for must come within ten seconds; otherwise the test dies.

use v5.36;
use Carp 'croak';
use Exporter 'import';
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();

our @EXPORT = qw(upstream client get);
our @EXPORT_OK = qw(free_port h2_start h2_get h2_reset);

my $patience = 10;

sub wait_readable ($socket, $what) {
    return IO::Select->new($socket)->can_read($patience) || croak "no $what within $patience s";
}

# A port of 127.0.0.1 that is free, and so are those that many above it. It stays
# so but for the unlucky: the kernel gives clients ports from 32768 on.
sub free_port (@above) {
    for (1 .. 100) {
        my $port = 10000 + int rand 12000;
        return $port if 1 + @above == grep {
            IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port + $_, Listen => 1,
                ReuseAddr => 1)
        } 0, @above;
    }
    croak 'no free port';
}

# A listening socket in $TEST_NGINX_KEYS or at a whole path. Workers that have
# dropped root connect to it.
sub upstream ($name) {
    my $path = $name =~ m{^/} ? $name : "$ENV{TEST_NGINX_KEYS}/$name";
    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 64) or croak "listen on $path: $@";
    chmod 0777, $path or croak "chmod $path: $!";
    return bless { socket => $socket }, 'Gatehouse::Wire::Upstream';
}

# A connection to the nginx of Test::Nginx, or to a unix socket or a port of
# 127.0.0.1, on which $text has been sent. A long text needs someone to send it
# while the test reads, hence the process of its own.
sub client ($text, $where = $Test::Nginx::Util::ServerPortForClient) {
    my $socket = $where =~ m{^/}
        ? IO::Socket::UNIX->new(Peer => $where)
        : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $where);
    croak "connect: $@" unless $socket;
    my $peer = bless { socket => $socket, buffer => '' }, 'Gatehouse::Wire::Peer';
    return $peer->send($text) if length $text < 4096;

    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        $peer->send($text);
        POSIX::_exit(0);
    }
    $peer->{sender} = $pid;
    return $peer;
}

# A GET with the token of that NAME, or without one, and further header lines.
sub get ($uri, $token = undef, @lines) {
    unshift @lines, Gatehouse::Test::bearer($token) if defined $token;
    return join "\r\n", "GET $uri HTTP/1.1", 'Host: localhost', @lines, '', '';
}

# HTTP/2 (RFC 9113), as much as it takes to open streams and to reset them:
# what a client sends first, a GET on a stream, the end of a stream.
sub h2_start () { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . h2_frame(4, 0, 0, '') }

sub h2_get ($stream, $uri, $token = undef) {
    my @fields = ([':method', 'GET'], [':scheme', 'http'], [':path', $uri], [':authority', 'localhost']);
    push @fields, [authorization => Gatehouse::Test::bearer($token) =~ s/\AAuthorization: //r] if defined $token;
    # Literals without indexing, RFC 7541, section 6.2.2.
    return h2_frame(1, 0x5, $stream, join '', map { ("\0", map { h2_string($_) } @$_) } @fields);
}

sub h2_reset ($stream) { return h2_frame(3, 0, $stream, pack 'N', 8) }    # CANCEL

sub h2_frame ($type, $flags, $stream, $payload) {
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# RFC 7541, section 5.2, without Huffman coding.
sub h2_string ($text) {
    my $length = length $text;
    return chr($length) . $text if $length < 127;
    my $bytes = chr 127;
    for ($length -= 127; $length >= 128; $length >>= 7) {
        $bytes .= chr($length & 0x7f | 0x80);
    }
    return $bytes . chr($length) . $text;
}

package Gatehouse::Wire::Upstream {
    use v5.36;

    # The next request, of which the header has arrived.
    sub next_request ($self) {
        Gatehouse::Wire::wait_readable($self->{socket}, 'connection from nginx');
        my $peer = bless { socket => scalar $self->{socket}->accept, buffer => '' },
            'Gatehouse::Wire::Peer';
        $peer->{head} = $peer->take_head;
        return $peer;
    }

    sub nobody_waits ($self) {
        return !IO::Select->new($self->{socket})->can_read(0);
    }
}

package Gatehouse::Wire::Peer {
    use v5.36;
    use Carp 'croak';

    sub send ($self, $bytes) {
        local $SIG{PIPE} = 'IGNORE';
        while (length $bytes) {
            my $sent = syswrite $self->{socket}, $bytes;
            last unless defined $sent;    # nginx does not want it: the response says why
            substr($bytes, 0, $sent) = '';
        }
        return $self;
    }

    # False at the end of the connection.
    sub more ($self) {
        Gatehouse::Wire::wait_readable($self->{socket}, 'bytes from nginx');
        return sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
    }

    sub take ($self, $length) {
        while (length $self->{buffer} < $length) {
            $self->more or croak 'connection closed early';
        }
        return substr $self->{buffer}, 0, $length, '';
    }

    sub take_head ($self) {
        while (index($self->{buffer}, "\r\n\r\n") < 0) {
            $self->more or croak 'connection closed before the header';
        }
        return substr $self->{buffer}, 0, 4 + index($self->{buffer}, "\r\n\r\n"), '';
    }

    sub take_chunks ($self) {
        my $body = '';
        while (1) {
            while (index($self->{buffer}, "\r\n") < 0) {
                $self->more or croak 'connection closed between chunks';
            }
            my ($size) = map { hex } $self->{buffer} =~ /\A([0-9a-fA-F]+)/;
            $self->take(2 + index $self->{buffer}, "\r\n");
            $body .= substr $self->take($size + 2), 0, $size;
            return $body if $size == 0;
        }
    }

    # The body that a header announces; without a length, up to the end if $to_end.
    sub take_body ($self, $head, $to_end) {
        return $self->take_chunks if $head =~ /^Transfer-Encoding: chunked\r$/mi;
        return $self->take($1) if $head =~ /^Content-Length: (\d+)\r$/mi;
        return '' unless $to_end;
        1 while $self->more;
        return substr $self->{buffer}, 0, length $self->{buffer}, '';
    }

    # As a client: the response. Headers are lists by the name in small letters.
    sub response ($self) {
        my $head = $self->take_head;
        $head = $self->take_head while $head =~ m{\AHTTP/1\.1 1};
        my ($status) = $head =~ m{\AHTTP/1\.[01] (\d+)};
        my $bodiless = $status == 204 || $status == 304;
        my %headers;
        push $headers{ lc $1 }->@*, $2 while $head =~ /^([^\s:]+): *(.*?)\r$/mg;
        return { status => $status, head => $head, headers => \%headers,
                 body => $bodiless ? '' : $self->take_body($head, 1) };
    }

    # As a client of HTTP/2: the next stream that gets a response, and whether that is a 200.
    sub h2_response ($self) {
        while (1) {
            my ($length, $type, $flags, $stream) = unpack 'N C C N', "\0" . $self->take(9);
            my $payload = $self->take($length);
            croak 'HTTP/2: GOAWAY' if $type == 7;
            # After an update of the table's size: the indexed field ":status: 200".
            return ($stream, $payload =~ /\A[\x20-\x3f]*\x88/ ? 1 : 0) if $type == 1;
        }
    }

    # As an upstream: what was asked.
    sub head ($self) { return $self->{head} }
    sub line ($self) { return $self->{head} =~ s/\r\n.*//sr }
    sub body ($self) { return $self->take_body($self->{head}, 0) }

    sub answer ($self, $status, $body, @lines) {
        my $length = length $body;
        $self->send(join "\r\n", "HTTP/1.1 $status Any", "Content-Length: $length", @lines, '', $body);
        return $self->leave;
    }

    # Whether the other side has closed the connection, or does so soon.
    sub is_left ($self) {
        my $select = IO::Select->new($self->{socket});
        while ($select->can_read($patience)) {
            return 1 unless sysread $self->{socket}, my $rest, 65536;
        }
        return 0;
    }

    sub leave ($self) {
        close $self->{socket};
        waitpid $self->{sender}, 0 if $self->{sender};
        return;
    }
}

1;
