# rate_limit and the exchange of the nginx binary under load: no request fails, counts in Redis go
# on, those in memory begin anew. And nginx as a single process.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Load;
use Gatehouse::Redis;
use Gatehouse::Server;
use Test::More;

my $redis = Gatehouse::Redis->new->start;
my $site  = <<"END";
rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }
rate_limit_zone \$http_x_key zone=memory:256k rate=10r/1d;
rate_limit_zone \$http_x_key zone=redis:256k rate=10r/1d redis=main;
END
$site .= <<'END';
server {
    listen unix:$PREFIX/nginx.sock;
    location = /memory { rate_limit zone=memory; try_files /index.html =404; }
    location = /redis  { rate_limit zone=redis; try_files /index.html =404; }
}
END

# How many of twelve requests pass.
sub passed ($nginx, $zone, $key) {
    return scalar grep { $_ == 200 } $nginx->statuses("/$zone", 12, "X-Key: $key");
}

sub spend ($nginx, $key, $count) {
    is_deeply [$nginx->statuses("/$_", $count, "X-Key: $key")], [(200) x $count], "$count of $_" for qw(memory redis);
    return;
}

# A process that is gone, or that only its parent still has to take notice of.
sub is_gone ($pid) {
    my $stat = eval { slurp("/proc/$pid/stat") } // return 1;
    return $stat =~ /^\d+ \(.*\) [ZX]/ ? 1 : 0;
}

sub children ($pid) { return split ' ', `ps -o pid= --ppid $pid` }

# nginx exchanges its binary only if it is a daemon, and finds it only by its path.
sub start_daemon ($nginx) {
    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    ($binary) = grep { -x } map { "$_/$binary" } split /:/, $ENV{PATH} if $binary !~ m{/};
    my $conf = $nginx->file('nginx.conf');
    $nginx->file('nginx.conf', slurp($conf) =~ s/daemon off;//r);
    system $binary, '-p', $nginx->file(''), '-c', $conf, '-e', $nginx->file('logs/error.log');
    $nginx->until(sub { -s $nginx->file('nginx.pid') }, 'start');
    $nginx->{pid} = slurp($nginx->file('nginx.pid')) + 0;
    return $nginx->until(sub { $nginx->workers == 2 }, 'workers');
}

subtest 'a binary upgrade' => sub {
    my $nginx = Gatehouse::Server->new('rate_limit');
    $nginx->configure($site);
    start_daemon($nginx);
    spend($nginx, 'kept', 4);
    my $old  = $nginx->{pid};
    my @old  = $nginx->workers;
    my $load = Gatehouse::Load->start($nginx->file('nginx.sock'), map { ["/$_", 'X-Key: load'] } qw(memory redis));

    $nginx->signal('USR2');
    $nginx->until(sub { -e $nginx->file('nginx.pid.oldbin') && -s $nginx->file('nginx.pid') }, 'new master');
    my $new = slurp($nginx->file('nginx.pid')) + 0;
    $nginx->until(sub { children($new) == 2 }, 'new workers');
    $nginx->signal('WINCH');
    $nginx->until(sub { !grep { !is_gone($_) } @old }, 'end of the old workers');
    $nginx->signal('QUIT')->until(sub { is_gone($old) }, 'end of the old master');
    $nginx->{pid} = $new;

    my $counts = $load->stop->{counts};
    is_deeply [grep { !/ (?:200|429)$/ } keys %$counts], [], 'no request fails' or diag explain $counts;
    is $counts->{'/redis 200'}, 10, 'Redis goes on counting';
    cmp_ok $counts->{'/memory 200'}, '<=', 20, 'each of the two binaries lets as many pass as may';
    is passed($nginx, 'redis', 'kept'), 6, 'what was left in Redis';
    is passed($nginx, 'memory', 'kept'), 10, 'memory is new';

    $nginx->signal('QUIT')->until(sub { is_gone($new) }, 'end');
    delete $nginx->{pid};
    unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
};

subtest 'a single process' => sub {
    my $nginx = Gatehouse::Server->new('rate_limit');
    $nginx->configure($site, workers => 0, main => 'master_process off;');
    $nginx->file('nginx.conf', slurp($nginx->file('nginx.conf')) =~ s/worker_processes 0;//r);
    $nginx->start;
    spend($nginx, 'single', 4);
    is passed($nginx, $_, 'single'), 6, "$_: what was left" for qw(memory redis);
    # After that nginx itself has no connections to serve with; the module must survive it.
    $nginx->signal('HUP')->until(sub { $nginx->log =~ /reconfiguring.*using the/s }, 'reload');
    is $nginx->stop, 0, 'nginx ends by itself';
    unlike $nginx->log, qr/\[alert\]|\[crit\]/, 'and has come to no harm';
};

done_testing;
