package Gatehouse::Foreign;

# Modules of others that tests load beside ours, compiled from t/data against the headers that the
# build has configured for this nginx.
#
#   plan skip_all => '...' unless foreign_headers();
#   my $path = foreign('auth_jwt.c', ['ngx_http_foreign_module'], DIRECTIVE => 'auth_jwt');
#
# compiles t/data/foreign_auth_jwt.c with FOREIGN_DIRECTIVE "auth_jwt" and FOREIGN_ORDER, where the
# module wants to stand among the others.

use v5.36;
use Cwd ();
use Exporter 'import';
use File::Basename 'dirname';
use Gatehouse::Jose::Keys qw(slurp test_dir);

our @EXPORT = qw(foreign foreign_headers);

my $root = Cwd::abs_path(dirname(__FILE__) . '/../../..');

# The configured tree of this nginx's version, beside the modules or where scripts/build puts it.
sub foreign_headers () {
    my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$root/out/modules";
    my ($version) = `@{[$ENV{TEST_NGINX_BINARY} // 'nginx']} -v 2>&1` =~ m{nginx/([\d.]+)};
    my ($tree) = grep {
        -e "$_/objs/ngx_auto_config.h" && slurp("$_/src/core/nginx.h") =~ /NGINX_VERSION\s+"\Q$version\E"/
    } "$modules/../nginx", glob "$root/out/build/*/nginx";
    return $tree;
}

# The path of the module.
sub foreign ($name, $order, %defines) {
    state $n = 0;
    my $tree    = foreign_headers() // die 'no configured headers of this nginx: scripts/build makes them';
    my $path    = test_dir() . "/foreign_$$.@{[++$n]}.so";
    my @include = map { ('-isystem', "$tree/$_") } qw(src/core src/event src/event/modules src/event/quic
        src/os/unix src/http src/http/modules src/http/v2 src/http/v3 objs);
    system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $path, @include,
        (map { "-DFOREIGN_$_=\"$defines{$_}\"" } sort keys %defines),
        '-DFOREIGN_ORDER=' . (join ', ', map { "\"$_\"" } @$order), "$root/t/data/foreign_$name") == 0
        or die "cannot compile $root/t/data/foreign_$name";
    return $path;
}

1;
