# conf/redis: what a real redis-server makes of it, and what the user of its users.acl may do: all
# that the module needs of a single server, and nothing else.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys qw(openssl slurp);
use Gatehouse::Redis;
use Gatehouse::Redis::Client;
use Gatehouse::Server;
use Test::More;

my $source   = "$FindBin::Bin/../../conf/redis";
my $password = openssl('', qw(rand -hex 24)) =~ s/\n//r;

# redis.conf as it is, but for where things are, and the line about users.acl that awaits a user.
# The harness adds its own user to the file, as README says that one should.
my ($conf, $acl) = map { slurp("$source/$_") } qw(redis.conf users.acl);
my $redis = Gatehouse::Redis::FromFile->new(text => $conf)->start;

subtest 'redis.conf' => sub {
    my %said = map { my $name = $_; ($name => $redis->command('CONFIG', 'GET', $name)->[1]) }
        qw(port save appendonly maxmemory maxmemory-policy unixsocketperm timeout);
    is_deeply \%said, { port => 0, save => '', appendonly => 'no', maxmemory => 256 * 1024 * 1024,
        'maxmemory-policy' => 'volatile-ttl', unixsocketperm => 770, timeout => 0 }, 'is in force';
    unlike $redis->log, qr/bad directive|deprecated/i, 'and nothing in it is complained of';
    like $conf, qr{^# aclfile /\S+/users\.acl$}m, 'users.acl is named there';
};

subtest 'users.acl' => sub {
    $redis->stop;
    my $users = $redis->add_users($acl);
    $redis->start;
    is $redis->command('ACL', 'LOAD'), 'OK', 'is accepted';
    my $anybody = Gatehouse::Redis::Client->new($redis->socket);
    like $anybody->attempt('PING'), qr/\ANOAUTH/, 'nobody comes in without a password';
    like $anybody->attempt('AUTH', 'gatehouse', ''), qr/\AWRONGPASS/, 'nor as a user without one';
    like $anybody->attempt('AUTH', 'default', ''), qr/\AWRONGPASS/, 'nor as "default"';

    # The words of the comment in redis.conf.
    is $redis->command(qw(ACL SETUSER gatehouse on), ">$password"), 'OK', 'the user gets a password';
    is $redis->command(qw(ACL SAVE)), 'OK', 'for good';
    is $redis->restart->command('PING'), 'PONG', 'also after a restart';
    like slurp($users), qr/^user gatehouse on (?:sanitize-payload )?#[0-9a-f]{64} /m, 'which the file knows as a hash';
};

subtest 'what README says' => sub {
    my ($line) = slurp("$source/../../modules/rate_limit/README.md") =~ /^    ACL SETUSER gatehouse on (.*?)\n\n/ms;
    my ($ours) = $acl =~ /^user gatehouse off resetpass (.*)$/m;
    is join(' ', grep { !/^>/ } split ' ', $line), $ours, 'is what the file says';
};

# One nginx, with all that a single server is asked for: a database, and zones of both algorithms
# and all modes. A charge of two zones in two databases is given back when one refuses.
my $nginx = Gatehouse::Server->new('rate_limit');
$nginx->file('password', "$password\n");
$nginx->configure(<<"END", workers => 1);
rate_limit_redis plain { server unix:@{[$redis->socket]}; username gatehouse; password_file password; timeout 2s; connect_timeout 2s; }
rate_limit_redis third { server unix:@{[$redis->socket]}; username gatehouse; password_file password; timeout 2s; connect_timeout 2s; database 3; }
rate_limit_zone \$arg_k zone=gcra:1m rate=5r/1h rate=9r/1d redis=plain on_error=closed;
rate_limit_zone \$arg_k zone=window:1m rate=5r/1h algorithm=sliding_window redis=third on_error=closed;
rate_limit_zone \$arg_k zone=few:1m rate=2r/1h redis=plain on_error=closed;
rate_limit_zone \$arg_k zone=lease:1m rate=5r/1h redis=plain mode=lease=100ms on_error=closed;
rate_limit_zone \$arg_k zone=optimistic:1m rate=5r/1h redis=plain mode=optimistic=1 on_error=closed;
server {
    listen unix:\$PREFIX/nginx.sock;
    root \$PREFIX/html;
    location = /gcra { rate_limit zone=gcra; try_files /index.html =404; }
    location = /window { rate_limit zone=window; try_files /index.html =404; }
    location = /both { rate_limit zone=window; rate_limit zone=few; try_files /index.html =404; }
    location = /lease { rate_limit zone=lease; try_files /index.html =404; }
    location = /optimistic { rate_limit zone=optimistic; try_files /index.html =404; }
}
END

subtest 'all that the module does' => sub {
    $nginx->start;
    for my $zone (qw(gcra window lease)) {
        is_deeply [$nginx->statuses("/$zone?k=a", 7)], [(200) x 5, (429) x 2], $zone;
    }
    my $passed = grep { $_ == 200 } $nginx->statuses('/optimistic?k=a', 9);
    ok $passed >= 5 && $passed <= 6, "optimistic: $passed of 5, and one unconfirmed";
    is_deeply [$nginx->statuses('/both?k=b', 4)], [(200) x 2, (429) x 2], 'two zones, of which one refuses';
    is_deeply [$nginx->statuses('/window?k=b', 4)], [(200) x 3, 429], 'and the other one gets its charge back';

    # Scripts that are gone are sent again: EVAL, SCRIPT LOAD.
    $redis->command('SCRIPT', 'FLUSH');
    is_deeply [$nginx->statuses("/$_?k=c", 6)], [(200) x 5, 429], "$_, after SCRIPT FLUSH" for qw(gcra window lease);
    $redis->command('FLUSHALL');
    is_deeply [$nginx->statuses("/$_?k=d", 6)], [(200) x 5, 429], "$_, after FLUSHALL" for qw(gcra window lease);

    is_deeply [map { @$_ } $redis->command(qw(ACL LOG))], [], 'nothing was denied';
    unlike $nginx->log, qr/NOPERM|NOAUTH|not available/, 'and nothing is missed';
    unlike $nginx->log, qr/\Q$password\E/, 'the log does not show the password';
    is scalar(@{ $redis->command('KEYS', 'gatehouse:*') }), 2, 'counted in Redis';
    is_deeply [$redis->keys_without_ttl], [], 'with a time to live';
};

subtest 'and nothing else' => sub {
    $redis->command('SET', 'foreign', 'value');
    $redis->command('SET', 'gatehouse:own', 'value', 'PX', 60_000);
    my $user = Gatehouse::Redis::Client->new($redis->socket);
    is $user->command('AUTH', 'gatehouse', $password), 'OK', 'as the user';
    is $user->command('GET', 'gatehouse:own'), 'value', 'keys of its own';
    like $user->attempt(@$_), qr/\ANOPERM|\AERR unknown command/, "@$_" for
        ['GET', 'foreign'], ['SET', 'foreign', 1], ['DEL', 'foreign'], ['RPUSH', 'foreign', 1], ['LRANGE', 'foreign', 0, -1],
        ['PEXPIRE', 'foreign', 1], ['EVAL', 'return 1', 1, 'foreign'],
        ['FLUSHALL'], ['FLUSHDB'], ['KEYS', '*'], ['SCAN', 0], ['DBSIZE'], ['RANDOMKEY'], ['CONFIG', 'GET', '*'],
        ['CONFIG', 'SET', 'dir', '/'], ['ACL', 'LIST'], ['ACL', 'WHOAMI'], ['INFO'], ['MONITOR'], ['SAVE'], ['SHUTDOWN'],
        ['DEBUG', 'SLEEP', 0], ['SCRIPT', 'FLUSH'], ['SCRIPT', 'KILL'], ['CLIENT', 'LIST'], ['CLIENT', 'KILL', 'x'],
        ['CLUSTER', 'NODES'], ['REPLICAOF', 'NO', 'ONE'], ['SUBSCRIBE', 'c'], ['PUBLISH', 'c', 'm'], ['MODULE', 'LIST'],
        ['DUMP', 'gatehouse:own'], ['RENAME', 'gatehouse:own', 'gatehouse:x'], ['FUNCTION', 'LIST'];

    # Scripts can do what the user can, to the keys that the user can.
    my $script = sub ($text) { $user->attempt('EVAL', $text, 1, 'gatehouse:own') };
    is $script->('return redis.call("GET", KEYS[1])'), 'value', 'a script';
    like $script->($_), qr/NOPERM|can't (?:run|access)|ACL failure/, $_ for
        'return redis.call("GET", "foreign")', 'return redis.call("FLUSHALL")', 'return redis.call("KEYS", "*")';
    is $redis->command('GET', 'foreign'), 'value', 'the foreign key is what it was';
};

is $nginx->stop, 0, 'nginx ends well';

done_testing;

# A server with a redis.conf from a file: what the harness itself writes comes on the command line.
package Gatehouse::Redis::FromFile {
    use v5.36;
    use parent -norequire, 'Gatehouse::Redis';
    use Gatehouse::Jose::Keys 'spew';

    sub configuration ($self) { return $self->{text} }

    sub arguments ($self) {
        my ($user, $password) = Gatehouse::Redis::credentials();
        my @own = ('--dir', $self->{directory}, '--logfile', 'redis.log', '--unixsocket', $self->socket,
            Gatehouse::Redis::major() >= 7 ? ('--enable-debug-command', 'yes') : ());
        # nginx's workers may be in no group that the socket is for.
        return (@own, $self->{users} ? ('--aclfile', $self->{users}, '--unixsocketperm', '777')
            : ('--user', $user, 'on', ">$password", '~*', '&*', '+@all'));
    }

    # From the next start on, users are those of a file with this content, and the harness.
    sub add_users ($self, $acl) {
        my ($user, $password) = Gatehouse::Redis::credentials();
        return $self->{users} = spew($self->file('users.acl'), "${acl}user $user on >$password ~* &* +\@all\n");
    }
}
