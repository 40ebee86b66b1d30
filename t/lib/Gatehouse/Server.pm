package Gatehouse::Server;

# An nginx with a master and workers of its own, for tests of what happens to
# processes: reloads, signals, crashes. It listens on a unix socket.
#
#   my $nginx = Gatehouse::Server->new('jwt');     # modules to load
#   $nginx->file('keys.jwks', jwks('rsa'));        # beside nginx.conf
#   $nginx->configure('server { listen unix:$PREFIX/nginx.sock; ... }');
#   $nginx->start;
#   is $nginx->status('/t', "Authorization: Bearer $token"), 200;
#   is $nginx->get('/t')->{headers}{ratelimit}[0], '"api";r=9;t=0';
#   is_deeply [$nginx->statuses('/t', 3)], [200, 200, 429];
#   $nginx->reload;                                # returns when only new workers serve
#
# Nothing here waits for a time: what is due within ten seconds is polled for.

use v5.36;
use Carp 'croak';
use Cwd ();
use File::Basename 'dirname';
use File::Path 'make_path';
use File::Temp ();
use Gatehouse::Jose::Keys qw(slurp spew test_dir);
use Gatehouse::Wire ();
use Time::HiRes 'sleep';

my $patience = 30;

sub new ($class, @modules) {
    my $directory = $ENV{TEST_NGINX_GATEHOUSE_MODULES}
        // Cwd::abs_path(dirname(__FILE__) . '/../../..') . '/out/modules';
    my $prefix = File::Temp->newdir('nginx-XXXXXX', DIR => test_dir());
    chmod 0755, "$prefix" or croak "chmod $prefix: $!";
    make_path(map { "$prefix/$_" } qw(logs html temp));
    spew("$prefix/html/index.html", 'It works!');
    return bless {
        prefix  => $prefix,
        load    => join('', map { "load_module $directory/ngx_http_gatehouse_${_}_module.so;\n" } @modules),
        process => $$,
    }, $class;
}

# The path of a file of that name; with content, it is written.
sub file ($self, $name, $content = undef) {
    my $path = "$self->{prefix}/$name";
    spew($path, $content) if defined $content;
    return $path;
}

# Writes nginx.conf with that http block, $PREFIX standing for its directory.
# Options: the number of workers (2), and more of the main and events blocks.
sub configure ($self, $http, %options) {
    my ($main, $events) = map { $_ // '' } @options{qw(main events)};
    s/\$PREFIX\b/$self->{prefix}/g for $http, $main;
    $self->{processes} = $options{workers} // 2;
    # With a sanitizer a request takes ten times as long.
    my $patient = $ENV{ASAN_OPTIONS} && "$self->{load}$main" =~ /_waf_module/ && $http !~ /^modsecurity_limits/m;
    my $limits = $patient ? "modsecurity_limits time=4s;\n" : '';
    my $temp = join '', map { "${_}_temp_path temp/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    return $self->file('nginx.conf', <<"END");
$self->{load}daemon off;
worker_processes $self->{processes};
pid nginx.pid;
error_log logs/error.log info;
$main
events { worker_connections 256; $events }
http {
access_log off;
$limits$temp$http
}
END
}

sub start ($self) {
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $self->file('logs/output') or die "open: $!";
        open STDERR, '>&', \*STDOUT or die "dup: $!";
        exec $ENV{TEST_NGINX_BINARY} // 'nginx', '-p', "$self->{prefix}/", '-c', $self->file('nginx.conf'),
            '-e', $self->file('logs/error.log') or die "exec: $!";
    }
    $self->{pid} = $pid;
    $self->until(sub { $self->workers == $self->{processes} && -e $self->file('nginx.pid') }, 'start');
    return $self;
}

# Polls until $done says so.
sub until ($self, $done, $what) {
    my $deadline = time + $patience;
    until ($done->()) {
        croak "no $what within $patience s:\n" . substr $self->log, -2000 if time > $deadline;
        sleep 0.01;
    }
    return $self;
}

sub signal ($self, $name) {
    kill $name, $self->{pid} or croak "kill $name: $!";
    return $self;
}

# Signals HUP and waits until the workers are new ones, and as many as configured.
sub reload ($self) {
    my @old = $self->workers;
    $self->signal('HUP');
    return $self->until(sub {
        my @now = $self->workers;
        return @now == $self->{processes} && besides(\@old, @now) == @now;
    }, 'reload');
}

# The process ids of the workers; a cache has processes of its own.
sub workers ($self) {
    return map { /^ *(\d+) (?!nginx: cache )/ ? $1 : () } split /\n/, `ps -o pid=,args= --ppid $self->{pid}`;
}

# Those of @now that are not in @$before.
sub besides ($before, @now) {
    my %before = map { ($_ => 1) } @$before;
    return grep { !$before{$_} } @now;
}

# Kilobytes of memory that the master holds.
sub memory ($self) {
    my ($kb) = slurp("/proc/$self->{pid}/status") =~ /^VmRSS:\s+(\d+) kB/m or croak 'no VmRSS';
    return $kb;
}

sub log ($self) {
    return join '', map { -e $self->file("logs/$_") ? slurp($self->file("logs/$_")) : '' } qw(error.log output);
}

# A connection of a client on which a GET has been sent.
sub client ($self, $uri, @lines) {
    return Gatehouse::Wire::client(Gatehouse::Wire::get($uri, undef, @lines), $self->file('nginx.sock'));
}

# The response to a request with a connection of its own: status, headers, body.
sub get ($self, $uri, @lines) {
    my $client   = $self->client($uri, @lines, 'Connection: close');
    my $response = $client->response;
    $client->leave;
    return $response;
}

sub status ($self, $uri, @lines) { return $self->get($uri, @lines)->{status} }

# The statuses of $count requests, each sent after the response to the one before, on as few
# connections as nginx likes (keepalive_requests).
sub statuses ($self, $uri, $count, @lines) {
    my $request = Gatehouse::Wire::get($uri, undef, @lines);
    my ($client, @statuses);
    while (@statuses < $count) {
        $client = $client ? $client->send($request) : $self->client($uri, @lines);
        my $response = $client->response;
        push @statuses, $response->{status};
        next unless ($response->{headers}{connection} // [''])->[0] eq 'close';
        $client->leave;
        undef $client;
    }
    $client->leave if $client;
    return @statuses;
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'QUIT', $pid;
    waitpid $pid, 0;
    return $?;
}

# A child of the test must not take nginx with it.
sub DESTROY ($self) {
    local ($?, $!);
    $self->stop if $self->{process} == $$;
    return;
}

1;
