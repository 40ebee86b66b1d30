# modsecurity_rules_remote: rules from a server that knows us by a key, and why they could not be had. That server's certificate is one of the authorities of the machine, for as long as
# an nginx of this test lives and for nobody else: each has a mount namespace of its own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Gatehouse::Jose::Keys qw(openssl slurp spew test_dir);

my ($own, $cannot_trust);
BEGIN {
    $own = File::Temp->newdir('trust-XXXXXX', DIR => test_dir());
    chmod 0755, "$own" or die "chmod $own: $!";
    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    spew("$own/nginx", "#!/bin/sh\nexec unshare -m sh -c 'mount --bind $own/certs /etc/ssl/certs && exec \"\$0\" \"\$\@\"' $binary \"\$\@\"\n");
    chmod 0755, "$own/nginx" or die "chmod $own/nginx: $!";
    mkdir "$own/certs" or die "mkdir: $!";
    if (system("unshare -m mount --bind $own/certs /etc/ssl/certs >$own/said 2>&1") == 0) {
        $ENV{TEST_NGINX_BINARY} = "$own/nginx";
    } else {
        $cannot_trust = 'an authority needs a mount namespace: ' . slurp("$own/said");
    }
}
use Gatehouse::ConfTest 'waf';
use Gatehouse::Server;
use Gatehouse::Waf;
use Gatehouse::Wire 'free_port';
use IO::Socket::INET ();
use POSIX ();

my $server = Gatehouse::Server->new;

# A key and a certificate of its own, for localhost.
sub certificate ($name) {
    my $key = $server->file("$name.key", openssl('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)));
    return $server->file("$name.pem", openssl('', qw(req -new -batch -x509 -days 2 -subj /CN=localhost
        -addext subjectAltName=DNS:localhost -key), $key));
}

# The library looks for authorities in all files of the directory, or in that of this name.
spew("$own/certs/ca-certificates.crt", slurp(certificate('trusted')));
certificate('unknown');

my ($port, $secure, $unknown, $silent, $closed) = do { my $first = free_port(1 .. 4); ($first .. $first + 4) };
my $http = <<'END';
log_format key "$uri $http_modsec_key $https";
map $http_modsec_key $stranger { gate-7 ""; default 1; }
END
my @listen = (["$port", 'trusted'], ["$secure ssl", 'trusted'], ["$unknown ssl", 'unknown']);
$server->configure(join('', $http, map { <<"END" } @listen), workers => 1);
server {
    listen 127.0.0.1:$_->[0];
    ssl_certificate $_->[1].pem;
    ssl_certificate_key $_->[1].key;
    access_log logs/access.log key;
    if (\$stranger) { return 401; }
}
END
$server->file('html/rules.conf', qq{SecRuleEngine On\nSecRule ARGS:q "\@streq bad" "id:1,phase:1,deny"\n});
$server->file('html/broken.conf', "SecRuleEngine On\nSecNonsense On\n");
$server->file('html/fatal.conf', qq{SecRuleEngine On\nSecRule ARGS:/(/ "\@streq bad" "id:1,phase:1,deny"\n});
$server->file('html/more.conf', "\nSecRemoteRules gate-7 http://127.0.0.1:$port/rules.conf\n");
$server->file('html/large.conf', '#' x (17 << 20));
$server->start;

sub remote ($key, $url, $more = '') { return "modsecurity on; modsecurity_rules_remote $key $url; $more server {}" }
subtest 'rules that arrive' => sub {
    my $http = "http://127.0.0.1:$port";
    conf_accepted(remote('gate-7', "$http/rules.conf"), 'are taken');
    conf_refused(remote('gate-7', "$http/rules.conf", q{modsecurity_rules 'SecRule ARGS "@rx a" "id:1,phase:1,deny"';}),
        qr/rule id 1 is duplicated/, 'count as any');
    conf_refused(remote('gate-7', "$http/broken.conf"), qr{broken\.conf:2: .*SecNonsense.* in \S+/nginx\.conf:\d+$}, 'a mistake');
    conf_refused(remote('gate-7', "$http/fatal.conf"), qr{fatal\.conf:2: .* in \S+/nginx\.conf:\d+$}, 'one that libmodsecurity would crash of');
    conf_refused(remote('gate-7', "$http/more.conf"), qr{more\.conf:2: SecRemoteRules is not supported}, 'more of them');
};

subtest 'reasons' => sub {
    my $why = sub ($reason) { qr{\[emerg\] \S+ cannot download the rules: $reason in \S+/nginx\.conf:\d+$} };
    conf_refused(remote('gate-8', "http://127.0.0.1:$port/rules.conf"), $why->(qr/HTTP response code said error/), 'another key');
    conf_refused(remote('gate-7', "http://127.0.0.1:$port/none.conf"), $why->(qr/HTTP response code said error/), 'not there');
    conf_refused(remote('gate-7', "https://localhost:$closed/rules.conf"), $why->(qr/Could\S* (?:not )?connect to server/), 'nobody');
    conf_refused(remote('gate-7', 'https://none.invalid/rules.conf'), $why->(qr/Could\S* (?:not )?resolve host\S*(?: name)?/), 'no such host');
    conf_refused(remote('gate-7', "https://localhost:$unknown/rules.conf"), $why->(qr/.*certificate.*/), 'anybody');
    conf_refused(remote('gate-7', "file://@{[$server->file('html/rules.conf')]}"), $why->(qr/Unsupported protocol/), 'another protocol');
    conf_refused(remote('gate-7', "http://127.0.0.1:$port/large.conf"), $why->(qr/there are more than 16 MiB/), 'too much');
};

subtest 'https' => sub {
    plan skip_all => $cannot_trust if $cannot_trust;
    my $url = "https://localhost:$secure/rules.conf";
    conf_refused(remote('gate-7', "https://127.0.0.1:$secure/rules.conf"), qr/cannot download the rules: .*certificate/, 'another name');
    my $waf = Gatehouse::Waf->new(<<"END");
root html;
location / { modsecurity on; modsecurity_rules_remote gate-7 $url; }
END
    my @due = ('/' => 200, '/?q=bad' => 403);
    is_deeply [$waf->differing(@due)], [], 'rules that work';
    like slurp($server->file('logs/access.log')), qr{^/rules\.conf gate-7 on$}m, 'the key has arrived';
    $server->stop;
    $waf->nginx->signal('HUP');
    $waf->wait_log(qr{\[emerg\].* cannot download the rules: .*connect to server in \S+nginx\.conf:\d+});
    is_deeply [$waf->differing(@due)], [], 'without the server, the rules that are there';
    is $waf->stop, 0, 'nginx ends';
};

# What is asked for twice may be something else then, or never come.
subtest 'a server that answers once' => sub {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $silent, Listen => 8, ReuseAddr => 1) or die "listen: $@";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 60;
        my $client = $listener->accept;
        $client->recv(my $request, 65536);
        close $listener;
        print $client "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nSecRuleEngine On\n";
        close $client;
        POSIX::_exit(0);
    }
    close $listener;
    conf_accepted(remote('gate-7', "http://127.0.0.1:$silent/rules.conf"), 'is asked once');
    kill KILL => $pid;
    waitpid $pid, 0;
};

subtest 'a server that never answers' => sub {
    plan skip_all => 'the same under a sanitizer' if $ENV{ASAN_OPTIONS};
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $silent, Listen => 8, ReuseAddr => 1) or die "listen: $@";
    conf_refused(remote('gate-7', "https://127.0.0.1:$silent/rules.conf"),
        qr{\[emerg\] \S+ cannot download the rules: it takes more than 10 s in \S+/nginx\.conf:\d+$}, 'is not waited for');
};

$server->stop;
done_testing;
