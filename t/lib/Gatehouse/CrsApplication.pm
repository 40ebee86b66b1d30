package Gatehouse::CrsApplication;

# The application that tests of the Core Rule Set 4 expect behind the firewall: it answers as the
# request says, so that rules for responses have something to find. A JSON object names
#
#   status         200 by default
#   headers        an object
#   body           a string, or encodedBody, the same in base64
#
#   my $application = Gatehouse::CrsApplication->new('/dir/reflect.sock');     # a process
#   $application->stop;

use v5.36;
use Carp 'croak';
use Gatehouse::Wire 'upstream';
use IO::Select ();
use JSON::PP ();
use MIME::Base64 'decode_base64';
use POSIX ();

sub new ($class, $path) {
    my ($upstream, $parent) = (upstream($path), $$);
    my $pid = fork // croak "fork: $!";
    return bless { pid => $pid, process => $$ }, $class if $pid;
    $SIG{PIPE} = 'IGNORE';
    my $waiting = IO::Select->new($upstream->{socket});
    while (getppid() == $parent) {
        eval { serve($upstream->next_request) } if $waiting->can_read(1);
    }
    POSIX::_exit(0);
}

sub serve ($asked) {
    my $text = $asked->body;
    my $wish = eval { JSON::PP->new->utf8->decode($text) };
    return $asked->answer(400, '', 'Connection: close') unless ref $wish eq 'HASH';

    my $body = $wish->{body} // '';
    utf8::encode($body);
    $body = decode_base64($wish->{encodedBody}) if defined $wish->{encodedBody};
    my %headers = ('Content-Type' => 'text/plain', %{ $wish->{headers} // {} });
    my @lines = map { "$_: $headers{$_}" } sort keys %headers;
    utf8::encode($_) for @lines;
    return $asked->answer($wish->{status} // 200, $body, 'Connection: close', @lines);
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->stop if $self->{process} == $$;
    return;
}

1;
