package Gatehouse::Redis;

# A real redis-server of a test's own, in a directory below test_dir(). It listens on a unix socket
# and, if asked to, on a port of 127.0.0.1, and stores nothing on disk.
#
#   my $redis = Gatehouse::Redis->new->start;
#   $ENV{TEST_NGINX_REDIS} = $redis->socket;       # server unix:$TEST_NGINX_REDIS;
#   $redis->command('SET', 'k', 'v', 'PX', 1000);  # dies of an error reply; attempt() returns it
#   $redis->freeze;                                # SIGSTOP: a black hole until thaw()
#   is $redis->stat('cmdstat_evalsha', 'calls'), 3;
#   is_deeply [$redis->keys_without_ttl], [];
#
# Options of new():
#   port => 1              on a free port, kept for the object's life; port() tells which
#   tls => { certificate, key, ca, clients => 'no' }
#                          TLS on that port (Gatehouse::Redis::Tls has files); the socket has none
#   user, password, acl    the only user who may come in: "default", '~* &* +@all'. Tests are
#                          let in always, by a user of their own
#   conf => "line\n..."    more of redis.conf, after what is written here
#   databases => 16        their number
#   clock => 1             its clock may be put forward and back: step_clock(-3600)
#
# The server is the command $GATEHOUSE_REDIS_SERVER, redis-server by default; Valkey will do. It ends
# with the object, with the test's process at the latest.

use v5.36;
use Carp 'croak';
use Cwd ();
use File::Basename 'dirname';
use File::Temp ();
use Gatehouse::Jose::Keys qw(slurp spew test_dir);
use Gatehouse::Redis::Client ();
use Gatehouse::Wire ();
use POSIX ();
use Time::HiRes 'sleep';

my $patience = 30;
my $own_user = 'harness';

sub new ($class, %options) {
    my $directory = File::Temp->newdir('redis-XXXXXX', DIR => test_dir());
    chmod 0755, "$directory" or croak "chmod $directory: $!";
    my $self = bless {
        port => 0, user => 'default', acl => '~* &* +@all', databases => 16, conf => '',
        %options, directory => $directory, process => $$,
    }, $class;
    $self->{want_port} = delete $self->{port};
    spew($self->file('clock'), pack 'q', 0) if $self->{clock};
    return $self;
}

# The user that tests are let in as.
sub credentials (@) { return ($own_user, $own_user) }

sub server_command () { return $ENV{GATEHOUSE_REDIS_SERVER} // 'redis-server' }

# ('Redis' or 'Valkey', '7.0.15').
sub version () {
    state @version = do {
        open my $out, '-|', server_command(), '--version' or croak "redis-server: $!";
        <$out> =~ /^(\w+) server v=([\d.]+)/;
    };
    return @version ? @version : croak 'redis-server --version says nothing known';
}

# The number before the first dot. Valkey has counted on from Redis 7.
sub major () { return (version())[1] =~ s/\..*//r }

sub socket ($self) { return $self->file('redis.sock') }
sub port ($self)   { return $self->{port} }
sub pid ($self)    { return $self->{pid} }
sub file ($self, $name) { return "$self->{directory}/$name" }
sub log ($self) { return -e $self->file('redis.log') ? slurp($self->file('redis.log')) : '' }

sub configuration ($self) {
    my ($port, $tls) = ($self->{port} // 0, $self->{tls});
    my @lines = (
        'bind 127.0.0.1', "dir $self->{directory}", 'logfile redis.log', 'daemonize no', 'save ""',
        'unixsocket ' . $self->socket, 'unixsocketperm 777', "databases $self->{databases}",
        "user $own_user on >$own_user ~* &* +\@all",
        $tls ? ('port 0', "tls-port $port", "tls-cert-file $tls->{certificate}",
            "tls-key-file $tls->{key}", "tls-ca-cert-file $tls->{ca}",
            'tls-auth-clients ' . ($tls->{clients} // 'no')) : "port $port",
    );
    push @lines, 'enable-debug-command yes' if major() >= 7;
    if (defined $self->{password}) {
        push @lines, 'user default off' if $self->{user} ne 'default';
        push @lines, "user $self->{user} on >$self->{password} $self->{acl}";
    }
    return join '', map { "$_\n" } @lines, $self->{conf};
}

# Starts the server and waits until it answers PING with PONG.
sub start ($self) {
    return $self->launch->until(sub { ($self->ping // '') eq 'PONG' }, 'PONG');
}

# As start(), but returns as soon as it answers at all, be it LOADING. A port that somebody else was
# faster to take is exchanged for another one, but only the first time.
sub launch ($self) {
    croak 'the server runs' if $self->{pid};
    my $tries = $self->{want_port} && !$self->{port} ? 5 : 1;
    for (1 .. $tries) {
        $self->{port} = $self->free_port if $tries > 1;
        $self->spawn_server;
        $self->until(sub { $self->has_ended || defined $self->ping }, 'answer');
        return $self if $self->{pid};
    }
    croak "redis-server ends at once:\n" . $self->log . slurp($self->file('output'));
}

sub free_port ($self) { return Gatehouse::Wire::free_port() }

# A test that is killed cannot clean up: the kernel is told to.
sub spawn_server ($self) {
    spew($self->file('redis.conf'), $self->configuration);
    my %environment = $self->{clock}
        ? (LD_PRELOAD => stepped_clock(), STEPPED_CLOCK => $self->file('clock')) : ();
    unlink $self->socket;
    delete $self->{client};
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $self->file('output') or die "open: $!";
        open STDERR, '>&', \*STDOUT or die "dup: $!";
        @ENV{ keys %environment } = values %environment;
        exec qw(setpriv --pdeathsig KILL), server_command(), $self->file('redis.conf'),
            $self->arguments or die "exec: $!";
    }
    $self->{pid} = $pid;
    return;
}

sub arguments ($self) { return () }

# The library that makes a clock of one's own of gettimeofday(). Several test files may want it.
sub stepped_clock () {
    my $path = test_dir() . '/stepped_clock.so';
    return $path if -e $path;
    my $source = Cwd::abs_path(dirname(__FILE__) . '/../..') . '/data/stepped_clock.c';
    system(qw(cc -shared -fPIC -O1 -Wall -Werror -o), "$path.$$", $source) == 0 or croak "cannot compile $source";
    rename "$path.$$", $path or croak "rename: $!";
    return $path;
}

# From now on the server's clock differs from the true one by so many seconds.
sub step_clock ($self, $seconds) {
    open my $clock, '+<:raw', $self->file('clock') or croak "open: $!";
    syswrite $clock, pack 'q', $seconds * 1_000_000;
    return $self;
}

sub has_ended ($self) {
    return 0 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
    delete $self->{pid};
    return 1;
}

# The answer to PING or nothing.
sub ping ($self) {
    return unless -S $self->socket;
    return eval { '' . $self->attempt('PING') };
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
    kill $name, $self->{pid} // croak 'no server runs' or croak "kill $name: $!";
    return $self;
}

# An orderly end. Clients see the end of the connection.
sub stop ($self) {
    return $self if !$self->{pid};
    $self->signal('TERM')->signal('CONT');
    my $ended = eval { $self->until(sub { $self->has_ended }, 'end') };
    return $ended // $self->kill9;
}

# A sudden end. Clients with something unread on its side see a reset.
sub kill9 ($self) {
    my $pid = delete $self->{pid} // return $self;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return $self;
}

sub restart ($self) { return $self->stop->start }

# Connections are accepted by the kernel, and nothing is answered.
sub freeze ($self) {
    $self->signal('STOP');
    waitpid $self->{pid}, POSIX::WUNTRACED();
    return $self;
}

sub thaw ($self) { return $self->signal('CONT') }

# A further connection of the test's own, as the user who may do everything.
sub connect ($self) {
    my $client = Gatehouse::Redis::Client->new($self->socket);
    $client->attempt('AUTH', credentials());    # LOADING: the next command says so
    return $client;
}

# On the one connection that is kept for it, and made anew after a failure.
sub command ($self, @words) { return $self->on_client(command => @words) }
sub attempt ($self, @words) { return $self->on_client(attempt => @words) }

sub on_client ($self, $method, @words) {
    my $client = delete $self->{client};
    $client = $self->connect if !$client || $client->is_stale;
    my $reply  = $client->$method(@words);
    $self->{client} = $client;
    return $reply;
}

# A line of INFO, or of what it lists, one member: stat('connected_clients'),
# stat('cmdstat_evalsha', 'calls'). What has not been counted is 0.
sub stat ($self, $name, $member = undef) {
    my ($value) = $self->command('INFO', 'all') =~ /^\Q$name\E:(.*?)\r$/m;
    return $value // 0 unless defined $member && defined $value;
    my ($part) = $value =~ /(?:^|,)\Q$member\E=([^,]*)/;
    return $part // croak "INFO: $name has no $member";
}

# Calls $visit with a connection and some keys, until all keys of all databases have been seen; more
# than once, if they move meanwhile.
sub each_keys ($self, $visit) {
    my $client = $self->connect;
    for my $database ($client->command('INFO', 'keyspace') =~ /^db(\d+):/mg) {
        $client->command('SELECT', $database);
        my $cursor = 0;
        do {
            ($cursor, my $keys) = $client->command('SCAN', $cursor, 'COUNT', 1000)->@*;
            $visit->($client, @$keys) if @$keys;
        } while $cursor ne '0';
    }
    return;
}

sub all_keys ($self) {
    my %seen;
    $self->each_keys(sub ($client, @keys) { @seen{@keys} = () });
    my @keys = sort keys %seen;
    return @keys;
}

# On a node of a cluster also those of slots that are on the move.
sub keys_without_ttl ($self) {
    my %seen;
    my @ask = $self->stat('cluster_enabled') ? ['ASKING'] : ();
    $self->each_keys(sub ($client, @keys) {
        my @left = grep { $_ ne 'OK' } $client->pipeline(map { (@ask, ['PTTL', $_]) } @keys);
        @seen{ @keys[grep { $left[$_] == -1 } 0 .. $#keys] } = ();
    });
    my @keys = sort keys %seen;
    return @keys;
}

# A child of the test must not take the server with it.
sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->kill9 if $self->{process} == $$;
    return;
}

1;
