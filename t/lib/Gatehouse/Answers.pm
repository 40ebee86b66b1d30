package Gatehouse::Answers;

# An upstream, a process of its own, whose answers are as each request asks for in its arguments,
# and a client that tells what has come of them.
#
#   my $answers = Gatehouse::Answers->new;
#   my $waf = Gatehouse::Waf->new("location / { proxy_pass http://127.0.0.1:@{[$answers->port]}; }");
#   my $got = fetch($waf, "/?size=16000&framing=chunked&refuse=yes", gzip => 1);
#   is_deeply [@$got{qw(status whole body)}], [200, 1, body(16000)];
#
# Arguments: size=0 of the body; framing=length (the default), chunked or close; late=yes, the last
# octet and the end come after a while; refuse=yes, a field X-Refuse; pad=yes, a long header;
# end=close, reset or silence after half of the body; packed=yes, compressed; text=..., all of the
# body; type=..., Content-Type, percent-encoded, text/html otherwise; bare=yes, none.
#
# `whole`: the response says that it is complete; undef: it ends with its connection, and says
# nothing. `closed`: nothing can follow it.

use v5.36;
use Carp 'croak';
use Compress::Zlib qw(memGzip);
use Exporter 'import';
use Gatehouse::Wire ();
use IO::Socket::INET ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(body fetch fetch_h2 inflated);

sub new ($class) {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64) or croak "listen: $@";
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
        while (my $peer = $socket->accept) {
            serve($peer) if !fork;
            close $peer;
        }
        POSIX::_exit(0);
    }
    return bless { port => $socket->sockport, pid => $pid }, $class;
}

sub port ($self) { return $self->{port} }

sub DESTROY ($self) {
    kill KILL => $self->{pid};
    return;
}

# No part of it is like another one.
my $text = join ' ', 1 .. 200_000;
sub body ($size) { return substr $text, 0, $size }

sub serve ($peer) {
    my $head = '';
    sysread $peer, $head, 4096, length $head or POSIX::_exit(0) while $head !~ /\r\n\r\n/;
    my %asked = (size => 0, framing => 'length', end => '', type => 'text/html', $head =~ /[?&](\w+)=([^&\s]*)/g);
    my $body = $asked{text} // body($asked{size});
    $body = memGzip($body) if $asked{packed};
    my $tail = $asked{late} ? substr $body, -1, 1, '' : '';
    my @fields = $asked{bare} ? () : 'Content-Type: ' . $asked{type} =~ s/%(..)/chr hex $1/ger;
    push @fields, 'Content-Length: ' . length "$body$tail" if $asked{framing} eq 'length';
    push @fields, 'Transfer-Encoding: chunked' if $asked{framing} eq 'chunked';
    push @fields, 'X-Refuse: yes' if $asked{refuse};
    push @fields, 'Content-Encoding: gzip' if $asked{packed};
    push @fields, 'X-Pad: ' . 'x' x 3000 if $asked{pad};
    my $piece = sub ($text) {
        return $asked{framing} ne 'chunked' || $text eq '' ? $text : sprintf "%x\r\n%s\r\n", length $text, $text;
    };
    my $version = $asked{framing} eq 'chunked' ? '1.1' : '1.0';
    $body = substr $body, 0, length($body) / 2 if $asked{end};
    my $first = join "\r\n", "HTTP/$version 200 OK", @fields, '', $piece->($body);
    my $last  = $piece->($tail) . ($asked{framing} eq 'chunked' ? "0\r\n\r\n" : '');
    if ($asked{late} || $asked{end}) {
        Gatehouse::Wire::Peer::send({ socket => $peer }, $first);
        sleep 0.02;
        end($peer, $asked{end}) if $asked{end};
        $first = '';
    }
    Gatehouse::Wire::Peer::send({ socket => $peer }, $first . $last);
    POSIX::_exit(0);
}

sub end ($peer, $how) {
    sysread $peer, my $nothing, 1 if $how eq 'silence';    # until nginx leaves
    setsockopt $peer, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $how eq 'reset';
    close $peer;
    POSIX::_exit(0);
}

# Options: gzip => 1; version => '1.0'; range => '0-9'.
sub fetch ($waf, $uri, %options) {
    my $version = $options{version} // '1.1';
    my @lines = ('Host: localhost', $options{gzip} ? 'Accept-Encoding: gzip' : (),
        $options{range} ? "Range: bytes=$options{range}" : ());
    my $begun  = time;
    my $client = Gatehouse::Wire::client(join("\r\n", "GET $uri HTTP/$version", @lines, '', ''), $waf->file('nginx.sock'));
    my %got = (status => 'none', whole => 0, body => '', head => '', closed => 1);
    if (my $head = eval { $client->take_head }) {
        my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
        my ($body, $whole) = read_body($client, $head);
        my $closed = $head =~ /^Connection: close\r$/m || !$whole;
        %got = (status => $status, head => $head, body => $body, whole => $whole, closed => $closed);
    }
    # Whoever has not got all of it must see the end of the connection.
    1 while $got{closed} && $client->more;
    croak "$uri: more than the response" if $client->{buffer} ne '';
    $got{time} = time - $begun;
    $client->leave;
    return \%got;
}

# The body, or what has come of it, and whether it is whole.
sub read_body ($client, $head) {
    my ($length) = $head =~ /^Content-Length: (\d+)\r$/mi;
    my $is_chunked = $head =~ /^Transfer-Encoding: chunked\r$/mi;
    my $body = '';
    while (1) {
        if ($is_chunked) {
            $body .= chunk($client) while $client->{buffer} =~ /\A([0-9a-f]+)\r\n/ && hex $1 && length $client->{buffer} >= $+[0] + 2 + hex $1;
            return ($body, 1) if $client->{buffer} =~ s/\A0\r\n\r\n//;
        } elsif (defined $length && length $client->{buffer} >= $length) {
            return (substr($client->{buffer}, 0, $length, ''), 1);
        }
        last if !$client->more;
    }
    $body .= $client->{buffer} =~ s/\A[0-9a-f]+\r\n//r if $is_chunked;
    $body = $client->{buffer} if !$is_chunked;
    $client->{buffer} = '';
    return ($body, $is_chunked || defined $length ? 0 : undef);
}

# One of which all octets are there.
sub chunk ($client) {
    my ($size) = $client->{buffer} =~ s/\A([0-9a-f]+)\r\n// ? hex $1 : 0;
    return substr substr($client->{buffer}, 0, $size + 2, ''), 0, $size;
}

# The same by HTTP/2, for a port or socket that speaks it.
sub fetch_h2 ($where, $uri) {
    my $windows = Gatehouse::Wire::h2_frame(4, 0, 0, pack 'nN', 4, 1 << 24) . Gatehouse::Wire::h2_frame(8, 0, 0, pack 'N', 1 << 24);
    my $begun  = time;
    my $client = Gatehouse::Wire::client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n$windows" . Gatehouse::Wire::h2_get(1, $uri), $where);
    my %got = (status => 'none', whole => 0, body => '', closed => 0);
    while (!$got{whole}) {
        my ($length, $type, $flags) = unpack 'N C C', "\0" . $client->take(9);
        my $payload = $client->take($length);
        $got{status} = $payload =~ /\A[\x20-\x3f]*\x88/ ? 200 : 'another' if $type == 1;
        $got{body} .= $payload if $type == 0;
        $got{whole} = 1 if $type <= 1 && $flags & 1;
        last if $type == 3 || $type == 7;
    }
    $got{time} = time - $begun;
    $client->leave;
    return \%got;
}

# Of a body in the coding gzip as much as there is.
sub inflated ($octets) {
    my $stream = Compress::Zlib::inflateInit(-WindowBits => Compress::Zlib::WANT_GZIP()) or croak 'inflate';
    my ($text) = $stream->inflate($octets);
    return $text // '';
}

1;
