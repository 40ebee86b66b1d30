# rate_limit_redis: every directive of the block, every mistake in nginx's words with file and line,
# and no secret in any of them. No server is needed: nothing is connected to. (Servers and topologies:
# redis_conf_servers.t.)

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'rate_limit';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Redis::Tls qw(certificate ca_file);

my $place = qr{ in \S+/nginx\.conf:\d+$};
my ($mine, $other) = (certificate('client'), certificate('server'));

my $password = 'correct-horse-battery-staple';
my $identity = 'sixteen octets or more';
conf_file('password',     "$password\n");
conf_file('password.dos', "$password\r\n");
conf_file('identity',     "$identity\n");
conf_file('nul',          "$password\0tail");
conf_file('empty',        '');
conf_file('newline',      "\n");
conf_file('15',           'f' x 15 . "\n");
conf_file('16',           'f' x 16);
conf_file('4096',         'f' x 4096);
conf_file('4097',         'f' x 4097);
conf_file('text',         "no certificate\n");
$ENV{GATEHOUSE_TEST_REDIS} = $password;
$ENV{GATEHOUSE_TEST_EMPTY} = '';
delete $ENV{GATEHOUSE_TEST_UNSET};

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
sub name ($text)  { return $text =~ s/\W.*//r }
sub value ($text) { return $text =~ s/.* //r }

# What is found when the block has been read names the line that is wrong.
for my $case (['database x;', 2], ['username app;', 2], ['no_such x;', 2], ['tls_name redis.test;', 2],
    ['server [::1;', 2], ["topology cluster;\ndatabase 1;", 3], ['', 0, 'rate_limit_redis main { }']) {
    my ($text, $line, $whole) = @$case;
    my ($first, $found) = map { my ($said) = conf_error($_); $said =~ /nginx\.conf:(\d+)$/m }
        'no_such_directive;', $whole // block($text);
    is $found - $first, $line, 'the line of: ' . ($whole // $text =~ s/\n/ /gr);
}

subtest 'the block' => sub {
    accepted($_) for '', 'topology single;', 'database 0;', 'database 15;', 'connect_timeout 1ms;',
        'timeout 1s; connect_timeout 100ms;', 'max_pending 1;', 'prefix "gatehouse:";', 'prefix "w:$host:";', "prefix '';",
        'server 127.0.0.2; server unix:redis.sock;', 'tls off;';
    conf_refused('rate_limit_redis main { }', qr/no "server" in redis "main"$place/, 'no server');
    conf_refused("rate_limit_redis $_", qr/invalid number of arguments in "rate_limit_redis" directive$place/,
        "arguments: $_") for '{ server 127.0.0.1; }', 'a b { server 127.0.0.1; }';
    conf_refused('rate_limit_redis main;', qr/directive "rate_limit_redis" has no opening "\{"$place/, 'no block');
    conf_refused(block() . block(), qr/duplicate redis "main"$place/, 'two of one name');
    conf_accepted(block() . block() =~ s/main/other/r, 'two of different names');
    conf_refused('rate_limit_redis main { server 127.0.0.1;', qr/unexpected end of file, expecting "\}" in \S+:\d+$/,
        'a block without an end');
    refused("$_ 1;", "unknown directive \"$_\"")
        for qw(no_such Server rate_limit listen proxy_pass tls_protocols password);
    refused("$_;", "invalid number of arguments in \"$_\" directive")
        for qw(server topology username password_file password_env database tls tls_ca tls_certificate
            tls_certificate_key tls_name connect_timeout timeout prefix identity_secret_file max_pending);
    refused("$_ a b;", "invalid number of arguments in \"$_\" directive")
        for qw(server username password_file password_env database tls tls_ca tls_certificate
            tls_certificate_key tls_name connect_timeout timeout prefix identity_secret_file max_pending);
    refused('topology sentinel master=a b;', 'invalid number of arguments in "topology" directive');
    refused("$_; $_;", "\"@{[name($_)]}\" directive is duplicate")
        for 'topology single', 'username app', 'password_file password', 'password_env GATEHOUSE_TEST_REDIS', 'database 1',
            'tls on', 'tls_ca a', 'tls_certificate a', 'tls_certificate_key a', 'tls_name a', 'connect_timeout 1s',
            'timeout 1s', 'prefix a', 'identity_secret_file 16', 'max_pending 9';
    refused("$_;", "invalid value \"@{[value($_)]}\" in \"@{[name($_)]}\" directive")
        for 'database x', 'database -1', 'database 1.5', 'connect_timeout 0', 'connect_timeout x', 'connect_timeout -1s',
            'timeout 0ms', 'timeout 1x', 'max_pending 0', 'max_pending 1k', 'max_pending -1', 'topology ring',
            'topology Cluster', 'tls_name [', 'tls_name a/b', 'tls_name redis.test:6379';
    refused("$_ '';", "invalid value \"\" in \"$_\" directive")
        for qw(username database tls_ca tls_certificate tls_certificate_key tls_name connect_timeout timeout max_pending
            topology);
    refused("tls $_;", "invalid value \"$_\" in \"tls\" directive; it must be \"on\" or \"off\"") for qw(yes 1 ON);
    conf_refused(block('prefix $no_such_variable;'), qr/unknown "no_such_variable" variable$/, 'a variable that nobody knows');
    conf_refused(block('server { }'), qr/$place/, 'a block inside');
};

subtest 'passwords' => sub {
    accepted($_) for 'password_file password;', 'username app; password_file password;', 'password_env GATEHOUSE_TEST_REDIS;',
        'password_env GATEHOUSE_TEST_REDIS; username app;', 'password_file 4096;';
    refused('username app;', '"username" needs "password_file" or "password_env"');
    refused('password_file password; password_env GATEHOUSE_TEST_REDIS;',
        '"password_env" cannot be used with "password_file"');
    refused('password_env GATEHOUSE_TEST_UNSET;', 'environment variable "GATEHOUSE_TEST_UNSET" is not set');
    refused('password_env GATEHOUSE_TEST_EMPTY;', 'environment variable "GATEHOUSE_TEST_EMPTY" is empty');
    for my $name (qw(password_file identity_secret_file)) {
        conf_refused(block("$name $_->[0];"), qr/$_->[1]$place/, "$name $_->[0]") for
            ['absent',  qr/open\(\) "\S+\/absent" failed \(2: No such file or directory\)/],
            ['.',       qr/"\S+\/\." is not a regular file/],
            ['empty',   qr/"\S+\/empty" is empty/],
            ['newline', qr/"\S+\/newline" is empty/],
            ['4097',    qr/"\S+\/4097" is too large/];
    }
    conf_refused(block('password_file nul;'), qr/"\S+\/nul" holds a NUL octet$place/, 'NUL in a password');
    conf_refused(block('identity_secret_file 15;'), qr/"\S+\/15" is too short; 16 bytes are the least$place/,
        'a newline is no part of a secret');
    accepted("identity_secret_file $_;") for qw(16 identity nul 4096);
};

subtest 'TLS' => sub {
    my $ca = ca_file();
    accepted("tls on; $_") for '', "tls_ca $ca;", 'tls_name redis.test;', 'tls_name 127.0.0.1;', 'tls_name ::1;',
        "tls_certificate $mine->{certificate}; tls_certificate_key $mine->{key};";
    accepted("tls_certificate $mine->{certificate}; tls_ca $ca; tls_certificate_key $mine->{key}; tls on;");
    refused("$_;", "\"@{[name($_)]}\" needs \"tls on\"")
        for "tls_ca $ca", "tls_certificate $mine->{certificate}", "tls_certificate_key $mine->{key}", 'tls_name a';
    refused("tls off; tls_ca $ca;", '"tls_ca" needs "tls on"');
    refused("tls on; tls_certificate $mine->{certificate};", '"tls_certificate" needs "tls_certificate_key"');
    refused("tls on; tls_certificate_key $mine->{key};", '"tls_certificate_key" needs "tls_certificate"');
    conf_refused('rate_limit_redis main { server unix:a.sock; tls on; }',
        qr/a unix domain socket cannot be used with "tls on"$place/, 'a unix socket');

    conf_refused(block("tls on; $_->[0]"), $_->[1], "tls on; $_->[2]") for
        # Newer nginx: cannot load certificate "...": ... failed.
        ['tls_ca absent;', qr/absent"(?:\)|: \w+\(\)) failed/, 'no such CA'],
        ['tls_ca text;', qr/text"(?:\)|: \w+\(\)) failed/, 'a CA that is none'],
        ["tls_certificate absent; tls_certificate_key $mine->{key};", qr/cannot load certificate "\S+\/absent"/,
            'no such certificate'],
        ["tls_certificate text; tls_certificate_key $mine->{key};", qr/cannot load certificate "\S+\/text"/,
            'a certificate that is none'],
        ["tls_certificate $mine->{certificate}; tls_certificate_key absent;",
            qr/cannot load certificate key "\S+\/absent"/, 'no such key'],
        ["tls_certificate $mine->{certificate}; tls_certificate_key text;",
            qr/cannot load certificate key "\S+\/text"/, 'a key that is none'],
        ["tls_certificate $mine->{certificate}; tls_certificate_key $other->{key};",
            qr/SSL_CTX_use_PrivateKey\(\S*\) failed.*key values mismatch/, 'the key of another certificate'];
};

subtest 'include' => sub {
    conf_file('redis/common.conf', "timeout 1s;\nidentity_secret_file 16;\n");
    conf_file('redis/servers/a.conf', "server 127.0.0.2;\n");
    conf_file('redis/servers/b.conf', "server 127.0.0.3;\n");
    conf_file('redis/broken.conf', "timeout 1s;\ntimeouts 1s;\n");
    conf_file('redis/late.conf', "username app;\n");
    accepted('include redis/common.conf; include redis/servers/*.conf;');
    conf_accepted('rate_limit_redis main { include redis/servers/*.conf; }', 'servers from files only');
    refused('include redis/common.conf; timeout 2s;', '"timeout" directive is duplicate');
    conf_refused(block('include redis/absent.conf;'), qr/open\(\) "\S+\/redis\/absent\.conf" failed/, 'no such file');
    conf_refused(block('include redis/broken.conf;'), qr/unknown directive "timeouts" in \S+\/redis\/broken\.conf:2$/,
        'the place in the file');
    conf_refused(block('include redis/late.conf;'), qr/"username" needs .* in \S+\/redis\/late\.conf:1$/,
        'also for what is found later');
    refused('include;', 'unknown directive "include"');
};

# Whatever is said, no secret is.
subtest 'secrets' => sub {
    my @good = ('username app;', 'identity_secret_file identity;');
    my @shown = ('identity_secret_file', 'username app', 'password_env GATEHOUSE_TEST_REDIS');
    my $dump  = conf_dump(block(@good, 'password_env GATEHOUSE_TEST_REDIS;'));
    like $dump, qr/$_/, "nginx -T shows: $_" for @shown;
    $dump .= conf_dump(block(@good, 'password_file password.dos;'));
    unlike $dump, qr/\Q$password\E|\Q$identity\E/, 'but no secret';
    for my $mistake ('no_such 1;', 'database x;', 'server [;', 'tls_ca absent;', 'identity_secret_file identity;',
        'password_env GATEHOUSE_TEST_REDIS;', 'password_file nul;') {
        my ($text, $status) = conf_error(block(@good, 'password_file password;', $mistake));
        is $status, 1, "refused: $mistake";
        unlike $text, qr/\Q$password\E|\Q$identity\E/, 'and no secret is named';
    }
};

done_testing;
