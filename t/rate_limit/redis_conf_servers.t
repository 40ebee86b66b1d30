# rate_limit_redis: the servers of a block and how they belong together. Nothing is connected to or
# resolved when the configuration is read.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'rate_limit';

my $place = qr{ in \S+/nginx\.conf:\d+$};

# One directive a line, after a server.
sub block (@directives) { return join "\n", 'rate_limit_redis main {', 'server 127.0.0.1;', @directives, '}' }

sub refused ($directives, $message, $name = $directives) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_refused(block($directives), qr/\[emerg\] (?:\d+#\d+: )?\Q$message\E$place/, $name);
}
sub accepted ($directives, $warning = undef) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return conf_accepted(block($directives), $directives, $warning);
}
sub servers ($message, @servers) {
    for my $server (@servers) {
        conf_refused("rate_limit_redis main { server $server; }", qr/\Q$message in server "$server"\E$place/, "server $server");
    }
    return;
}

subtest 'servers' => sub {
    conf_accepted("rate_limit_redis main { server $_; }", "server $_")
        for qw(127.0.0.1 127.0.0.1:6380 127.255.0.1 localhost localhost:1 [::1] [::1]:65535 unix:/run/redis.sock
            unix:redis.sock);
    servers('invalid port', qw(127.0.0.1:0 127.0.0.1:65536 127.0.0.1:x 127.0.0.1:-1 127.0.0.1:+1 127.0.0.1:06379
        127.0.0.1: [::1]: [::1]x [::1]:0));
    servers('invalid host', qw(:6379 -a a/b $host a@b http//a));
    servers('invalid IPv4 address', qw(127.0.0.256 1.2.3 1 127.0.0.1.2));
    servers('invalid IPv6 address', qw([::1 [1] [::g] []));
    servers('an IPv6 address needs brackets', qw(::1 2001:db8::1));
    servers('no path in the unix domain socket', 'unix:');
    servers('too long path in the unix domain socket', 'unix:/' . 'x' x 120);
    # What clients of Redis take; no message shows what may be a password.
    my %url = (
        'redis://127.0.0.1:6380' => ['redis://127.0.0.1:6380', 'server 127.0.0.1:6380'],
        'redis://redis.example'  => ['redis://redis.example', 'server redis.example'],
        'rediss://redis.example:6380/2' => ['rediss://redis.example:6380/2', 'server redis.example:6380', 'tls on', 'database 2'],
        'redis://u:pw@127.0.0.1:6379/0' => ['redis://...@127.0.0.1:6379/0', 'server 127.0.0.1:6379', 'database 0',
            'username name', 'password_file file'],
        'redis://:p/w@x@[::1]:6379' => ['redis://...@[::1]:6379', 'server [::1]:6379', 'password_file file'],
        'TLS://10.0.0.1?password=pw' => ['TLS://10.0.0.1?...', 'server 10.0.0.1', 'tls on'],
        'redis+unix:///run/redis.sock' => ['redis+unix:///run/redis.sock', 'server unix:/run/redis.sock'],
        'unix:///run/redis.sock?db=1'  => ['unix:///run/redis.sock?...', 'server unix:/run/redis.sock'],
        'redis-sentinel://10.0.0.1/main' => ['redis-sentinel://10.0.0.1/main', 'server 10.0.0.1', 'topology sentinel master=name'],
        'pw@127.0.0.1:6379'  => ['...@127.0.0.1:6379', 'server 127.0.0.1:6379', 'username name', 'password_file file'],
        'redis.example:6379/3' => ['redis.example:6379/3', 'server redis.example:6379', 'database 3'],
        'redis://a:1,b:2/'   => ['redis://a:1,b:2/', 'server address:port'],
        'redis://'           => ['redis://', 'server address:port'],
    );
    for my $server (sort keys %url) {
        my ($shown, @directives) = $url{$server}->@*;
        my $instead = join ', ', map { "\"$_;\"" } @directives;
        conf_refused("rate_limit_redis main { server $server; }",
            qr/\[emerg\] (?:\d+#\d+: )?invalid address in server "\Q$shown\E"; write \Q$instead\E$place/, "server $server");
    }
    conf_refused('rate_limit_redis main { server a:1,b:2; }', qr/"a:1,b:2"; each address needs a "server" of its own$place/, 'a list');
    servers('invalid host', qw(tcp:redis.example:6379 redis:x:1));
    refused("server $_;", "duplicate server \"$_\"") for qw(127.0.0.1 127.0.0.1:6379 localhost);
    conf_refused('rate_limit_redis main { server unix:a.sock; server unix:a.sock; }',
        qr/duplicate server "unix:a\.sock"$place/, 'a socket twice');
    accepted('server 127.0.0.1:6380; server [::1];');

    my $named = 'rate_limit_redis main { tls on; server redis.test; }';
    conf_refused($named, qr/no resolver defined to resolve "redis\.test"$place/, 'a name without a resolver');
    conf_accepted("resolver 127.0.0.1; $named", 'a name with one');
    conf_accepted("$named resolver 127.0.0.1;", 'that may come later');
    conf_refused("$named server { resolver 127.0.0.1; }", qr/no resolver defined to resolve "redis\.test"$place/,
        'but not deeper');
};

subtest 'topology' => sub {
    accepted($_) for 'topology cluster;', 'topology sentinel master=main;', 'server 127.0.0.2; topology cluster;',
        'topology sentinel master=main; database 3;';
    refused('topology sentinel;', '"topology sentinel" needs "master" parameter');
    refused("topology sentinel $_;", "invalid parameter \"$_\"") for qw(master= main name=main master);
    refused("topology $_ master=main;", 'invalid parameter "master=main"') for qw(single cluster);
    refused('topology cluster; database 1;', '"database" cannot be used with "topology cluster"');
    accepted('topology cluster; database 0;');
    conf_refused('rate_limit_redis main { server unix:a.sock; topology cluster; }',
        qr/a unix domain socket cannot be used with "topology cluster"$place/, 'a cluster behind a unix socket');
    # The default port depends on the topology, wherever that stands.
    refused('server 127.0.0.1:26379; topology sentinel master=main;', 'duplicate server "127.0.0.1:26379"');
    accepted('server 127.0.0.1:6379; topology sentinel master=main;');
};

subtest 'plaintext' => sub {
    my $warning = sub ($name) { qr/\[warn\].* connections to redis "\Q$name\E" are not encrypted; set "tls on"$place/ };
    accepted("server $_->[0];", $warning->($_->[1])) for ['192.0.2.1', '192.0.2.1:6379'],
        ['192.0.2.1:6380', '192.0.2.1:6380'], ['[2001:db8::1]', '[2001:db8::1]:6379'], ['10.0.0.1', '10.0.0.1:6379'],
        ['[::ffff:192.0.2.1]', '[::ffff:192.0.2.1]:6379'], ['0.0.0.0', '0.0.0.0:6379'];
    conf_accepted('resolver 127.0.0.1; ' . block('server redis.test;'), 'a name', $warning->('redis.test:6379'));
    conf_accepted(block('server 192.0.2.1; tls off;'), 'tls off', $warning->('192.0.2.1:6379'));
    conf_accepted(block('server 192.0.2.1; topology sentinel master=main;'), 'a sentinel',
        $warning->('192.0.2.1:26379'));
    accepted($_) for 'server 192.0.2.1; tls on;', 'server 127.9.9.9; server [::1]; server unix:redis.sock;',
        'server localhost:7000;';
};

done_testing;
