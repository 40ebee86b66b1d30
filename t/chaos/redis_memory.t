# More keys than a zone has room for: nobody is told of it, memory stays what it is, and what counts
# is in Redis, or forgotten, the least useful first.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Redis;
use Test::More;

srand 64;

my $redis = Gatehouse::Redis->new->start;
my $gate  = Gatehouse::Faults->new('unix:' . $redis->socket, size => '32k', rate => '10r/m',
    http   => <<'END',
rate_limit_zone $http_x_key zone=alone:32k rate=10r/m;
rate_limit_zone $binary_remote_addr zone=address:32k rate=10r/m;
rate_limit_zone $binary_remote_addr zone=address_redis:32k rate=10r/m redis=main;
set_real_ip_from unix:;
real_ip_header X-Key;
large_client_header_buffers 4 128k;
END
    server => join '', map { "location = /$_ { rate_limit zone=$_; try_files /index.html =404; }\n" }
        qw(alone address address_redis));
$gate->start;

sub random_key (@) { return sprintf '%08x%08x', rand 2**32, rand 2**32 }
sub random_address (@) { return join ':', map { sprintf '%x', rand 2**16 } 1 .. 8 }

sub worker_memory () {
    my ($worker) = $gate->nginx->workers;
    my ($kb) = slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+) kB/m or die 'no VmRSS';
    return $kb;
}

# Of each of 20 connections. A sanitized nginx is slow, and its zones are as small.
my $many  = $ENV{ASAN_OPTIONS} ? 100 : 1000;
my %flood = (
    '/alone'         => [$many, \&random_key,     'local'],
    '/address'       => [$many, \&random_address, 'local'],
    '/address_redis' => [100,   \&random_address, 'redis'],
    '/closed'        => [100,   \&random_key,     'redis'],
    '/lease'         => [100,   \&random_key,     'lease'],
    '/optimistic'    => [100,   \&random_key,     'redis'],
);

for my $uri (sort keys %flood) {
    my ($requests, $key, $source) = $flood{$uri}->@*;
    subtest "$uri: random keys" => sub {
        my @first = $gate->flood(uri => $uri, connections => 20, requests => $requests / 10, key => $key);
        my $memory = worker_memory();
        my @seen = $gate->flood(uri => $uri, connections => 20, requests => $requests, key => $key);
        is_deeply Gatehouse::Faults::tally(@first, @seen), { "200 $source" => 22 * $requests }, 'all pass';
        cmp_ok worker_memory() - $memory, '<', 4096, 'and none of them is kept in mind' unless $ENV{ASAN_OPTIONS};
    };
}

subtest 'what Redis counts is not forgotten' => sub {
    is $gate->ask('/closed', 'counted'), '200 redis', 'spent' for 1 .. 9;
    $gate->flood(uri => '/closed', connections => 20, requests => 50, key => \&random_key);
    is $gate->nginx->get('/closed', 'X-Key: counted')->{headers}{'x-remaining'}[0], 0, 'nothing is left';
    is $gate->ask('/closed', 'counted'), '429 deny_cache', 'which this node has taken note of, as ever';
};

# A key that is asked for all the time is kept, for it does not expire first.
subtest 'a zone without Redis keeps what is in use' => sub {
    my @seen = $gate->flood(uri => '/alone', connections => 20, requests => 50,
        key => sub ($connection, $request) { $connection == 1 ? 'in use' : random_key() });
    my $passed = grep { $_->{asked} eq 'in use' && $_->{status} == 200 } @seen;
    cmp_ok $passed, '<', 50, "$passed of 50 requests at once have passed";
};

subtest 'while Redis is away' => sub {
    $redis->freeze->kill9;
    $gate->wait_down;
    for my $uri (qw(/local /lease /optimistic)) {
        my @seen = $gate->flood(uri => $uri, connections => 20, requests => 100, key => \&random_key);
        is_deeply Gatehouse::Faults::tally(@seen), { '200 local' => 2000 }, "$uri: all pass";
    }
    $redis->start;
    $gate->wait_recovered;
};

subtest 'addresses of one network' => sub {
    my @seen = $gate->flood(uri => '/address_redis', connections => 10, requests => 10,
        key => sub (@) { '2001:db8:1:2:' . join ':', map { sprintf '%x', rand 2**16 } 1 .. 4 });
    is scalar(grep { $_->{status} == 200 } @seen), 10, 'are one key';
};

subtest 'long keys' => sub {
    my $long = join '', map { sprintf 'k%07d', $_ } 1 .. 8192;    # 64 KB
    for my $uri (qw(/closed /lease /optimistic /alone)) {
        my @clients = map { $gate->begin($uri, $long . $_ % 2) } 1 .. 8;
        my @seen    = map { $_->response } @clients;
        is_deeply [map { $_->{status} } @seen], [(200) x 8], "$uri: pass";
        $_->leave for @clients;
        # What has been leased is not left over.
        my ($least) = sort { $a <=> $b } map { $_->{headers}{'x-remaining'}[0] } @seen;
        cmp_ok $least, '>=', 6, 'and are told apart by their last octet' if $uri ne '/lease';
    }
};

my @about = grep { /rate_limit|zone "|memory/ && !/limiting requests/ } split /\n/, $gate->nginx->log;
is_deeply \@about, [], 'the log has nothing about it';
$gate->check_survived($redis);

done_testing;
