package Gatehouse::Limits;

# An nginx whose limits exist twice, counted in memory and in a Redis of the test's own, since both
# have to do the same.
#
#   my $limits = Gatehouse::Limits->new(<<'END');
#   rate_limit_zone $arg_k zone=ten_HERE:1m rate=10r/1h REDIS;
#   ---
#   location = /HERE/ten { rate_limit zone=ten_HERE; try_files /index.html =404; }
#   END
#   $limits->both('in a row', sub ($here) {               # 'memory', then 'redis'
#       is $limits->passed("/$here/ten?k=a", 12), 10;     # of 12 requests, the first ten
#   });
#
# What is before the line of hyphens goes into the http block, the rest into a server block. The
# lines with HERE or REDIS are there for both; "redis=main" and "redis=second" are two Redis blocks,
# of one server, which is SOCKET, and two databases. Keys come in as $arg_k, addresses in X-Real-IP.
# The statuses, headers and logs: nginx(), a Gatehouse::Server; redis(), a Gatehouse::Redis.

use v5.36;
use Gatehouse::Redis ();
use Gatehouse::Server ();
use Test::More ();
use Time::HiRes ();

my %store = (memory => '', redis => 'redis=main');

sub new ($class, $text, %options) {
    my $redis = Gatehouse::Redis->new->start;
    my $nginx = Gatehouse::Server->new('rate_limit');
    my $socket = $redis->socket;
    my ($http, $server) = map { join '', map { doubled($_) } split /^/ }
        split /^---\n/m, $text =~ s/\bSOCKET\b/unix:$socket/gr;
    $nginx->configure(<<"END", %options);
rate_limit_redis main { server unix:$socket; timeout 2s; connect_timeout 2s; }
rate_limit_redis second { server unix:$socket; timeout 2s; connect_timeout 2s; database 1; }
log_format decided '\$request_uri \$status \$rate_limit_status \$rate_limit_zone \$rate_limit_source';
large_client_header_buffers 4 128k;
set_real_ip_from unix:;
real_ip_header X-Real-IP;
add_header X-Decided "\$rate_limit_status \$rate_limit_zone \$rate_limit_source" always;
$http
server {
    listen unix:\$PREFIX/nginx.sock;
    root \$PREFIX/html;
    access_log logs/decided.log decided;
$server
}
END
    $nginx->start;
    return bless { redis => $redis, nginx => $nginx }, $class;
}

sub doubled ($line) {
    return $line unless $line =~ /\bREDIS\b|HERE\b/;
    return map { my $here = $_; $line =~ s/HERE\b/$here/gr =~ s/\bREDIS\b/$store{$here}/gr } sort keys %store;
}

sub nginx ($self) { return $self->{nginx} }
sub redis ($self) { return $self->{redis} }

sub both ($self, $name, $test) {
    for my $here (sort keys %store) {
        Test::More::subtest("$name: $here" => sub { $test->($here) });
    }
    return;
}

# How many of $count requests in a row pass. Those that do not must be refused with 429, and come
# after those that do.
sub passed ($self, $uri, $count, @lines) {
    my @statuses = $self->{nginx}->statuses($uri, $count, @lines);
    my $text     = join ' ', @statuses;
    Test::More::diag("$uri: $text") unless $text =~ /\A(?:200 ?)*(?:429 ?)*\z/;
    return $text =~ /\A((?:200 ?)*)(?:429 ?)*\z/ ? scalar(split ' ', $1) : $text;
}

# Seconds that $do takes: for lower bounds, as no machine is too slow for them.
sub seconds ($self, $do) {
    my $start = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
    $do->();
    return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - $start;
}

# What X-Decided says in the responses to so many requests: "PASSED api redis".
sub decisions ($self, $uri, $count, @lines) {
    return map { $self->{nginx}->get($uri, @lines)->{headers}{'x-decided'}[0] } 1 .. $count;
}

# The lines of the error log, from the level on and without what differs from run to run, of
# requests for a URI: '[error] limiting requests by zone "api", retry after 9s'.
sub logged ($self, $uri) {
    return map { /(\[\w+\]) \d+#\d+: \*\d+ (.*?), client: .*"GET \Q$uri\E HTTP/ ? "$1 $2" : () }
        split /\n/, $self->{nginx}->log;
}

# The lines of the access log, once there are so many that begin with this URI.
sub accesses ($self, $uri, $count) {
    my $path = $self->{nginx}->file('logs/decided.log');
    my @lines;
    $self->{nginx}->until(sub {
        open my $log, '<', $path or return 0;
        @lines = map { s/\n//r } grep { /^\Q$uri\E/ } <$log>;
        return @lines >= $count;
    }, "$count lines of $uri in the access log");
    return @lines;
}

1;
