# rate_limit delay: requests ahead of the rate wait. Times are lower bounds only: no machine is too
# slow for them. (A timer of nginx may be early by what has happened since it looked at the clock.)

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Gatehouse::Wire ();
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END', workers => 1);
rate_limit_zone $arg_k zone=brisk_HERE:1m rate=4r/s REDIS;
rate_limit_zone $arg_k zone=slower_HERE:1m rate=2r/s burst=4 REDIS;
rate_limit_zone $arg_k zone=slow_HERE:1m rate=1r/1m burst=5 REDIS;
rate_limit_zone $arg_k zone=windows_HERE:1m rate=60r/1m rate=2r/2h burst=4 REDIS;
---
location = /HERE/post { rate_limit zone=slower_HERE delay; proxy_pass http://unix:$PREFIX/HERE.sock; }
location = /HERE/brisk { rate_limit zone=brisk_HERE delay; try_files /index.html =404; }
location = /HERE/undelayed { rate_limit zone=brisk_HERE; try_files /index.html =404; }
location = /HERE/both { rate_limit zone=brisk_HERE delay; rate_limit zone=slower_HERE delay; try_files /index.html =404; }
location = /HERE/one { rate_limit zone=brisk_HERE delay; rate_limit zone=slow_HERE; try_files /index.html =404; }
location = /HERE/slow { rate_limit zone=slow_HERE delay; try_files /index.html =404; }
location = /HERE/two { rate_limit zone=slow_HERE delay=2; try_files /index.html =404; }
location = /HERE/all { rate_limit zone=slow_HERE delay=5; try_files /index.html =404; }
location = /HERE/windows { rate_limit zone=windows_HERE delay; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

# A request that will wait for long: what the log says of it. The client is still there.
sub delayed ($uri) {
    my $before = () = $limits->logged($uri);
    my $client = $nginx->client($uri);
    $nginx->until(sub { $limits->logged($uri) > $before }, "delay of $uri");
    return ($client, ($limits->logged($uri))[-1]);
}

$limits->both('at the rate', sub ($here) {
    my $uri     = "/$here/brisk?k=a";
    my @decided = ();
    my $seconds = $limits->seconds(sub { @decided = $limits->decisions($uri, 5) });
    is_deeply \@decided, ["PASSED brisk_$here " . source($here), ("DELAYED brisk_$here " . source($here)) x 4],
        'the first passes, the others wait';
    cmp_ok $seconds, '>=', 0.9, 'four intervals of 250 ms';
    my @logged = $limits->logged($uri);
    is scalar(grep { /\A\[warn\] delaying request by zone "brisk_$here" for \d+ms\z/ } @logged), 4, 'four are logged';
    is scalar @logged, 4, 'and nothing else is';
    $seconds = $limits->seconds(sub { is $limits->passed("/$here/undelayed?k=b", 4), 4, 'without delay' });
    is_deeply [grep { /delaying/ } $limits->logged("/$here/undelayed?k=b")], [], 'nothing waits';
});

sub source ($here) { return $here eq 'redis' ? 'redis' : 'local' }

# Which of them comes first is for the kernel to say; nobody overtakes.
$limits->both('the order', sub ($here) {
    my $uri     = "/$here/brisk?k=o&n=";
    my @clients = map { $nginx->client("$uri$_") } 1 .. 4;
    is_deeply [map { $_->response->{status} } @clients], [(200) x 4], 'all pass';
    my @waited = $nginx->log =~ /delaying .*GET \Q$uri\E(\d)/g;
    my %waited = map { ($_ => 1) } @waited;
    is_deeply [grep { $waited{$_} } map { /n=(\d)/ } $limits->accesses($uri, 4)], \@waited,
        'in the order in which they came';
});

$limits->both('delay=2', sub ($here) {
    my $uri = "/$here/two?k=c";
    is_deeply [$limits->decisions($uri, 3)], [("PASSED slow_$here " . source($here)) x 3], 'two more do not wait';
    my ($client, $logged) = delayed($uri);
    like $logged, qr/\A\[warn\] delaying request by zone "slow_$here" for (?:5\d{4}|60000)ms\z/, 'the next one for a minute';
    my ($next, $longer) = delayed($uri);
    like $longer, qr/\A\[warn\] delaying request by zone "slow_$here" for 1[12]\d{4}ms\z/, 'the one after it for two';
    is $nginx->status($uri), 429, 'what is beyond the burst is refused meanwhile, at once';
    $_->leave for $client, $next;
    is_deeply [map { (split)[1] } grep { /DELAYED/ } $limits->accesses($uri, 6)], [499, 499], 'clients may leave';
    is $nginx->status($uri), 429, 'they have been counted';
    is $limits->passed("/$here/all?k=d", 7), 5, 'delay=5 is the burst: nothing waits';
});

$limits->both('several limits', sub ($here) {
    my $seconds = $limits->seconds(sub { is $limits->passed("/$here/both?k=e", 3), 3, 'both delay' });
    cmp_ok $seconds, '>=', 0.9, 'the longer delay counts';
    $seconds = $limits->seconds(sub { is $limits->passed("/$here/one?k=f", 3), 3, 'the second does not delay' });
    cmp_ok $seconds, '>=', 0.45, 'the first does';
});

$limits->both('several windows', sub ($here) {
    is $limits->passed("/$here/windows?k=g", 1), 1, 'the first one';
    my ($client, $logged) = delayed("/$here/windows?k=g");
    like $logged, qr/ for 3[56]\d{5}ms\z/, 'the second waits for the slower window';
    $client->leave;
});

$limits->both('a connection goes on', sub ($here) {
    my $client = $nginx->client("/$here/brisk?k=h");
    $client->send(Gatehouse::Wire::get("/$here/brisk?k=h")) for 1 .. 3;
    is_deeply [map { $client->response->{status} } 1 .. 4], [(200) x 4], 'pipelined requests are answered in turn';
    $client->leave;
});

$limits->both('a body that arrives meanwhile', sub ($here) {
    my $backend = Gatehouse::Wire::upstream($nginx->file("$here.sock"));
    my $post = sub ($n) {
        my $client = Gatehouse::Wire::client("POST /$here/post?k=p&n=$n HTTP/1.1\r\nHost: localhost\r\n"
            . "Content-Length: 10\r\n\r\n01234", $nginx->file('nginx.sock'));
        $nginx->until(sub { $nginx->log =~ m{delaying .*/$here/post\?k=p&n=$n } }, 'delay') if $n;
        return $client->send('56789');
    };
    my @clients = map { $post->($_) } 0, 1;
    for my $client (@clients) {
        my $asked = $backend->next_request;
        is $asked->body, '0123456789', 'comes in whole';
        $asked->answer(200, 'ok');
        is $client->response->{status}, 200, 'and the response goes out';
        $client->leave;
    }
});

subtest 'a reload' => sub {
    is $nginx->status('/memory/slow?k=i'), 200, 'the first one';
    my ($client) = delayed('/memory/slow?k=i');
    $nginx->signal('HUP')->until(sub { $nginx->log =~ /gracefully shutting down/ }, 'reload');
    is $nginx->status('/memory/slow?k=j'), 200, 'new workers serve';
    $client->leave;
    $nginx->until(sub { $nginx->workers == 1 }, 'end of the old worker');
};

done_testing;
