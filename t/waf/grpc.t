# gRPC (grpc_pass): a call in which both sides speak in turn goes through where the rules do not want
# the body; the usual connector waits for the end of a body that goes on after the first answer.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(upstream client h2_start);
use Test::More;

my $server = <<'END';
listen unix:$PREFIX/http2.sock http2;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_HEADERS:X-Attack "@streq yes" "id:1,phase:1,deny"';
location = /fence { return 204; }
location /off/    { modsecurity off; grpc_pass grpc://unix:$PREFIX/grpc.sock; }
location /access/ { modsecurity_rules 'SecRequestBodyAccess Off'; grpc_pass grpc://unix:$PREFIX/grpc.sock; }
location /read/   { grpc_pass grpc://unix:$PREFIX/grpc.sock; }
END

# RFC 9113: the types of frames and the flags that matter here.
my %type = (DATA => 0, HEADERS => 1, SETTINGS => 4);
my ($END_STREAM, $END_HEADERS) = (0x1, 0x4);
my $indexed_status_200 = "\x88";

sub frame ($type, $flags, $payload) { return Gatehouse::Wire::h2_frame($type{$type}, $flags, 1, $payload) }

sub fields (@fields) {
    return join '', map { ("\0", map { Gatehouse::Wire::h2_string($_) } @$_) } @fields;
}

# A message with the prefix of gRPC: not compressed, its length.
sub message ($text) { return pack('CN', 0, length $text) . $text }

# The next frame of that type.
sub take_frame ($peer, $wanted) {
    while (1) {
        my ($length, $type, $flags) = unpack 'N C C N', "\0" . $peer->take(9);
        my $payload = $peer->take($length);
        return ($payload, $flags) if $type == $type{$wanted};
        die "frame of type $type" if $type == 3 || $type == 7;    # RST_STREAM, GOAWAY
    }
}

# So many octets of messages; none: up to the end of the stream.
sub take_messages ($peer, $length = undef) {
    my ($messages, $end) = ('', 0);
    until (defined $length ? length $messages >= $length : $end) {
        my ($payload, $flags) = take_frame($peer, 'DATA');
        $messages .= $payload;
        $end = $flags & $END_STREAM;
    }
    return $messages;
}

sub begin ($waf, $path, @more) {
    my @fields = ([':method', 'POST'], [':scheme', 'http'], [':path', $path], [':authority', 'localhost'],
        ['content-type', 'application/grpc'], ['te', 'trailers'], @more);
    return client(h2_start() . frame('HEADERS', $END_HEADERS, fields(@fields)), $waf->file('http2.sock'));
}

# The upstream's side of a connection that nginx has opened.
sub accept_call ($upstream) {
    my $peer = $upstream->next_request;    # the first half of the preface looks like a header
    $peer->take(length "SM\r\n\r\n");
    $peer->send(Gatehouse::Wire::h2_frame($type{SETTINGS}, 0, 0, ''));
    take_frame($peer, 'HEADERS');
    return $peer;
}

# A question, an answer, another question, another answer. If the first question is held, there is no
# answer before the last one.
sub call ($waf, $upstream, $path) {
    my $client = begin($waf, $path)->send(frame('DATA', 0, message('one?')));
    $waf->status('/fence');
    my $held = $upstream->nobody_waits;
    my $peer = $held ? undef : accept_call($upstream);
    my $head = frame('HEADERS', $END_HEADERS, $indexed_status_200 . fields(['content-type', 'application/grpc']));
    my $asks = message('two?');
    if ($held) {
        $asks = message('one?') . $asks;
    } else {
        is take_messages($peer, length message('one?')), message('one?'), "$path: first question";
        $peer->send($head . frame('DATA', 0, message('one!')));
        take_frame($client, 'HEADERS');
        is take_messages($client, length message('one!')), message('one!'), "$path: first answer";
        $head = '';
    }
    $client->send(frame('DATA', $END_STREAM, message('two?')));
    $peer //= accept_call($upstream);
    is take_messages($peer), $asks, "$path: all questions";
    $peer->send($head . frame('DATA', 0, message('two!'))
            . frame('HEADERS', $END_HEADERS | $END_STREAM, fields(['grpc-status', '0'])));
    take_frame($client, 'HEADERS') if $held;
    is take_messages($client, length message('two!')), message('two!'), "$path: last answer";
    my (undef, $flags) = take_frame($client, 'HEADERS');
    ok $flags & $END_STREAM, "$path: trailers";
    $_->leave for $client, $peer;
    return $held ? 'held' : 'streamed';
}

my %due = (
    module    => { '/off/' => 'streamed', '/access/' => 'streamed', '/read/' => 'held' },
    connector => { '/off/' => 'streamed', '/access/' => 'held', '/read/' => 'held' },
);

for my $waf (Gatehouse::Waf->beside($server)) {
    subtest $waf->name => sub {
        my $upstream = upstream($waf->file('grpc.sock'));
        my $due      = $due{ $waf->name };
        for my $path (sort keys %$due) {
            is call($waf, $upstream, $path), $due->{$path}, $path;
        }
        my $client = begin($waf, '/access/', ['x-attack', 'yes']);
        is_deeply [$client->h2_response], [1, 0], 'headers are inspected';
        $client->leave;
        is $waf->stop, 0, 'nginx ends';
        is_deeply [$waf->complaints], [], 'without harm';
    };
}

done_testing;
