# Workers connect to Redis when they start, and have the whole connect_timeout for it, however long
# nginx took to read its configuration.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Redis;
use Gatehouse::Server;
use Test::More;
use Time::HiRes 'time';

my $redis  = Gatehouse::Redis->new->start;
my $socket = $redis->socket;
my $nginx  = Gatehouse::Server->new('rate_limit');
my $patience = $ENV{ASAN_OPTIONS} ? 2 : 0.4;
my $networks = $ENV{ASAN_OPTIONS} ? 300_000 : 600_000;
$nginx->file('networks', join '', map { sprintf "%d.%d.%d.%d/32 1;\n", unpack 'C4', pack 'N', $_ * 7919 } 1 .. $networks);
$nginx->configure(<<"END");
geo \$known { default 0; include networks; }
rate_limit_redis main { server unix:$socket; connect_timeout @{[$patience * 1000]}ms; timeout 2s; }
rate_limit_zone \$arg_k zone=api:1m rate=2r/1h redis=main;
server {
    listen unix:\$PREFIX/nginx.sock;
    add_header X-Source \$rate_limit_source;
    location / { rate_limit zone=api; try_files /index.html =404; }
}
END
my $begin = time;
$nginx->start;
cmp_ok time - $begin, '>', $patience, 'nginx takes longer to read its configuration';
is $nginx->get('/?k=a')->{headers}{'x-source'}[0], 'redis', 'Redis is asked';
unlike $nginx->log, qr/is down/, 'and was never missed';

$nginx->stop;
done_testing;
