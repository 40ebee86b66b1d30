# rate_limit and nginx's reload: what is kept of the counts, configurations that are wrong, requests
# that are under way, connections and memory that are given back. Under load: rate_limit_storm.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire 'upstream';
use Test::More;

my $redis = Gatehouse::Redis->new(password => 'secret-of-the-reloads')->start;
my $nginx = Gatehouse::Server->new('rate_limit');
$nginx->file('password', 'secret-of-the-reloads');

my @locations = ('', 'redis_');
my %zone = (
    gcra   => '$http_x_key zone=%sgcra:256k rate=10r/1d',
    window => '$http_x_key zone=%swindow:256k rate=10r/1d algorithm=sliding_window',
);

# Zones in memory and in Redis, the given ones instead of those above or none in their place, and
# more of the server block.
sub configure ($more = '', %other) {
    my %all   = (%zone, %other);
    my @names = grep { defined $all{$_} } sort keys %all;
    my $zones = join '', map { my $name = $_; map {
        sprintf("rate_limit_zone $all{$name}", $_) . ($_ ? " redis=main;\n" : ";\n")
    } @locations } @names;
    my $places = join '', map { my $name = $_; map {
        "location = /$_$name { rate_limit zone=$_$name; try_files /index.html =404; }\n"
    } @locations } @names;
    $nginx->configure(<<"END");
rate_limit_redis main {
    server unix:@{[$redis->socket]};
    password_file password;
    timeout 2s;
    connect_timeout 2s;
}
$zones
add_header X-Source \$rate_limit_source always;
server {
    listen unix:\$PREFIX/nginx.sock;
    location = /slow { rate_limit zone=gcra; rate_limit zone=redis_gcra; proxy_pass http://unix:\$PREFIX/upstream.sock; }
    $places
    $more
}
END
    return;
}

# Returns when only new workers serve. Old ones may still wait for a timeout of Redis to be over.
sub reload (@configuration) {
    configure(@configuration);
    my @old = serving();
    $nginx->signal('HUP');
    return $nginx->until(sub {
        my @now = serving();
        return @now == 2 && Gatehouse::Server::besides(\@old, @now) == 2;
    }, 'reload');
}

sub serving () {
    return map { /^\s*(\d+) nginx: worker process$/ ? $1 : () } split /\n/, `ps -o pid=,args= --ppid $nginx->{pid}`;
}

# How many requests of a key pass, one after another.
sub passed ($uri, $key) {
    return scalar grep { $_ == 200 } $nginx->statuses($uri, 45, "X-Key: $key");
}

# Uses some of a key, of each zone of that kind.
sub spend ($kind, $key, $count) {
    my @expected = (200) x $count;
    is_deeply [$nginx->statuses("/$_$kind", $count, "X-Key: $key")], \@expected, "$count of /$_$kind" for @locations;
    return;
}

# What each of them lets pass.
sub left ($kind, $key, $expected, $name) {
    is passed("/$_$kind", $key), $expected, "/$_$kind: $name" for @locations;
    return;
}

sub refused_reload ($message) {
    my $errors = () = $nginx->log =~ /\[emerg\]/g;
    $nginx->signal('HUP');
    $nginx->until(sub { (() = $nginx->log =~ /\[emerg\]/g) > $errors }, 'message');
    ok $nginx->log =~ $message, 'the log says why';
    return;
}

# The source of the next answer.
sub source ($uri, $key) { return $nginx->get($uri, "X-Key: $key")->{headers}{'x-source'}[0] }

sub connections () { return scalar grep { / name=gatehouse/ } split /\n/, $redis->command('CLIENT', 'LIST') }

# The shared memory of the master.
sub mappings () {
    open my $maps, '<', "/proc/$nginx->{pid}/maps" or die "maps: $!";
    return scalar grep { m{/dev/zero} } <$maps>;
}

configure();
$nginx->start;
my $upstream = upstream($nginx->file('upstream.sock'));

subtest 'counts survive' => sub {
    for my $kind (qw(gcra window)) {
        spend($kind, 'kept', 4);
        spend($kind, 'refused', 10);
        is source("/redis_$kind", 'refused'), 'deny_cache', "$kind: refused from memory";
    }
    reload();
    for my $kind (qw(gcra window)) {
        my $calls = $redis->stat('cmdstat_evalsha', 'calls');
        is source("/redis_$kind", 'refused'), 'deny_cache', "$kind: the deny cache is kept";
        is $redis->stat('cmdstat_evalsha', 'calls'), $calls, "$kind: Redis is not asked again";
        left($kind, 'kept', 6, 'what was left');
    }
};

subtest 'a changed rate applies to what has been counted' => sub {
    for my $kind (qw(gcra window)) {
        spend($kind, 'doubled', 4);
        spend($kind, 'cut', 4);
        spend($kind, 'second', 4);
        left($kind, 'exhausted', 10, 'all');
    }
    reload('', map { ($_ => $zone{$_} =~ s/10r/20r/r) } keys %zone);
    left('gcra',   'doubled', 12, 'four of ten are eight of twenty');
    left('window', 'doubled', 16, 'four of twenty');
    left('window', 'exhausted', 10, 'ten more, whatever was known about the key');

    reload('', map { ($_ => $zone{$_} =~ s/10r/5r/r) } keys %zone);
    left('gcra',   'cut', 3, 'four of ten are two of five');
    left('window', 'cut', 1, 'four of five');

    reload('', map { ($_ => "$zone{$_} rate=8r/2d") } keys %zone);
    left($_, 'second', 4, 'the nearer of two windows') for qw(window);
    reload();
};

subtest 'another key, size or algorithm: afresh' => sub {
    my %other = (
        'key'       => { map { ($_ => $zone{$_} =~ s/key/key\$arg_k/r) } keys %zone },
        'size'      => { map { ($_ => $zone{$_} =~ s/256k/512k/r) } keys %zone },
        'algorithm' => { gcra   => "$zone{gcra} algorithm=sliding_window",
                         window => $zone{window} =~ s/ algorithm=\w+//r },
    );
    for my $what (sort keys %other) {
        spend($_, "another $what", 4) for qw(gcra window);
        reload('', $other{$what}->%*);
        for my $kind (qw(gcra window)) {
            is passed("/$kind", "another $what"), 10, "/$kind: $what";
            # What is in Redis has nothing to do with the size of this node's memory.
            is passed("/redis_$kind", "another $what"), $what eq 'size' ? 6 : 10, "/redis_$kind: $what";
        }
        reload();
    }
};

subtest 'a reload with a mistake changes nothing' => sub {
    spend('gcra', 'mistake', 4);
    $nginx->until(sub { $nginx->workers == 2 }, 'end of the old workers');
    my @workers = $nginx->workers;
    my $clients = connections();
    configure('rate_limit zone=absent;');
    refused_reload(qr/unknown zone "absent"/);
    configure('', gcra => $zone{gcra} =~ s/256k/512k/r, window => $zone{window} =~ s/10r/10x/r);
    refused_reload(qr/invalid parameter "rate=10x/);
    rename $nginx->file('password'), $nginx->file('moved');
    configure('', gcra => $zone{gcra} =~ s/256k/512k/r);
    refused_reload(qr/password" failed/);
    rename $nginx->file('moved'), $nginx->file('password');
    is_deeply [$nginx->workers], \@workers, 'the workers are the same';
    is connections(), $clients, 'and their connections';
    left('gcra', 'mistake', 6, 'and the counts');
    reload();
    left('gcra', 'mistake', 0, 'and the next reload keeps them');
};

subtest 'a zone that comes and goes' => sub {
    my $mappings = mappings();
    my %new = (new => '$http_x_key zone=%snew:256k rate=10r/1d');
    reload('', %new);
    spend('new', 'returned', 4);
    reload();
    is mappings(), $mappings, 'memory is given back';
    is $nginx->status('/new', 'X-Key: returned'), 404, 'gone';
    reload('', %new);
    is passed('/new', 'returned'), 10, 'in memory it starts afresh';
    is passed('/redis_new', 'returned'), 6, 'in Redis it goes on';
    reload('', window => undef, %new) for 1 .. 2;
    reload();
    is mappings(), $mappings, 'memory is given back again';
};

subtest 'requests under way end on the worker that they began on, and are charged' => sub {
    my $slow = $nginx->client('/slow', 'X-Key: slow');
    my $asked = $upstream->next_request;
    my $half = Gatehouse::Wire::client("GET /slow HTTP/1.1\r\nHost: localhost\r\n", $nginx->file('nginx.sock'));
    $redis->freeze;
    my $waits = $nginx->client('/redis_gcra', 'X-Key: slow', 'Connection: close');
    my @old   = $nginx->workers;
    # A worker that has accepted the connections does not leave them.
    is $nginx->status('/none'), 404, 'others are served' for 1 .. 4;
    $nginx->signal('HUP');
    $nginx->until(sub { Gatehouse::Server::besides(\@old, $nginx->workers) == 2 }, 'new workers');
    $redis->thaw;
    is $waits->response->{status}, 200, 'the one that waited for Redis';
    $half->send("X-Key: slow\r\nConnection: close\r\n\r\n");
    my $second = $upstream->next_request;
    $_->answer(200, 'done') for $asked, $second;
    is $_->response->{body}, 'done', 'one that waited for its upstream, or was half sent' for $slow, $half;
    $_->leave for $slow, $half, $waits;
    $nginx->until(sub { $nginx->workers == 2 }, 'end of the old workers');
    is passed('/gcra', 'slow'), 8, 'two charges in memory';
    is passed('/redis_gcra', 'slow'), 7, 'three in Redis';
    $redis->until(sub { connections() == 2 }, 'end of the old connections');
    pass 'the connections of the old workers are gone';
};

subtest 'a reload gives back what the configuration before it held' => sub {
    plan skip_all => 'a sanitizer keeps freed memory' if $ENV{ASAN_OPTIONS};
    my $before = $nginx->memory;
    my $mappings = mappings();
    reload(join '', map { <<"END" } 1 .. 250);
location = /many$_ {
    rate_limit zone=gcra rate=\$arg_rate cost=\$arg_cost;
    rate_limit_bypass \$arg_bypass 192.0.2.$_;
}
END
    my $one = $nginx->memory - $before;
    $nginx->reload for 1 .. 5;
    my $few = $nginx->memory;
    $nginx->reload for 1 .. 15;
    my $many = $nginx->memory;
    cmp_ok $one, '>', 200, 'the configuration can be told from noise';
    cmp_ok $many - $few, '<', 5 * $one, 'fifteen reloads keep less than five configurations';
    is mappings(), $mappings, 'and no shared memory';
};

is $nginx->stop, 0, 'nginx ends by itself';
my $log = $nginx->log;
unlike $log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
unlike $log, qr/secret-of-the/, 'no password is in the log';

done_testing;
