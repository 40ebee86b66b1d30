package Gatehouse::Crs;

# The regression tests of the Core Rule Set, over HTTP: an nginx runs the rules at paranoia level 4,
# blocks nothing, and says what each request has made it log.
#
#   check_regression('ngx_http_modsecurity_module.so');     # a test: every outcome is the one due
#
#   my $crs = Gatehouse::Crs->new(module => 'ngx_http_modsecurity_module.so');
#   my ($answer, $log) = $crs->ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
#
# The module is any that has the directives `modsecurity` and `modsecurity_rules_file`. What it is
# tested with is taken from the environment:
#
#   CRS_TESTS        tests/regression of any checkout, 3.3 or 4; t/data/crs-3.3.4 by default
#   CRS_RULES        the rules of the same release; /usr/share/modsecurity-crs/rules by default
#   CRS_SETUP        what a crs-setup.conf says; t/crs/setup.conf by default
#   CRS_EXCEPTIONS   which tests end otherwise, and how; nginx-exceptions.txt of CRS_TESTS, if any

use v5.36;
use Carp 'croak';
use Cwd 'abs_path';
use Errno ();
use Exporter 'import';
use File::Basename 'dirname';
use Gatehouse::CrsApplication ();
use Gatehouse::CrsTests qw(crs_tests differences);
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Server ();
use Gatehouse::Wire qw(free_port get);
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_RCVTIMEO SHUT_WR INADDR_LOOPBACK pack_sockaddr_in);
use Test::More ();

my $root = abs_path(dirname(__FILE__) . '/../../..');
our @EXPORT_OK = 'check_regression';

my $patience = 30;
my $data     = "$root/t/data/crs-3.3.4";
my $tests    = $ENV{CRS_TESTS} // $data;
my $rules    = $ENV{CRS_RULES} // '/usr/share/modsecurity-crs/rules';
my $setup    = $ENV{CRS_SETUP} // "$root/t/crs/setup.conf";
my $known    = $ENV{CRS_EXCEPTIONS} // "$tests/nginx-exceptions.txt";

# The application is the same worker: it answers everything, whatever the method, with a page that
# has nothing to hide. What tests of version 4 want to read in responses, another process says.
my $http = <<'END';
upstream application { server unix:$PREFIX/application.sock; keepalive 2; }
server {
    listen 127.0.0.1:PORT backlog=64;
    keepalive_timeout 0;
    client_max_body_size 0;
    modsecurity on;
    modsecurity_rules_file $PREFIX/main.conf;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_ignore_client_abort on;
    location / { proxy_pass http://application; }
    location = /reflect { proxy_pass http://unix:$PREFIX/reflect.sock; }
}
server {
    listen unix:$PREFIX/application.sock;
    listen unix:$PREFIX/fence.sock;
    keepalive_requests 1000000;
    keepalive_timeout 10m;
    default_type text/plain;
    return 200 "It works!\n";
}
END

my $engine = <<'END';
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecAuditEngine Off
Include SETUP
Include RULES/*.conf
END

sub new ($class, %options) {
    my $nginx = Gatehouse::Server->new;
    my $self  = bless { nginx => $nginx, port => free_port() }, $class;
    $nginx->file('main.conf', $engine =~ s/SETUP/$setup/r =~ s/RULES/$rules/r);
    $nginx->configure($http =~ s/PORT/$self->{port}/r, workers => 1, main => "load_module $options{module};");
    $nginx->start;
    $self->{application} = Gatehouse::CrsApplication->new($nginx->file('reflect.sock'));
    open $self->{log}, '<:raw', $nginx->file('logs/error.log') or croak "error.log: $!";
    $self->{fence} = Gatehouse::Wire::client(my $hello = get('/'), $nginx->file('fence.sock'));
    $self->{fence}->response;
    $self->{hello} = $hello;
    $self->logged;
    return $self;
}

# What the server sends back on a fresh connection, up to its end, and what it has logged.
sub ask ($self, $request) {
    local $SIG{PIPE} = 'IGNORE';
    socket my $socket, AF_INET, SOCK_STREAM, 0 or croak "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVTIMEO, pack 'l!l!', $patience, 0 or croak "SO_RCVTIMEO: $!";
    connect $socket, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK) or croak "connect: $!";
    while (length $request) {
        my $sent = syswrite $socket, $request;
        last unless defined $sent;    # it does not want more: the response says why
        substr($request, 0, $sent) = '';
    }
    # Who has promised more in Content-Length than was sent will not be waited for.
    shutdown $socket, SHUT_WR;
    my ($answer, $read) = ('');
    do { $read = sysread $socket, $answer, 65536, length $answer } while $read;
    croak "no end of an answer within $patience s" if !defined $read && $!{EAGAIN};
    close $socket;
    return ($answer, $self->logged);
}

# What has been logged since the last call. The worker goes through its events in their order: once
# it has answered another client, it is done with those before, and the log is written unbuffered.
sub logged ($self) {
    $self->{fence}->send($self->{hello})->response;
    my $log = '';
    1 while sysread $self->{log}, $log, 65536, length $log;
    return $log;
}

# Runs tests of Gatehouse::CrsTests: those that do not end as they should, by title, with the reason.
sub run ($self, @tests) {
    my %differ;
    for my $test (@tests) {
        my @reasons = map { $self->reasons($_) } $test->{stages}->@* or next;
        $differ{ $test->{title} } //= join '; ', @reasons;
    }
    return %differ;
}

sub reasons ($self, $stage) {
    my @unsupported = map { "$_ is not supported" } $stage->{unsupported}->@*;
    return @unsupported ? @unsupported : differences($stage->{expected}, $self->ask($stage->{request}));
}

sub stop ($self) {
    $self->{fence}->leave;
    $self->{application}->stop;
    return $self->{nginx}->stop;
}

# Why there is nothing to test: the data that is here belongs to one release.
sub impediment ($module) {
    return "$module is not there" unless -f $module;
    return "there are no rules in $rules" unless my @files = glob "$rules/*.conf";
    return if $tests ne $data;
    my ($version) = map { /\bver:'OWASP_CRS\/([0-9.]+)'/ } slurp($files[0]);
    return $version eq '3.3.4' ? undef : "the rules in $rules are those of $version, the tests of 3.3.4";
}

# Lines of "TITLE<tab>REASON"; comments begin with #.
sub exceptions ($file) {
    return -e $file ? map { [split /\t/] } grep { /^[^#]/ } split /\n/, slurp($file) : ();
}

# All tests with that module. What differs, differs in the known way, and everything known does.
sub check_regression ($module) {
    my $impediment = impediment($module);
    Test::More::plan(skip_all => $impediment) if defined $impediment;

    my @tests = crs_tests($tests);
    Test::More::note(scalar @tests, " tests of $tests");
    Test::More::cmp_ok(scalar @tests, $tests eq $data ? '==' : '>=', $tests eq $data ? 2403 : 1, 'there are tests');
    # A sanitizer unwinds the stack for each allocation of the library: a request takes 0.2 s then.
    @tests = @tests[grep { $_ % 25 == 0 } keys @tests] if $ENV{ASAN_OPTIONS};
    my $crs    = Gatehouse::Crs->new(module => $module);
    my %differ = $crs->run(@tests);
    my %run    = map { ($_->{title} => 1) } @tests;
    my %known  = map { @$_ } grep { $run{ $_->[0] } } exceptions($known);
    Test::More::is($crs->stop, 0, 'nginx has survived them');
    Test::More::is_deeply([$crs->{nginx}->log =~ /^.*(?:\[(?:alert|crit|emerg)\]|exited on signal).*/mg], [],
        'without a complaint');

    my @unlike = grep { ($known{$_} // '') ne ($differ{$_} // '') } sort keys %{ { %known, %differ } };
    Test::More::is(join("\n", map { "$_: " . ($differ{$_} // 'as it should be') } @unlike),
        join("\n", map { "$_: " . ($known{$_} // 'as it should be') } @unlike),
        keys(%known) . ' known exceptions and no other');
    return Test::More::done_testing();
}

1;
