package Gatehouse::Attempts;

# Blocks of Test::Nginx that code writes: hundreds of tokens against one
# configuration, each named, each judged on its own.
#
#   use Gatehouse::Test 'jwt';
#   use Gatehouse::Attempts;
#   my $rs = gate('/rs', 'auth_jwt_key_file $TEST_NGINX_KEYS/rsa.jwks;');
#   accepted('RS256', '/rs', $token);
#   rejected('RS256: cut', '/rs', cut_signature($token), 'signature is invalid');
#   run_attempts($rs);
#
# accepted: status 200, and nothing of a rejection in the log. rejected: status
# 401, one challenge with error="invalid_token" that is the same for every
# reason, and exactly one message in the log, the reason. The realm is "gate".
# Further sections may follow: request => "GET /other", more_headers => "A: b",
# where no token is given.

use v5.36;
use Carp 'croak';
use Gatehouse::Jose ();
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Test ();
use parent 'Exporter';

our @EXPORT = qw(gate accepted rejected attempt run_attempts);

# One nginx for all blocks, as their configuration is the same. What a request
# logs is written before it is answered, so there is nothing to wait for.
$Test::Nginx::Util::ForceRestartOnTest = 0;
$Test::Nginx::Util::TestNginxSleep     = 0.001;

my @blocks;

# A protected location with a file in it: an exact one, or "~ PATTERN".
sub gate ($uri, @directives) {
    my $match = $uri =~ m{^/} ? "= $uri" : $uri;
    return join "\n    ", "location $match {", 'auth_jwt gate;', @directives, "try_files /index.html =404;\n}\n";
}

# A block with a token, unless it is undef, in the Authorization header.
sub attempt ($name, $uri, $token, %sections) {
    if (defined $token) {
        $sections{secret} = join ' ', map { substr $_, 0, 24 } grep { length >= 12 } Gatehouse::Jose::parts($token);
        $sections{more_headers} = "Authorization: Bearer $token\n" . ($sections{more_headers} // '');
    }
    push @blocks, { name => $name, request => "GET $uri", %sections };
    return;
}

sub section ($name, $text) {
    return $text =~ /\n/ ? "--- $name\n$text\n" : "--- $name: $text\n";
}

sub accepted ($name, $uri, $token, %sections) {
    return attempt($name, $uri, $token, error_code => 200, judged => 'yes', %sections);
}

sub rejected ($name, $uri, $token, $reason, %sections) {
    return attempt($name, $uri, $token, error_code => 401, judged => $reason,
        response_headers => 'WWW-Authenticate: Bearer realm="gate", error="invalid_token"', %sections);
}

# Test::Nginx compares patterns with what one request logged; sections that code
# writes are plain text, so the pattern is put in here. Messages about keys in a
# file that is read at run time are not about the token.
sub expect_message ($block) {
    defined(my $reason = $block->judged) or return;
    # What earlier blocks made the same nginx log. It appends, whatever the size.
    truncate $Test::Nginx::Util::ErrLogFile, 0;
    $block->set_value(grep_error_log     => qr/auth_jwt: (?!key ).*?(?=, client: )/);
    $block->set_value(grep_error_log_out => $reason eq 'yes' ? '' : "auth_jwt: rejected: $reason\n");
    return;
}

# conceal() is for some tokens per file: with thousands, its search would take most of the time.
sub check_secret ($block) {
    my @secret = split ' ', $block->secret // return;
    my $log    = slurp($Test::Nginx::Util::ErrLogFile);
    my @shown  = grep { index($log, $_) >= 0 } @secret;
    Test::More::ok(!@shown, $block->name . ' - the log does not show the token');
    return;
}

# What goes into the server block, and before it.
sub run_attempts ($server, $http = '') {
    croak 'nothing to run' unless @blocks;
    my %common = (config => $server, http_config => $http);
    for my $block (@blocks) {
        my $name = delete $block->{name};
        my %all  = (%common, %$block);
        $block = "=== $name\n" . join '', map { section($_, $all{$_}) } sort keys %all;
    }
    Test::Base::spec_string(join "\n", @blocks);
    return Test::Nginx::Util::run_tests();
}

Test::Nginx::Util::add_block_preprocessor(sub ($block) { expect_message($block) });
Test::Nginx::Util::add_test_cleanup_handler(sub ($block) { check_secret($block) });

1;
