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
my ($next, $asked) = (1, 0);
sub answered ($key) {
    my $wanted = $next += 2;
    $client->send(h2_get($wanted, "/t?k=$key"));
    ++$asked;
    while (1) {
        my ($stream, $passed) = $client->h2_response;
        return $passed if $stream == $wanted;
    }
}
for my $round (1 .. $streams / 10) {
    $client->send(join '', map { $next += 2; h2_get($next, '/t?k=rapid') . h2_reset($next) } 1 .. 10);
    # Redis answers in turn: with this one, all of the round.
    answered("other$round");
}
ok !answered('rapid'), 'the key is exhausted';
my $calls = $redis->stat('cmdstat_evalsha', 'calls') - $asked;
cmp_ok $calls, '<', $streams / 2, "$calls questions about $streams requests whose streams were reset";
is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
$client->leave;
is $nginx->stop, 0, 'nginx ends';

done_testing;
