# Reloads and faults of Redis at once, while clients go on asking: none of them is told of it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis;
use POSIX ();
use Test::More;

my $redis = Gatehouse::Redis->new(port => 1)->start;
my $gate  = Gatehouse::Faults->new('127.0.0.1:' . $redis->port, workers => 2,
    backend => 'timeout 200ms; connect_timeout 200ms;', rate => '1000r/h')->start;
my $nginx = $gate->nginx;

# A client in a process of its own, each request on a connection of its own, until the file "stop" is
# there. It prints how often it has seen what, and how often its own key has passed.
sub spawn_client ($number) {
    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid) {
        close $write;
        return { pid => $pid, read => $read };
    }
    my %count;
    until (-e $nginx->file('stop')) {
        for my $uri (qw(/open /local /lease /optimistic)) {
            my $seen = eval { $gate->ask($uri, $number) } // "no answer: $@";
            $count{"$uri $seen"}++;
        }
    }
    print {$write} map { "$count{$_} $_\n" } sort keys %count;
    close $write;
    POSIX::_exit(0);
}

my @clients = map { spawn_client($_) } 1 .. 3;
my @faults  = (
    sub { $redis->command('SCRIPT', 'FLUSH') },
    sub { $redis->restart },
    sub { $redis->command('CLIENT', 'KILL', 'TYPE', 'normal') },
    sub { $redis->freeze },
    sub { $redis->thaw },
    sub { $redis->freeze->kill9->start },
    sub { $redis->command('FLUSHALL') },
    sub { $redis->stop },
    sub { $redis->start },
);
for my $fault (@faults) {
    $fault->();
    $nginx->reload;
}
$gate->wait_recovered;
$nginx->file('stop', '');

my %count;
for my $client (@clients) {
    my $read = $client->{read};
    while (<$read>) {
        /^(\d+) (.*)/ and $count{$2} += $1;
    }
    waitpid $client->{pid}, 0;
}
my @others = grep { !m{^/\w+ (?:200 (?:redis|lease|local|error)|429 (?:redis|deny_cache|local))$} } sort keys %count;
is_deeply \@others, [], 'only answers of limits' or diag explain \%count;
cmp_ok $count{'/open 200 redis'} // 0, '>', 0, 'Redis has decided';
cmp_ok +($count{'/open 200 error'} // 0) + ($count{'/local 200 local'} // 0), '>', 0, 'and on_error';

$gate->check_survived($redis, workers => 1, lines => 6 * @faults);

done_testing;
