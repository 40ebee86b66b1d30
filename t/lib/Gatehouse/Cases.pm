package Gatehouse::Cases;

# Tables of requests for Test::Nginx blocks, where one configuration answers
# many questions. Needs Gatehouse::Test.
#
#   --- cases
#   # what is asked for  token  status  what the log says about it
#   /scope               READ   200
#   POST /scope          WRITE  403     scope is insufficient
#   /scope               -      401     token is missing
#   do rotate_keys
#   /dynamic?f=gone      READ   500     key file: open() "$TEST_NGINX_KEYS/gone" failed
#   --- log
#   1  [warn] auth_jwt: key 2 skipped
#   0  [error]
#
# Each line of cases is a request of its own connection, in this order. A token
# is the NAME of one or "-" for none. "do NAME" calls ::NAME() between two
# requests; "do NAME logs TEXT" expects a message to come of that, "logs 3x
# TEXT" three of them. The last column is how a message of the module about the
# request begins, a rejection or an [error]: the log must have exactly these
# messages and no other, so that a refusal that logs twice, or not at all, is
# found.
#
# log, with or without cases: in how many lines of the error log, after the
# last request, a text is found. Process and connection numbers are taken out.

use v5.36;
use Carp 'croak';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Test ();
use Test::More ();

my %actions;    # of the block that runs: what follows the request of an index

sub prepare ($block) {
    %actions = ();
    my $text = $block->cases // return;
    my (@request, @headers, @status, @logged);
    for my $line (grep { /^\s*[^#\s]/ } split /\n/, $text) {
        if ($line =~ /^\s*do\s+(\w+)(?:\s+logs\s+(?:(\d+)x\s+)?(\S.*?))?\s*$/) {
            push $actions{$#request}->@*, main->can($1) // croak "no sub $1 to do";
            push @logged, ($3) x ($2 // 1) if defined $3;
            next;
        }
        $line =~ /^\s*(?:([A-Z]+)\s+)?(\/\S*)\s+([A-Z0-9_]+|-)\s+(\d{3})(?:\s+(\S.*?))?\s*$/
            or croak $block->name . ": --- cases: $line";
        my ($method, $uri, $token, $status, $reason) = ($1 // 'GET', $2, $3, $4, $5);
        push @request, "$method $uri";
        push @headers, $token eq '-' ? '' : Gatehouse::Test::bearer($token);
        push @status,  $status;
        push @logged,  $reason if defined $reason;
    }
    $block->set_value(request      => \@request);
    $block->set_value(more_headers => \@headers);
    $block->set_value(error_code   => \@status);
    $block->set_value(cases        => \@logged);
    return;
}

sub expand ($text) {
    return $text =~ s/\$(TEST_NGINX_\w+)/$ENV{$1} \/\/ croak "no \$$1"/ger;
}

# Each message begins as it should, and they are as many.
sub check_messages ($name, $expected, $log) {
    my @logged = $log
        =~ /(?|auth_jwt: rejected(?:, dry run)?: (.*?), client: |\[error\] auth_jwt: (.*?), client: )/g;
    my @begin = map { substr $logged[$_], 0, length($expected->[$_] // $logged[$_]) } keys @logged;
    return Test::More::is_deeply(\@begin, $expected, "$name - each refusal is logged, once")
        || Test::More::diag(join "\n", 'logged:', @logged);
}

sub check_lines ($name, $table, $log) {
    for my $line (grep { /\S/ } split /\n/, $table) {
        my ($count, $text) = $line =~ /^\s*(\d+)\s+(\S.*?)\s*$/ or croak "$name: --- log: $line";
        my @lines = grep { index($_, $text) >= 0 } split /\n/, $log;
        Test::More::is(scalar @lines, $count, "$name - log: $text")
            or Test::More::diag($log);
    }
    return;
}

sub check ($block) {
    return if defined $block->SKIP || !defined($block->cases // $block->log);
    my $path = $Test::Nginx::Util::ErrLogFile;
    my $log  = -e $path ? slurp($path) =~ s/^(\S+ \S+ \[\w+\]) \d+#\d+: (?:\*\d+ )?/$1 /gmr : '';
    check_messages($block->name, [map { expand($_) } $block->cases->@*], $log) if $block->cases;
    check_lines($block->name, expand($block->log), $log) if $block->log;
    return;
}

Test::Nginx::Util::add_block_preprocessor(\&prepare);
Test::Nginx::Util::add_test_cleanup_handler(\&check);
Test::Nginx::Socket::add_response_body_check(
    sub ($block, $body, $index, @) { $_->() for ($actions{$index} // [])->@* });

1;
