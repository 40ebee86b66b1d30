# Every file of conf/ is accepted by nginx, with freshly made keys, and none is left out. (Those of
# conf/redis are Redis' own, see redis_conf.t; those of conf/crs are rules, see t/crs/conf.t.)

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename 'basename';
use File::Find 'find';
use File::Path 'make_path';
use File::Temp ();
use Gatehouse::Jose::Keys qw(jwks keyval openssl random_secret slurp spew);
use MIME::Base64 'encode_base64';
use Test::More;

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES}
    or plan skip_all => 'TEST_NGINX_GATEHOUSE_MODULES is not set';
my $nginx  = $ENV{TEST_NGINX_BINARY} // 'nginx';
my $source = "$FindBin::Bin/../../conf";
my $prefix = File::Temp->newdir('gatehouse-conf-XXXXXX', TMPDIR => 1);
my $conf   = "$prefix/conf";

# A prefix as scripts/run makes one: the files of conf/, keys beside them, modules and state.
make_path(map { "$prefix/$_" } qw(conf/keys logs temp));
symlink $modules, "$prefix/modules" or die "symlink: $!";

my %unused;
find({ no_chdir => 1, wanted => sub {
    my $path = s{^\Q$source\E/}{}r;
    make_path("$conf/$path") if -d;
    return unless -f;
    spew("$conf/$path", slurp($_));
    $unused{$path} = 1 unless $path =~ m{^(?:redis|crs)/};
} }, $source);

my $secret = random_secret(32);
spew("$conf/keys/hmac.secret", $secret);
spew("$conf/keys/$_", openssl('', qw(rand -base64 24))) for qw(identity.secret redis.password);
spew("$conf/keys/jwks.json", jwks('rsa', 'ec256', 'ed25519'));
spew("$conf/keys/partner.json", jwks('ec256'));
spew("$conf/keys/keyval.json", keyval(old => 'rsa'));
spew("$conf/keys/revoked-$_.json", '{}') for qw(sub kid);
openssl('', qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost),
    '-keyout', "$conf/keys/server.key", '-out', "$conf/keys/server.crt");
spew("$conf/keys/redis-ca.crt", slurp("$conf/keys/server.crt"));
$ENV{GATEHOUSE_JWT_SECRET} = encode_base64($secret, '');

sub nginx_test (@arguments) {
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or die "dup: $!";
        exec $nginx, '-p', "$prefix/", @arguments or die "exec $nginx: $!";
    }
    my $text = do { local $/; <$out> };
    close $out;
    return ($? == 0, $text);
}

# The files that are whole configurations; the others are included by them.
for my $path (grep { slurp($_) =~ /^events\b/m } glob "$conf/*.conf") {
    my ($accepted, $text) = nginx_test('-T', '-c', $path);
    my $messages = join '', $text =~ /^(?:nginx:|\d{4}\/).*\n/mg;
    ok $accepted, basename($path) . ' is accepted' or diag $messages;
    unlike $messages, qr/\[(?:emerg|alert|crit|error)\]/, basename($path) . ' brings no error';
    unlike $text, qr/\Q$ENV{GATEHOUSE_JWT_SECRET}\E/, 'nginx -T shows no secret';
    delete @unused{ $text =~ m{^# configuration file \Q$conf\E/(.*):$}mg };
}

is_deeply [sort keys %unused], [], 'every file of conf/ was read';

my $without_key = slurp("$conf/gateway.conf") =~ s{keys/hmac\.secret}{keys/absent}r;
spew("$conf/absent.conf", $without_key);
my ($accepted, $text) = nginx_test('-t', '-c', "$conf/absent.conf");
ok !$accepted, 'a gateway without its secret does not start';
like $text, qr/\[emerg\].*keys\/absent.*absent\.conf:\d+/, 'and says which file it misses';

done_testing;
