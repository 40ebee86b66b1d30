# What scripts/install puts in place, as the Dockerfile uses it, is a gateway that starts.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path 'make_path';
use File::Temp ();
use Gatehouse::Jose::Keys qw(random_secret spew);
use Test::More;

my $root  = "$FindBin::Bin/../..";
my $nginx = $ENV{TEST_NGINX_BINARY} // 'nginx';
plan skip_all => 'scripts/install takes the modules of out/modules' unless -d "$root/out/modules";

my $destination = File::Temp->newdir('gatehouse-install-XXXXXX', TMPDIR => 1);
my $conf        = "$destination/etc/nginx/gatehouse";
my $prefix      = "$destination/var/lib/gatehouse";

is system("$root/scripts/install", "$destination"), 0, 'scripts/install succeeds';
is system("$root/scripts/install", "$destination"), 0, '... and may be repeated';
ok -f "$destination/usr/lib/nginx/modules/ngx_http_gatehouse_${_}_module.so", "the $_ module is there"
    for qw(jwt rate_limit connection_limit waf);
ok -x "$destination/usr/bin/gatehouse-waf", 'so is the tool';
ok !-e "$conf/keys", 'no key is installed';

# What scripts/prepare-container adds.
make_path("$prefix/logs", "$prefix/temp", "$conf/keys");
symlink "$destination/usr/lib/nginx/modules", "$prefix/modules" or die "symlink: $!";
spew("$conf/keys/$_", random_secret(32)) for qw(hmac.secret identity.secret);

my $text = `$nginx -t -p $prefix/ -c $conf/gateway.conf 2>&1`;
is $?, 0, 'the installed gateway is accepted' or diag $text;

done_testing;
