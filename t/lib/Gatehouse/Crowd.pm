package Gatehouse::Crowd;

# Clients with addresses of their own at an nginx that limits connections, and two accounts of what
# they hold: what the module reports and what the kernel knows.
#
#   my $crowd = Gatehouse::Crowd->new(<<'END', workers => 4)->start;
#   connection_limit_zone $binary_remote_addr zone=address:1m;
#   server { listen 127.0.0.1:$PORT; connection_limit zone=address max=8; }
#   END
#   my $client = $crowd->connect('127.0.0.2');
#   is $client->send($crowd->head('/'))->status, 200;
#   $crowd->check_held('one', sub { return { address => scalar $crowd->open } });
#   is $crowd->total('address', 'refused'), 0;
#   $client->reset;                                # or leave()
#
# $PORT, $PORT1 and $PORT2 are free ports, given by port(0) and so on. Requests for /report at
# nginx.sock are the crowd's own: by address they count nowhere. Options of new(), besides the
# workers: modules => [] for a stock nginx, connections => of each worker (512), main and events as
# of Gatehouse::Server, daemon => 1 for one that can be exchanged (USR2).

use v5.36;
use Carp 'croak';
use Gatehouse::Crowd::Client ();
use Gatehouse::Jose::Keys qw(key openssl slurp);
use Gatehouse::Server ();
use Gatehouse::Wire ();
use JSON::PP 'decode_json';
use Scalar::Util 'weaken';
use Test::More ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @CARP_NOT = qw(Gatehouse::Server Gatehouse::Crowd::Client);

my @crowds;

sub new ($class, $http, %options) {
    my $self = bless {
        connections => 512, modules => ['connection_limit'], workers => 2, main => '', events => '',
        %options, port => Gatehouse::Wire::free_port(1, 2), clients => [], process => $$,
    }, $class;
    $self->{nginx} = Gatehouse::Server->new($self->{modules}->@*);
    $self->configure($http);
    weaken($crowds[@crowds] = $self);
    return $self;
}

sub nginx ($self) { return $self->{nginx} }
sub port ($self, $number = 0) { return $self->{port} + $number }

sub configure ($self, $http) {
    $http =~ s/\$PORT(\d?)\b/$self->port($1 || 0)/ge;
    my $report = $self->{modules}->@* ? 'location = /report { connection_limit_report; }' : '';
    my %options = map { ($_ => $self->{$_}) } qw(workers main events);
    # A new binary gets no other environment; the sanitizers look for theirs.
    $options{main} .= 'env ASAN_OPTIONS; env UBSAN_OPTIONS;' if $self->{daemon};
    my $path = $self->nginx->configure(<<"END", %options);
server { listen unix:\$PREFIX/nginx.sock; $report }
$http
END
    my $conf = slurp($path) =~ s/worker_connections \K256/$self->{connections}/r;
    $conf =~ s/^daemon off;$//m if $self->{daemon};
    return $self->nginx->file('nginx.conf', $conf);
}

# A certificate and its key, for ssl_certificate and ssl_certificate_key.
sub certificate ($self) {
    my $key = key('ec256');
    $self->nginx->file('certificate.pem',
        openssl('', qw(req -x509 -new -sha256 -days 2 -subj /CN=localhost -key), $key));
    return ($self->nginx->file('certificate.pem'), $key);
}

sub start ($self) {
    $self->{daemon} ? $self->start_daemon : $self->nginx->start;
    return $self;
}

# nginx exchanges its binary only if it is a daemon, and finds it only by its path.
sub start_daemon ($self) {
    my $nginx  = $self->nginx;
    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    ($binary) = grep { -x } map { "$_/$binary" } split /:/, $ENV{PATH} if $binary !~ m{/};
    system($binary, '-p', $nginx->file(''), '-c', $nginx->file('nginx.conf'), '-e',
        $nginx->file('logs/error.log')) == 0 or croak "$binary: $?";
    $nginx->until(sub { -s $nginx->file('nginx.pid') }, 'start');
    $nginx->{pid} = slurp($nginx->file('nginx.pid')) + 0;
    $nginx->until(sub { serving($nginx->{pid}) == $self->{workers} }, 'workers');
    return;
}

# The workers of a master that accept connections: not those that are draining. Asked too often for
# ps(1).
sub serving ($master) {
    my $shows = sub ($pid, $file, $pattern) { (eval { slurp("/proc/$pid/$file") } // '') =~ $pattern };
    return grep {
        $shows->($_, 'stat', qr/\) \S $master /) && $shows->($_, 'cmdline', qr/^nginx: worker process\0*$/)
    } map { /(\d+)/ } glob '/proc/[0-9]*';
}

# A process that is gone, or that only its parent still has to take notice of. Its connections are
# closed by then.
sub is_gone ($pid) {
    my $stat = eval { slurp("/proc/$pid/stat") } // return 1;
    return $stat =~ /^\d+ \(.*\) [ZX]/ ? 1 : 0;
}

# Kills workers and waits until they are gone and as many as configured serve.
sub kill_workers ($self, @pids) {
    kill KILL => @pids;
    return $self->nginx->until(sub {
        return 0 if grep { !is_gone($_) } @pids;
        my @serving = serving($self->nginx->{pid});
        return @serving == $self->{workers} && Gatehouse::Server::besides(\@pids, @serving) == @serving;
    }, 'successors');
}

# Returns when only new workers serve; old ones may have clients for long.
sub reload ($self) {
    my @old = serving($self->nginx->{pid});
    $self->nginx->signal('HUP');
    return $self->nginx->until(sub {
        my @now = serving($self->nginx->{pid});
        return @now == $self->{workers} && Gatehouse::Server::besides(\@old, @now) == @now;
    }, 'reload');
}

sub connect ($self, $address = '127.0.0.1', $number = 0) {
    my $client = Gatehouse::Crowd::Client->new($address, $self->port($number));
    push $self->{clients}->@*, $client;
    return $client;
}

sub get ($self, $uri)  { return Gatehouse::Wire::get($uri) }
sub head ($self, $uri) { return Gatehouse::Wire::get($uri) =~ s/^GET/HEAD/r }

# The status of a request with a connection of its own.
sub status ($self, $uri, $address = '127.0.0.1') {
    my $client = Gatehouse::Crowd::Client->new($address, $self->port);
    my $status = $client->send($self->head($uri))->status;
    $client->leave;
    return $status;
}

# The clients that nginx has not left, and who have not left it.
sub open ($self) {
    $self->{clients} = [grep { $_->is_open } $self->{clients}->@*];
    return $self->{clients}->@*;
}

# How many connections nginx has accepted and not closed, of an address or all. The kernel knows it:
# sockets that no process has accepted yet, or that none has any more, are without an inode.
sub sockets ($self, $address = undef) {
    my %local = map { (sprintf(':%04X', $self->port($_)) => 1) } 0 .. 2;
    my $peer  = $address ? sprintf '%08X', unpack 'L', pack 'C4', split /\./, $address : '';
    CORE::open my $table, '<', '/proc/net/tcp' or croak "/proc/net/tcp: $!";
    my %accepted;
    while (<$table>) {
        my (undef, $here, $there, $state, @more) = split;
        my $inode = $more[5];
        $accepted{$inode} = 1 if $local{ substr $here, -5 } && $state =~ /^0[18]$/ && $there =~ /^$peer/ && $inode;
    }
    return scalar keys %accepted;
}

# The kernel's account is the same as the clients'. It is read piece by piece while others come and
# go: one that is wrong says nothing.
sub check_sockets ($self, $name, $due = scalar $self->open, $address = undef) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $count;
    eval { $self->nginx->until(sub { ($count = $self->sockets($address)) == $due }, 'agreement') };
    return Test::More::is($count, $due, "$name: the kernel agrees");
}

sub report ($self) { return decode_json($self->nginx->get('/report')->{body})->{zones} }

sub held ($self, @zones) {
    my $report = $self->report;
    return { map { ($_ => $report->{$_}{leases}{held}) } @zones };
}

sub total ($self, $zone, $what) { return $self->report->{$zone}{total}{$what} // croak "no $what of $zone" }

# What $expected says that the zones hold, they hold before long. The seconds that it took.
sub check_held ($self, $name, $expected) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = clock_gettime(CLOCK_MONOTONIC);
    my ($due, $held);
    eval {
        $self->nginx->until(sub {
            $due  = $expected->();
            $held = $self->held(keys %$due);
            return !grep { $due->{$_} != $held->{$_} } keys %$due;
        }, 'agreement');
    };
    my $seconds = clock_gettime(CLOCK_MONOTONIC) - $began;
    Test::More::is_deeply($held, $due, $name) or Test::More::diag($@ =~ s/\n.*//sr);
    return $seconds;
}

# What the clients hold, in a zone by connection that every request takes, in one by request and at
# accept, where one that has not sent a whole header holds another.
sub truth ($self) {
    my @open = $self->open;
    my %held = (
        accepted    => @open + grep({ !$_->{headed} } @open),
        connections => scalar grep({ $_->{counted} } @open),
        requests    => 0,
    );
    $held{requests} += $_->{requests} for @open;
    return \%held;
}

# Clients first: nginx waits for them.
sub stop ($self) {
    $_->leave for splice $self->{clients}->@*;
    my $nginx = $self->nginx;
    return $nginx->stop unless $self->{daemon};
    my @masters = map { slurp($_) + 0 } grep { -s } map { $nginx->file($_) } qw(nginx.pid nginx.pid.oldbin);
    kill QUIT => @masters;
    $nginx->until(sub { !grep { !is_gone($_) } @masters }, 'end');
    delete $nginx->{pid};
    return 0;
}

# What the processes have logged that they should not, but for what a kill brings with it.
sub alarms ($self) {
    return grep { /\[(?:alert|crit|emerg)\]|exited on signal|AddressSanitizer|runtime error/
            && !/exited on signal 9|was locked by/ } split /\n/, $self->nginx->log;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{process} == $$ && $self->{nginx}{pid};
    return;
}

# A test that dies: later there would be no telling in which order things go.
END {
    $_->DESTROY for grep { defined } @crowds;
}

1;
