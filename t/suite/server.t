# Gatehouse::Server, on nginx without any module of ours.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Server;
use Test::More;

my $site = <<'END';
limit_req_zone $http_x_key zone=keys:1m rate=1r/m;
server {
    listen unix:$PREFIX/nginx.sock;
    keepalive_requests 4;
    location = /limited {
        limit_req zone=keys burst=2 nodelay;
        limit_req_status 429;
        try_files /index.html =404;
    }
    location = /echo {
        add_header X-Pid $pid;
        add_header X-Pair one;
        add_header X-Pair two;
        return 200 "$http_x_key $connection_requests\n";
    }
}
END

my $nginx = Gatehouse::Server->new;
$nginx->configure($site, workers => 1, main => 'worker_shutdown_timeout 5s;', events => 'multi_accept on;');
$nginx->start;
is scalar(my @one = $nginx->workers), 1, 'one worker';

my $response = $nginx->get('/echo', 'X-Key: a');
is $response->{status}, 200, 'a status';
is $response->{body}, "a 1\n", 'a body';
is_deeply $response->{headers}{'x-pid'}, \@one, 'a header';
is_deeply $response->{headers}{'x-pair'}, [qw(one two)], 'a header that is there twice';
is $nginx->status('/absent'), 404, 'a status alone';

is_deeply [$nginx->statuses('/limited', 5, 'X-Key: a')], [200, 200, 200, 429, 429], 'requests in a row';
is_deeply [$nginx->statuses('/echo', 10)], [(200) x 10], 'more than one connection may carry';
is_deeply [$nginx->statuses('/echo', 0)], [], 'none';

my $other = Gatehouse::Server->new;
$other->configure($site);
$other->start;
is scalar(my @two = $other->workers), 2, 'another nginx, with two workers';
is $other->status('/limited', 'X-Key: a'), 200, 'which has counted nothing yet';
$other->configure($site, workers => 3);
$other->reload;
is scalar(my @three = $other->workers), 3, 'and three after a reload';
is_deeply [$nginx->workers], \@one, 'the first one is as it was';
is $_->stop, 0, 'an orderly end' for $nginx, $other;

done_testing;
