# What Redis gets to see of clients, and who gets to see the secrets. README.md, "What Redis gets to
# see".

use v5.36;
use File::Basename 'dirname';
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'rate_limit';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Redis;
use Gatehouse::Redis::Fake;
use Gatehouse::Redis::Resp 'reply_octets';
use Gatehouse::Server;

my $secret   = 'an-identity-secret-of-32-octets!';
my $another  = 'some-identity-secret-of-32-octet';
my $password = 'a-password-of-the-gateway';
$ENV{GATE_PASSWORD} = $password;

# Addresses come by X-Real-IP, the others by fields of their own.
my @zones = (
    ['address', '$binary_remote_addr'], ['text', '$remote_addr'], ['subject', '$http_x_subject'],
    ['api_key', '$http_x_api_key'], ['window', '$http_x_subject', 'algorithm=sliding_window'],
    ['leased', '$http_x_subject', 'mode=lease=1s'], ['optimistic', '$http_x_subject', 'mode=optimistic=2'],
);

sub http ($where, $backend, $more = '') {
    my $zones = join '', map {
        my ($name, $key, @more) = @$_;
        "rate_limit_zone $key zone=$name:1m rate=10r/h redis=main on_error=closed @more;\n"
    } @zones;
    my $locations = join '', map {
        "location = /$_->[0] { rate_limit zone=$_->[0]; try_files /index.html =404; }\n"
    } @zones;
    return <<"END";
rate_limit_redis main { server $where; timeout 2s; connect_timeout 2s; $backend }
$zones
set_real_ip_from unix:;
real_ip_header X-Real-IP;
large_client_header_buffers 4 128k;
server {
    listen unix:\$PREFIX/nginx.sock;
    add_header X-Remaining \$rate_limit_remaining always;
    $more
    $locations
}
END
}

# An nginx with that identity secret, or none.
sub nginx ($where, $secret = undef, $backend = '', %options) {
    my $nginx = Gatehouse::Server->new('rate_limit');
    $nginx->file('secret', $secret) if defined $secret;
    $backend .= ' identity_secret_file ' . $nginx->file('secret') . ';' if defined $secret;
    $nginx->configure(http($where, $backend), workers => 1, %options);
    return $nginx->start;
}

# Without waiting for what is under way.
sub stop (@nginx) {
    $_->signal('TERM')->stop for @nginx;
    return;
}

sub remaining ($nginx, $uri, @lines) {
    my $response = $nginx->get($uri, @lines);
    return $response->{status} == 200 ? $response->{headers}{'x-remaining'}[0] : $response->{status};
}

my $redis = Gatehouse::Redis->new(port => 1)->start;
my $where = 'unix:' . $redis->socket;

my $long    = join '', map { sprintf 'k%07d', $_ } 1 .. 8192;    # 64 KB
my @clients = (
    ['/address', 'X-Real-IP: 192.0.2.77'], ['/text', 'X-Real-IP: 192.0.2.78'],
    ['/address', 'X-Real-IP: 2001:db8:1:2:3:4:5:6'], ['/text', 'X-Real-IP: 2001:db8:1:2:3:4:5:7'],
    (map { ["/$_", 'X-Subject: alice@example.test'] } qw(subject window leased optimistic)),
    ['/api_key', 'X-Api-Key: key-1234567890'], ['/api_key', "X-Api-Key: $long"],
);
# Of the addresses also the octets themselves.
my @shown = ('192.0.2.7', '2001:db8', 'alice', 'example', 'key-123', substr($long, 0, 16), substr($long, -16),
    "\xc0\0\2M", "\xc0\0\2N", "\x20\x01\x0d\xb8", $secret);

sub check_octets ($octets, $what) {
    my @found = grep { index($octets, $_) >= 0 } @shown;
    return is_deeply(\@found, [], "$what: nothing of a client, no secret");
}

subtest 'no client is named in Redis' => sub {
    for my $with (undef, $secret) {
        my $what    = defined $with ? 'with a secret' : 'without a secret';
        my $monitor = $redis->connect;
        $monitor->command('MONITOR');
        my $nginx = nginx($where, $with);
        is remaining($nginx, @$_), 9, "$what: $_->[0]" for @clients;
        stop($nginx);
        $redis->command('ECHO', 'the end');
        my $seen = '';
        $seen .= $monitor->reply . "\n" until $seen =~ /"the end"/;
        like $seen, qr/"EVALSHA"/, 'calls were seen';
        check_octets($seen, 'calls');
        my @keys = $redis->all_keys;
        is scalar(@keys), scalar(@clients), 'a key for each';
        is_deeply [grep { !/^gatehouse:\w+:[a-z]+:[0-9a-f]{32}\z/ } @keys], [], 'of one form';
        check_octets("@keys " . join(' ', map { $redis->command('DUMP', $_) } @keys), 'keys and values');
        is scalar(grep { length > 80 } @keys), 0, 'and none is long';
        is_deeply [$redis->keys_without_ttl], [], 'every key has a time to live';
        $redis->command('FLUSHALL');
    }
};

# Every octet that is sent, not only what a server shows of it.
subtest 'no octet on the wire' => sub {
    my $fake = Gatehouse::Redis::Fake->new(answers =>
        { EVALSHA => reply_octets([1, 1_700_000_000_000_000, 1, 0, 9, 360_000_000, 0, 1]) });
    my $nginx = nginx('unix:' . $fake->socket, $secret, 'password_env GATE_PASSWORD;');
    is remaining($nginx, @$_), 9, $_->[0] for grep { $_->[0] ne '/window' } @clients;
    stop($nginx);
    check_octets($fake->received, 'the wire');
    is_deeply [grep { join(' ', @$_) =~ /\Q$password\E/ } $fake->commands], [$fake->commands('AUTH')],
        'the password is in AUTH only';
};

subtest 'nodes share what they have a secret for' => sub {
    my @nodes = map { nginx($where, $secret) } 1 .. 2;
    my @alice = ('/subject', 'X-Subject: alice@example.test');
    is_deeply [map { remaining($nodes[$_ % 2], @alice) } 1 .. 4], [9, 8, 7, 6], 'the same secret: one count';
    is scalar($redis->all_keys), 1, 'one key';
    my @strangers = my ($other, $none) = (nginx($where, $another), nginx($where));
    is remaining($other, @alice), 9, 'another secret: another count';
    is remaining($none, @alice), 9, 'none: yet another';
    is scalar($redis->all_keys), 3, 'three keys';
    is remaining($nodes[0], '/address', 'X-Real-IP: 2001:db8:1:2::1'), 9, 'an address';
    is remaining($nodes[1], '/address', 'X-Real-IP: 2001:db8:1:2:3:4:5:6'), 8, 'its network';
    is remaining($nodes[1], '/subject', 'X-Subject: ALICE@example.test'), 9, 'keys differ by case';
    is remaining($nodes[0], '/api_key', "X-Api-Key: ${long}a"), 9, 'long keys';
    is remaining($nodes[1], '/api_key', "X-Api-Key: ${long}b"), 9, 'differ by their last octet';
    is remaining($nodes[1], '/api_key', "X-Api-Key: ${long}a"), 8, 'and are the same on all nodes';
    stop(@nodes, @strangers);
    $redis->command('FLUSHALL');
};

subtest 'prefix' => sub {
    my $nginx = nginx($where, $secret, 'prefix "gw:$http_x_tenant:";');
    my @alice = ('/subject', 'X-Subject: alice');
    is remaining($nginx, @alice, 'X-Tenant: one'), 9, 'a tenant';
    is remaining($nginx, @alice, 'X-Tenant: two'), 9, 'another one';
    is remaining($nginx, @alice, 'X-Tenant: one'), 8, 'the first again';
    is remaining($nginx, @alice, 'X-Tenant: {tag}'), 9, 'braces';
    is remaining($nginx, @alice, "X-Tenant: *\$-1 \x80"), 9, 'octets that mean something elsewhere';
    is remaining($nginx, @alice), 9, 'nothing';
    my @keys = map { s/subject:.*//r } $redis->all_keys;
    is_deeply \@keys, [sort 'gw::', "gw:*\$-1 \x80:", 'gw:_tag_:', 'gw:one:', 'gw:two:'], 'what keys begin with';
    stop($nginx);
    $redis->command('FLUSHALL');
};

subtest 'secrets stay where they are' => sub {
    my $guarded = Gatehouse::Redis->new(port => 1, password => $password)->start;
    my $nginx   = nginx('127.0.0.1:' . $guarded->port, $secret, 'password_env GATE_PASSWORD;',
        main => 'error_log logs/debug.log debug;');
    is remaining($nginx, @$_), 9, $_->[0] for @clients;
    $guarded->command('ACL', 'SETUSER', 'default', 'resetpass', '>changed');
    $guarded->command('CLIENT', 'KILL', 'USER', 'default');
    $nginx->until(sub { $nginx->status('/subject', 'X-Subject: bob') == 503 }, 'refusal');
    $guarded->command('ACL', 'SETUSER', 'default', 'resetpass', ">$password");
    $nginx->until(sub { $nginx->status('/subject', 'X-Subject: bob') == 200 }, 'recovery');
    my $listed = $guarded->command('CLIENT', 'LIST');
    stop($nginx);

    my $debug = slurp($nginx->file('logs/debug.log'));
    like $debug, qr/\[debug\]/, 'a debug log';
    is index($_->[1], $_->[2]), -1, "$_->[0] is not in $_->[3]" for map {
        my ($name, $value) = @$_;
        map { [$name, $_->[1], $value, $_->[0]] } ['the log', $debug . $nginx->log], ['CLIENT LIST', $listed],
            ['the configuration file', slurp($nginx->file('nginx.conf'))]
    } ['the secret', $secret], ['the password', $password];
    my $beside = dirname(conf_file('secret', $secret));
    my $dumped = conf_dump(http('127.0.0.1:1', "identity_secret_file $beside/secret"
        . '; password_file ' . conf_file('password', "$password\n") . ';') =~ s/\$PREFIX/$beside/r);
    like $dumped, qr/identity_secret_file/, 'nginx -T shows the directives';
    unlike $dumped, qr/\Q$secret\E|\Q$password\E/, 'and no secret';
};

done_testing;
