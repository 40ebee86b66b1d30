package Gatehouse::Redis::Resp;

# RESP2, the protocol of Redis, in plain Perl values, independent of the code under test.
#
#   command_octets('SET', 'k', 'v')         # "*3\r\n$3\r\nSET\r\n..."
#   reply_octets([1, 'text', undef, [2]])   # "*4\r\n:1\r\n$4\r\ntext\r\n$-1\r\n*1\r\n:2\r\n"
#   my ($value, $next) = decode(\$buffer, $at) or wait for more
#
# A nil is undef, a status a string, an error a Gatehouse::Redis::Error, wherever it stands.

use v5.36;
use Carp 'croak';
use Exporter 'import';

our @EXPORT_OK = qw(command_octets reply_octets decode);

package Gatehouse::Redis::Error {
    use v5.36;
    use overload '""' => sub ($self, @) { return $$self }, fallback => 1;
    sub new ($class, $text) { return bless \$text, $class }
}

sub bulk ($octets) { return sprintf "\$%d\r\n%s\r\n", length $octets, $octets }

sub command_octets (@words) {
    return join '', '*', scalar @words, "\r\n", map { bulk($_) } @words;
}

# What looks like an integer becomes one. \'OK' is a status.
sub reply_octets ($value) {
    return "\$-1\r\n" unless defined $value;
    return '-' . $value . "\r\n" if ref $value eq 'Gatehouse::Redis::Error';
    return "+$$value\r\n" if ref $value eq 'SCALAR';
    return join '', '*', scalar @$value, "\r\n", map { reply_octets($_) } @$value if ref $value;
    return $value =~ /\A-?\d{1,18}\z/ ? ":$value\r\n" : bulk($value);
}

# The value at offset $at and the offset behind it; nothing if the buffer ends before.
sub decode ($buffer, $at = 0) {
    my $end = index $$buffer, "\r\n", $at;
    return if $end < 0;
    my ($type, $rest) = unpack 'a1 a*', substr $$buffer, $at, $end - $at;
    my $next = $end + 2;
    return ($rest, $next) if $type eq '+' || $type eq ':';
    return (Gatehouse::Redis::Error->new($rest), $next) if $type eq '-';
    croak "no RESP2: \"$type$rest\"" unless $type =~ /[\$*]/ && $rest =~ /\A(?:-1|\d+)\z/;
    return (undef, $next) if $rest < 0;
    if ($type eq '$') {
        return if length $$buffer < $next + $rest + 2;
        return (substr($$buffer, $next, $rest), $next + $rest + 2);
    }
    my @values;
    while (@values < $rest) {
        my @one = decode($buffer, $next) or return;
        push @values, $one[0];
        $next = $one[1];
    }
    return (\@values, $next);
}

1;
