package Gatehouse::Test;

# Test::Nginx::Socket as the integration tests use it.
#
#   use Gatehouse::Test 'jwt';      # loads ngx_http_gatehouse_jwt_module.so
#   key_file('rsa.jwks', jwks('rsa'));
#   token(GOOD => (alg => 'RS256', claims => { sub => 'alice' }));
#   run_tests();
#   __DATA__
#   === TEST 1: ...
#   --- config
#       location = /t {
#           auth_jwt "site";
#           auth_jwt_key_file $TEST_NGINX_KEYS/rsa.jwks;
#           try_files /index.html =404;
#       }
#   --- token: GOOD
#
# It adds to Test::Nginx:
#   - `--- token: NAME` sends that token as a bearer token; $TEST_NGINX_TOKEN_NAME
#     stands for it in every section; the request is GET /t unless given;
#   - after each block, whatever it tests: no part of a token and nothing given
#     to conceal() is in the error log, and nothing above [error] is, except
#     what `--- error_log` asks for (a `--- must_die` block may say anything);
#   - when nginx stops, it leaves no connection open ("open socket left");
#   - a random locked port and a directory of its own for each test file, so
#     that files run side by side.
#
# Code in `eval` sections runs outside of package main: ::bearer('GOOD').
# Modules are taken from $TEST_NGINX_GATEHOUSE_MODULES, out/modules by default.

use v5.36;
use Carp 'croak';
use Cwd ();
use File::Basename 'dirname';
use File::Path 'make_path';
use File::Temp ();
use parent 'Exporter';
use Gatehouse::Jose ();
use Gatehouse::Jose::Keys qw(spew test_dir);

our @EXPORT = qw(key_file token bearer conceal leaks);

my $files = File::Temp->newdir('files-XXXXXX', DIR => test_dir());
chmod 0755, "$files" or croak "chmod $files: $!";

# Test::Nginx reads its settings, and the current directory, while it loads.
# The server root goes below the test directory: workers that have dropped root
# need not be able to reach the source tree.
BEGIN {
    $ENV{TEST_NGINX_RANDOMIZE} //= 1 unless $ENV{TEST_NGINX_PORT} || $ENV{TEST_NGINX_SERVER_PORT};
    $ENV{TEST_NGINX_LOG_LEVEL} //= 'info';
    my $start = Cwd::getcwd();
    make_path(test_dir() . '/t');
    chdir test_dir() or croak 'chdir ' . test_dir() . ": $!";
    require Test::Nginx::Socket;
    chdir $start or croak "chdir $start: $!";
}

$ENV{TEST_NGINX_KEYS} = "$files";
$ENV{TEST_NGINX_GATEHOUSE_MODULES} //= Cwd::abs_path(dirname(__FILE__) . '/../../..') . '/out/modules';

sub import {
    my ($class, @modules) = @_;
    $Test::Nginx::Util::LoadModules = join ' ', $Test::Nginx::Util::LoadModules // (),
        map { "$ENV{TEST_NGINX_GATEHOUSE_MODULES}/ngx_http_gatehouse_${_}_module.so" } @modules;

    $class->export_to_level(1, $class);
    @_ = ('Test::Nginx::Socket', 'no_plan');
    goto &{ Test::Nginx::Socket->can('import') };
}

# Writes a file into $TEST_NGINX_KEYS and returns its path.
sub key_file ($name, $content) {
    return spew("$files/$name", $content);
}

my @concealed;

# Makes a token known as NAME: from the arguments of jwt(), or a finished one.
sub token ($name, @args) {
    croak "token name \"$name\": only A-Z, 0-9 and _" unless $name =~ /\A[A-Z0-9_]+\z/;
    my $token = @args == 1 ? $args[0] : Gatehouse::Jose::jwt(@args);
    conceal(grep { defined } (Gatehouse::Jose::parts($token))[1 .. 4]);
    return $ENV{"TEST_NGINX_TOKEN_$name"} = $token;
}

# A request header line; $token as it is or the NAME of one.
sub bearer ($token) {
    return 'Authorization: Bearer ' . ($ENV{"TEST_NGINX_TOKEN_$token"} // $token);
}

# Strings that no log may show. nginx cuts long lines: their beginnings count.
sub conceal (@strings) {
    push @concealed, map { substr $_, 0, 24 } grep { length >= 12 } @strings;
    return;
}

# What nginx itself adds to a line or says about a client's bytes.
my $BY_NGINX = qr/
    , \s (?: request | subrequest | upstream | referrer ) : \s "[^"]*(?:"|$)
  | \[debug\] .*
  | client \s sent \s (?: too \s long | invalid ) \s header \s line .*
/x;

# The lines of a log that show a token, registered or not, or a secret.
sub leaks ($log) {
    my $pattern = join '|', 'eyJ[A-Za-z0-9_-]{16}', map { quotemeta } @concealed;
    return grep { s/$BY_NGINX//gr =~ /$pattern/ } split /\n/, $log;
}

sub alarms ($block, $log) {
    return if defined $block->must_die;
    my @expected = map { ref eq 'ARRAY' ? @$_ : $_ } $block->error_log // ();
    my @lines = grep { /\[(?:alert|crit|emerg)\]/ } split /\n/, $log;
    for my $expected (map { ref ? $_ : map { quotemeta } split /\n+/ } @expected) {
        @lines = grep { !/$expected/ } @lines;
    }
    return @lines;
}

sub prepare ($block) {
    refuse_eval_errors($block);
    $block->set_value(request => 'GET /t')
        unless defined $block->request || $block->raw_request || $block->pipelined_requests;
    if (defined(my $name = $block->token)) {
        my $more = $block->more_headers // '';
        croak $block->name . ': --- token goes with one set of headers' if ref $more;
        $block->set_value(more_headers => "Authorization: Bearer \$TEST_NGINX_TOKEN_$name\n$more");
    }
    for my $section (qw(request raw_request more_headers response_headers error_log no_error_log)) {
        my $value = $block->$section // next;
        $block->set_value($section => expand($value));
    }

    pretend_version($block);
    $block->set_value(suppress_stderr => 1) if defined $block->must_die;
    $block->set_value(no_shutdown_error_log => '[alert]')
        unless defined $block->no_shutdown_error_log || defined $block->must_die;
    return;
}

# Test::Nginx writes "http2 on;" for any nginx from 1.19.9, but the directive
# came with 1.25.1. An HTTP/2 block on a version between sees an older one.
sub pretend_version ($block) {
    state $real = $Test::Nginx::Util::NginxVersion;
    my $between = $real >= 1.019009 && $real < 1.025001;
    $Test::Nginx::Util::NginxVersion =
        $between && Test::Nginx::Util::use_http2($block) ? 1.019008 : $real;
    return;
}

# Test::Base takes the error of an `eval` section for its value.
sub refuse_eval_errors ($block) {
    for my $section (sort keys $block->original_values->%*) {
        my $value = $block->$section // next;
        croak $block->name . ": --- $section: $value" if $value =~ /\bat \(eval \d+\) line \d+/;
    }
    return;
}

sub expand ($value) {
    return [map { expand($_) } @$value] if ref $value eq 'ARRAY';
    return { map { ($_ => expand($value->{$_})) } keys %$value } if ref $value eq 'HASH';
    return $value if ref $value;
    return $value =~ s{\$(TEST_NGINX_TOKEN_[A-Z0-9_]+)}{$ENV{$1} // croak "no token \$$1"}ger;
}

sub check_log ($block) {
    return if defined $block->SKIP;
    my $path = $block->error_log_file // $Test::Nginx::Util::ErrLogFile;
    my $log  = -e $path ? Gatehouse::Jose::Keys::slurp($path) : '';
    my @bad  = (leaks($log), alarms($block, $log));
    Test::More::ok(!@bad, $block->name . ' - error log: no token, no alarm')
        or Test::More::diag(join "\n", @bad);
    return;
}

Test::Nginx::Util::add_block_preprocessor(sub ($block) { prepare($block) });
Test::Nginx::Util::add_test_cleanup_handler(sub ($block) { check_log($block) });

1;
