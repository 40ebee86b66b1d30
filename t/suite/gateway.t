# conf/gateway.conf as it stands, but for its ports and the patience with Redis: it does what it says about tokens that are forged.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Gatehouse::Jose qw(flip_bit jwt);
use Gatehouse::Jose::Keys qw(slurp);
use Gatehouse::Redis;
use File::Copy 'copy';
use File::Path 'make_path';
use Test::More;

my $source = "$FindBin::Bin/../../conf";
plan skip_all => 'the Core Rule Set is not installed' unless -d '/usr/share/modsecurity-crs/rules';

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$FindBin::Bin/../../out/modules";
my $redis   = Gatehouse::Redis->new->start;
my $site    = Gatehouse::Connections->new(ports => 2);
my ($port, $backend) = map { $site->port($_) } 0, 1;
make_path(map { $site->file($_) } qw(keys snippets crs));
symlink $modules, $site->file('modules') or die "symlink: $!";
for my $path (glob "$source/{snippets,crs}/* $source/demo-backend.conf") {
    copy($path, $site->file($path =~ s{^\Q$source\E/}{}r)) or die "copy $path: $!";
}
my $secret = 'x' x 32;
$site->file('keys/hmac.secret', $secret);
$site->file('keys/identity.secret', 'y' x 32);
$site->file('demo-backend.conf', slurp("$source/demo-backend.conf") =~ s/127\.0\.0\.1:8081/127.0.0.1:$backend/r);

$site->configure('', workers => 1);
my $conf = slurp("$source/gateway.conf");
for my $change (['listen 8080;' => "listen 127.0.0.1:$port;"], ['127.0.0.1:8081' => "127.0.0.1:$backend"],
    ['server 127.0.0.1:6379;' => 'timeout 2s; connect_timeout 2s; server unix:' . $redis->socket . ';'], ['worker_processes auto;' => 'worker_processes 1; daemon off;'],
    ['pid gateway.pid;' => 'pid nginx.pid;'], ['error_log stderr notice;' => 'error_log logs/error.log notice;']) {
    my ($from, $to) = @$change;
    $conf =~ s/\Q$from\E/$to/ or die "no \"$from\" in gateway.conf";
}
$site->file('nginx.conf', $conf);
$site->start;

sub token ($sub, $signed_with = $secret) {
    return 'Authorization: Bearer ' . jwt(alg => 'HS256', secret => $signed_with, claims => {
        iss => 'https://issuer.example', aud => 'gateway', sub => $sub, exp => time + 600 });
}
sub statuses ($count, @request) { return join ' ', map { $site->status_from(@request) // 'closed' } 1 .. $count }

my $alice  = token('alice');
my $forged = token('alice', 'z' x 32);
is statuses(3, '127.31.0.1', '/generate/x', $alice), '200 200 200', 'a good token';
is statuses(3, '127.31.0.1', '/x', $alice),          '200 200 200', 'elsewhere, too';
for my $uri ('/generate/x', '/x') {
    my $from = $uri eq '/x' ? '127.31.0.2' : '127.31.0.3';
    is statuses(99, $from, $uri, $forged), join(' ', (401) x 99), "$uri: forged ones";
    is statuses(1, $from, $uri, $alice), 200, 'no ban yet';
    $site->until(sub { statuses(1, $from, $uri, $forged) eq 'closed' }, 'ban');
    is statuses(1, $from, $uri, $alice), 'closed', 'a ban';
}
# Of twenty four are spent; where requests take long some of them have come back.
my @answers = split ' ', statuses(24, '127.31.0.4', '/generate/x', $alice);
my ($first) = grep { $answers[$_] == 429 } keys @answers;
cmp_ok $first // 0, '>=', 16, 'no forged one counts';
cmp_ok $first // 99, '<=', 20, 'good ones do';
is statuses(1, '127.31.0.4', '/generate/x', token('bob')), 200, 'another subject from there';

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';

done_testing;
