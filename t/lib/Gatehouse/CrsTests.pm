package Gatehouse::CrsTests;

# The regression tests of the OWASP Core Rule Set as data: what to send, octet by octet, and what
# has to come of it. Reads the YAML of release 3.3 and that of 4, which differ in their layout.
#
#   for my $test (crs_tests("$checkout/tests/regression")) {
#       for my $stage ($test->{stages}->@*) {
#           my $answer = send_somewhere($stage->{request});
#           my @reasons = differences($stage->{expected}, $answer, $what_was_logged);
#       }
#   }
#
# A test is { title => '942100-1', file => '...yaml', stages => [...] }.

use v5.36;
use Carp 'croak';
use Exporter 'import';
use File::Find 'find';
use Gatehouse::Jose::Keys 'slurp';
use MIME::Base64 'decode_base64';
use YAML::XS ();

our @EXPORT_OK = qw(crs_tests read_tests differences);

my $form = 'application/x-www-form-urlencoded';

# Of all files below a directory, whether `enabled` or not. In a checkout of version 4 there are
# settings of other tools beside its folder "tests".
sub crs_tests ($directory) {
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && /\.ya?ml\z/ } },
        -d "$directory/tests" ? "$directory/tests" : $directory);
    return map { read_tests(slurp($_), $_) } sort @files;
}

# Of the text of one file. Without a title, tests are numbered by test_id or by their position.
sub read_tests ($yaml, $file) {
    my $data = YAML::XS::Load($yaml);
    my $tests = ref $data eq 'HASH' ? $data->{tests} : undef;
    croak "$file: no tests" unless ref $tests eq 'ARRAY';
    my ($number, @tests) = (0);
    for my $test (@$tests) {
        $number++;
        my $title = $test->{test_title} // join '-', $data->{rule_id} // croak("$file: no rule_id"),
            $test->{test_id} // $number;
        croak "$file: $title: no stages" unless ref $test->{stages} eq 'ARRAY';
        # Before version 4, a stage is wrapped once more.
        my @stages = map { stage($_->{stage} // $_) } $test->{stages}->@*;
        push @tests, { title => $title, file => $file, stages => \@stages };
    }
    return @tests;
}

# What depends on the stage before, or needs more of the application, cannot be run.
sub stage ($stage) {
    my $input = $stage->{input} // {};
    return {
        request     => request($input),
        expected    => expected($stage->{output} // {}),
        unsupported => [grep { $input->{$_} } qw(follow_redirect save_cookie response)],
    };
}

# Octets. What is sent verbatim may be anything but HTTP.
sub request ($input) {
    return decode_base64($input->{encoded_request}) if defined $input->{encoded_request};
    return octets($input->{raw_request}) if defined $input->{raw_request};

    my $method  = $input->{method} // 'GET';
    my @headers = headers($input);
    my $body    = body($input);
    my $magic   = !$input->{stop_magic} && ($input->{autocomplete_headers} // 1);

    my ($type) = map { $_->[1] } grep { lc $_->[0] eq 'content-type' } @headers;
    if ($magic && length $body) {
        push @headers, ['Content-Type', $type = $form] unless defined $type;
        $body = escaped_form($body) if $type eq $form;
    }
    # The project's own tool does it, too, with line ends that are CRLF already.
    $body =~ s/\n/\r\n/g if ($type // '') =~ m{^multipart/form-data;};
    push @headers, framing($method, $body, @headers) if $magic;

    return join "\r\n", octets(join ' ', $method, $input->{uri} // '/', $input->{version} // 'HTTP/1.1'),
        map({ octets("$_->[0]: $_->[1]") } @headers), '', $body;
}

sub octets ($text) {
    utf8::encode($text);
    return $text;
}

# A YAML map has no order: names are sorted, so that every run sends the same.
sub headers ($input) {
    return map { [$_->{name}, $_->{value} // ''] } $input->{ordered_headers}->@* if $input->{ordered_headers};
    my $headers = $input->{headers} // {};
    return map { [$_, $headers->{$_} // ''] } sort keys %$headers;
}

sub body ($input) {
    return decode_base64($input->{encoded_data}) if defined $input->{encoded_data};
    my $data = $input->{data} // '';
    return octets(ref $data ? join "\r\n", map { $_ // '' } @$data : $data);
}

# The headers that say where the request ends, if they are not given.
sub framing ($method, $body, @headers) {
    my %given = map { (lc $_->[0] => 1) } @headers;
    my $has_body = length $body || $method =~ /^(?:POST|PUT|PATCH|DELETE)$/;
    return (
        $given{connection} ? () : ['Connection', 'close'],
        $given{'content-length'} || !$has_body ? () : ['Content-Length', length $body],
    );
}

# What unescaping would not change is as its author has typed it.
sub escaped_form ($body) {
    return $body if $body =~ /[%+]/;
    return join '&', map { join '=', map { escaped($_) } split /=/, $_, 2 } split /&/, $body, -1;
}

sub escaped ($text) {
    return $text =~ s/([^A-Za-z0-9_.~ -])/sprintf '%%%02X', ord $1/ger =~ tr/ /+/r;
}

# What must be in the log, and what must not, as [pattern, name]; the statuses that are right; what
# the response must contain; whether there must be none at all.
sub expected ($output) {
    my $log = $output->{log} // {};
    return {
        logged => [
            (map { contains($_) } $output->{log_contains} // ()),
            (map { [qr/\bid "\Q$_\E"/, $_] } $log->{expect_ids} ? $log->{expect_ids}->@* : ()),
            (map { [qr/$_/, $_] } $log->{match_regex} // ()),
        ],
        not_logged => [
            (map { contains($_) } $output->{no_log_contains} // ()),
            (map { [qr/\bid "\Q$_\E"/, $_] } $log->{no_expect_ids} ? $log->{no_expect_ids}->@* : ()),
            (map { [qr/$_/, $_] } $log->{no_match_regex} // ()),
        ],
        status => [map { ref ? @$_ : $_ } $output->{status} // ()],
        text   => $output->{response_contains},
        error  => $output->{expect_error},
    };
}

sub contains ($text) { return [qr/\Q$text\E/, $text =~ /(\d+)/ ? $1 : $text] }

# Where other servers refuse a request in one of several ways, nginx does not understand it.
sub status_due (@due) {
    return @due > 1 && !grep({ $_ < 400 } @due) ? (@due, 400) : @due;
}

# Why a stage has not ended as it should: nothing if it has. `$answer` is what came back, and not
# even a status line if the server has refused to talk.
sub differences ($expected, $answer, $log) {
    my ($status) = $answer =~ m{\AHTTP/\d\.\d (\d{3})\b};
    return defined $status ? "status $status, though an error is due" : () if $expected->{error};
    return 'no answer' unless defined $status;
    my @due = status_due($expected->{status}->@*);
    return (
        map({ "$_->[1] did not trigger" } grep { $log !~ $_->[0] } $expected->{logged}->@*),
        map({ "$_->[1] triggered" } grep { $log =~ $_->[0] } $expected->{not_logged}->@*),
        @due && !grep({ $_ == $status } @due)
            ? "status $status not in [@{[join ', ', $expected->{status}->@*]}]" : (),
        defined $expected->{text} && index($answer, octets($expected->{text})) < 0 ? 'text not in response' : (),
    );
}

1;
