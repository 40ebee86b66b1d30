# rate_limit under load while nginx is reloaded thirty times, and while its workers are killed:
# every request has its answer, and no more pass than may.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Load;
use Gatehouse::Redis;
use Gatehouse::Server;
use Test::More;

my $burst = 50;
my $rate  = 5;
my @zones = qw(memory window redis lease optimistic);
my $redis = Gatehouse::Redis->new->start;

sub server () {
    my $nginx  = Gatehouse::Server->new('rate_limit');
    my $places = join '', map { "location = /$_ { rate_limit zone=$_; try_files /index.html =404; }\n" } @zones;
    $nginx->configure(<<"END");
rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }
rate_limit_zone \$http_x_key zone=memory:256k rate=${rate}r/s burst=$burst;
rate_limit_zone \$http_x_key zone=window:256k rate=${burst}r/1h algorithm=sliding_window;
rate_limit_zone \$http_x_key zone=redis:256k rate=${rate}r/s burst=$burst redis=main;
rate_limit_zone \$http_x_key zone=lease:256k rate=${rate}r/s burst=$burst redis=main mode=lease=200ms;
rate_limit_zone \$http_x_key zone=optimistic:256k rate=${rate}r/s burst=$burst redis=main mode=optimistic=4;
rate_limit_log_level info;
server {
    listen unix:\$PREFIX/nginx.sock;
    $places
}
END
    return $nginx->start;
}

# What may pass in so many seconds; MODES.md.
sub bound ($zone, $seconds) {
    return $burst if $zone eq 'window';
    my $more = { lease => $rate * 0.2, optimistic => 4 }->{$zone} // 0;
    return $burst + $rate * $seconds + $more + 1;
}

sub load ($nginx, $key) {
    return Gatehouse::Load->start($nginx->file('nginx.sock'), map { ["/$_", "X-Key: $key"] } @zones);
}

# $none requests had no answer, and a key has started afresh $afresh times at most. What $killed
# workers had leased went with them.
sub check ($seen, $none, $afresh, $killed = 0) {
    my ($counts, $seconds) = $seen->@{qw(counts seconds)};
    my @strange = grep { !/ (?:200|429)$/ && !($none && / none$/) } sort keys %$counts;
    is_deeply \@strange, [], 'every request passes or is refused' or diag explain $counts;
    for my $zone (@zones) {
        my $passed = $counts->{"/$zone 200"} // 0;
        my $lost = $zone eq 'lease' ? $killed * $rate * 0.2 : 0;
        cmp_ok $passed, '>=', $burst - $none - $lost, "$zone: what may pass does";
        cmp_ok $passed, '<=', bound($zone, $seconds) + $none + $afresh * $burst, "$zone: and no more";
    }
    return;
}

subtest 'thirty reloads' => sub {
    my $nginx = server();
    my $load  = load($nginx, 'reloads');
    for my $round (1 .. 30) {
        my @old = $nginx->workers;
        $nginx->signal('HUP');
        $nginx->until(sub { Gatehouse::Server::besides(\@old, $nginx->workers) == 2 }, 'new workers');
    }
    check($load->stop, 0, 0);
    $nginx->until(sub { $nginx->workers == 2 }, 'end of the old workers');
    is $nginx->stop, 0, 'nginx ends by itself';
    unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
    is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
};

# A killed worker takes its connections along, and what it was just writing to: at most one key.
subtest 'twenty workers are killed' => sub {
    my $nginx = server();
    my $load  = load($nginx, 'kills');
    my $kills = 20;
    for my $round (1 .. $kills) {
        my @workers = $nginx->workers;
        kill 'KILL', $workers[$round % 2];
        $nginx->until(sub { Gatehouse::Server::besides(\@workers, $nginx->workers) == 1 }, 'another worker');
    }
    my $seen = $load->stop;
    my $none = 0;
    $none += $seen->{counts}{$_} for grep { / none$/ } keys $seen->{counts}->%*;
    cmp_ok $none, '<=', 3 * $kills, 'only requests of killed workers have no answer';
    # To die while writing is rare; if every kill emptied the key, that would be twenty bursts.
    check($seen, $none, 3, $kills);
    is $nginx->status("/$_", 'X-Key: later'), 200, "$_: goes on" for @zones;
    is $nginx->stop, 0, 'nginx ends by itself';
    my @alerts = grep { /\[(?:alert|crit)\]/ && !/exited on signal 9|was locked by/ } split /\n/, $nginx->log;
    is_deeply \@alerts, [], 'nothing else came to harm';
};

done_testing;
