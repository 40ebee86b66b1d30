package Gatehouse::ConfTest;

# For tests of what nginx says about a configuration when it reads it. Nothing
# is started: Test::Nginx would wait half a minute for each refusal.
#
#   use Gatehouse::ConfTest 'jwt';
#   conf_refused('server { auth_jwt_strip 1; }', qr/invalid value "1"/, 'a flag');
#   conf_accepted('server { auth_jwt_strip on; }', 'the same, right');
#   my ($text, $status) = conf_error('server { ... }');
#   done_testing;
#
# Modules are taken from $TEST_NGINX_GATEHOUSE_MODULES, out/modules by default.
# Test::More and the functions below are exported.

use v5.36;
use Cwd ();
use File::Basename 'dirname';
use File::Path 'make_path';
use File::Temp ();
use Gatehouse::Jose::Keys qw(slurp spew test_dir);
use Test::More;
use parent 'Exporter';

our @EXPORT = (qw(conf_error conf_refused conf_accepted conf_dump conf_file), @Test::More::EXPORT);

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES}
    // Cwd::abs_path(dirname(__FILE__) . '/../../..') . '/out/modules';
my $nginx  = $ENV{TEST_NGINX_BINARY} // 'nginx';
my $prefix = File::Temp->newdir('conf-XXXXXX', DIR => test_dir());
chmod 0755, "$prefix" or die "chmod $prefix: $!";
my @modules;

sub import ($class, @names) {
    @modules = map { "$modules/ngx_http_gatehouse_${_}_module.so" } @names;
    return $class->export_to_level(1, $class);
}

# Writes a file beside the configuration and returns its path.
sub conf_file ($name, $content) {
    make_path(dirname("$prefix/$name"));
    return spew("$prefix/$name", $content);
}

# Has nginx read a configuration with $http in its http block; $main goes
# before that block. What nginx wrote, and its exit status: 0 is acceptance.
sub conf_error ($http, $main = '') {
    return run_nginx('-t', $http, $main);
}

# What `nginx -T` shows of it.
sub conf_dump ($http, $main = '') {
    my ($text) = run_nginx('-T', $http, $main);
    return $text;
}

sub run_nginx ($flag, $http, $main) {
    my $load = join '', map { "load_module $_;\n" } @modules;
    my $temp = join '', map { "${_}_temp_path temp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    make_path("$prefix/temp");
    spew("$prefix/nginx.conf",
        "${load}pid nginx.pid;\nerror_log stderr;\n$main\nevents {}\nhttp {\n${temp}access_log off;\n$http\n}\n");

    # A file, so that what nginx leaves behind cannot hold a pipe open.
    my $said = "$prefix/said";
    my $pid  = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $said or die "open $said: $!";
        open STDERR, '>&', \*STDOUT or die "dup: $!";
        exec $nginx, '-p', "$prefix/", '-c', "$prefix/nginx.conf", '-e', 'stderr', $flag
            or die "exec $nginx: $!";
    }
    waitpid $pid, 0;
    my $status = $? & 127 ? "signal @{[$? & 127]}" : $? >> 8;
    return (slurp($said), $status);
}

# A sanitized nginx takes its time to start: it reads every fifth configuration.
sub left_out ($name) {
    state $count = 0;
    return $ENV{ASAN_OPTIONS} && $count++ % 5 && pass("$name: not under a sanitizer");
}

# Refused with one message, and that fits $message.
sub conf_refused ($http, $message, $name, $main = '') {
    return 1 if left_out($name);
    my ($text, $status) = conf_error($http, $main);
    my @errors = grep { /\[emerg\]/ } split /\n/, $text;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($status eq '1' && @errors == 1 && $errors[0] =~ $message, $name)
        || diag("status $status, expected $message in:\n$text");
}

# Accepted, and without any warning unless $warning says which; that must be there, once.
sub conf_accepted ($http, $name, $warning = undef, $main = '') {
    return 1 if left_out($name);
    my ($text, $status) = conf_error($http, $main);
    my @warnings = grep { /\[(?:warn|error|alert|crit|emerg)\]/ } split /\n/, $text;
    my $said = defined $warning ? @warnings == 1 && $warnings[0] =~ $warning : !@warnings;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($status eq '0' && $said, $name) || diag("status $status, said:\n$text");
}

1;
