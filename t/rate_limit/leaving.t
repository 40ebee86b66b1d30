# Clients that do not wait for an answer: what Redis has said about their key is remembered all the
# same, or else leaving at once would be a way around the deny cache.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire qw(h2_start h2_get h2_reset);
use Test::More;

my $redis = Gatehouse::Redis->new->start;
my $nginx = Gatehouse::Server->new('rate_limit');
$nginx->configure(<<"END", workers => 1);
rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }
rate_limit_zone \$arg_k zone=main:1m rate=5r/10m redis=main;
server {
    listen unix:\$PREFIX/nginx.sock http2;
    location = /t { rate_limit zone=main; try_files /index.html =404; }
}
END
$nginx->start;

my $streams = 300;
my $client  = Gatehouse::Wire::client(h2_start(), $nginx->file('nginx.sock'));
for my $stream (map { 2 * $_ + 1 } 0 .. $streams - 1) {
    $client->send(h2_get($stream, '/t?k=rapid') . h2_reset($stream));
    select undef, undef, undef, 0.001 unless $stream % 20;
}
# The last one is answered when all others have been seen.
$client->send(h2_get(2 * $streams + 1, '/t?k=rapid'));
my ($stream, $passed);
($stream, $passed) = $client->h2_response until ($stream // 0) == 2 * $streams + 1;
ok !$passed, 'the key is exhausted';
my $calls = $redis->stat('cmdstat_evalsha', 'calls');
cmp_ok $calls, '<', $streams / 2, "$calls questions about $streams requests whose streams were reset";
is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
$client->leave;
is $nginx->stop, 0, 'nginx ends';

done_testing;
