package Gatehouse::Recorder;

# What reaches an upstream of the octets that a client sends, with the WAF in between and without.
#
#   my $recorder = Gatehouse::Recorder->new($rules, %options);
#   my $seen = $recorder->through(off => "GET /?q=bad HTTP/1.1\r\n...");    # without the WAF
#   is $seen->{status}, 200;
#   is $seen->{line}, 'GET /?q=bad HTTP/1.1';                               # and fields, and body
#   is $recorder->through(on => ...)->{line}, undef;                        # nothing has come
#
# Sockets: on, off, and for HTTP/2 on2, off2. What is between $rules and the upstream is a server
# with that text in it; options are those of Gatehouse::Waf.

use v5.36;
use Exporter 'import';
use Gatehouse::Waf ();
use Gatehouse::Wire qw(upstream client h2_start);
use IO::Select ();

our @EXPORT_OK = qw(request h2_request);

sub new ($class, $server, %options) {
    my $pass = 'location / { proxy_pass http://unix:$PREFIX/recorder.sock; proxy_http_version 1.1; }';
    my $http = "server {\nlisten unix:\$PREFIX/off.sock;\nlisten unix:\$PREFIX/off2.sock http2;\n$pass\n}";
    my $waf = Gatehouse::Waf->new("listen unix:\$PREFIX/on.sock;\nlisten unix:\$PREFIX/on2.sock http2;\n$server\n$pass",
        %options, http => $http);
    return bless { waf => $waf, upstream => upstream($waf->file('recorder.sock')) }, $class;
}

sub waf ($self) { return $self->{waf} }

# The octets of a request.
sub request ($line, @lines) {
    my $body = ref $lines[-1] ? ${ pop @lines } : undef;
    push @lines, 'Content-Length: ' . length $body if defined $body;
    push @lines, 'Host: localhost' unless grep { /^Host:/i } @lines;
    return join "\r\n", $line, @lines, 'Connection: close', '', $body // '';
}

# The same on HTTP/2: fields as pairs in front of the body.
sub h2_request ($method, $path, @fields) {
    my $body = ref $fields[-1] eq 'SCALAR' ? ${ pop @fields } : undef;
    my @all = ([':method', $method], [':scheme', 'http'], [':path', $path], [':authority', 'localhost'], @fields);
    my $block = join '', map { ("\0", map { Gatehouse::Wire::h2_string($_) } @$_) } @all;
    my $headers = Gatehouse::Wire::h2_frame(1, defined $body ? 0x4 : 0x5, 1, $block);
    return h2_start() . $headers . (defined $body ? Gatehouse::Wire::h2_frame(0, 0x1, 1, $body) : '');
}

sub through ($self, $socket, $octets) {
    my $client   = client($octets, $self->waf->file("$socket.sock"));
    my $upstream = $self->{upstream};
    my (%seen, $status);
    until (defined $status) {
        if (!%seen && !$upstream->nobody_waits) {
            my $asked = $upstream->next_request;
            %seen = (line => $asked->line, fields => $asked->head, body => $asked->body);
            $asked->answer(200, 'It works!');
        }
        if (IO::Select->new($client->{socket})->can_read(0.02)) {
            $client->more or last;
        }
        $status = $socket =~ /2$/ ? h2_status($client->{buffer}) : h1_status($client->{buffer});
    }
    $client->leave;
    return { %seen, status => $status // 'cut' };
}

# 1xx are not the answer.
sub h1_status ($octets) {
    my ($status) = $octets =~ m{\A(?:HTTP/1\.1 1.*?\r\n\r\n)*HTTP/1\.1 ([2-5]\d\d)}s;
    return $status;
}

# RFC 7541: :status is an entry of the static table or a literal behind the name of one.
sub h2_status ($frames) {
    while (length $frames >= 9) {
        my ($length, $type) = unpack 'N C', "\0" . $frames;
        return if length $frames < 9 + $length;
        my $payload = substr $frames, 9, $length;
        return $type == 3 ? 'reset' : 'closed' if $type == 3 || $type == 7;
        if ($type == 1) {
            my %static = ("\x88" => 200, "\x8c" => 400, "\x8d" => 404, "\x8e" => 500);
            my ($first, $literal) = $payload =~ /\A[\x20-\x3f]*(.)(?:\x03(\d{3}))?/s;
            return $static{$first} // $literal;
        }
        substr $frames, 0, 9 + $length, '';
    }
    return;
}

sub stop ($self) { return $self->waf->stop }

1;
