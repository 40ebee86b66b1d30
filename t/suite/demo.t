# scripts/run: it starts without a complaint, and the lines that it prints, run one after the other
# as somebody would who tries them, give what is said beside them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Cwd 'abs_path';
use File::Temp ();
use Gatehouse::Jose::Keys qw(slurp test_dir);
use Gatehouse::Wire ();
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'the Core Rule Set is not installed' unless -d '/usr/share/modsecurity-crs/rules';

my $root    = abs_path("$FindBin::Bin/../..");
my $modules = abs_path($ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$root/out/modules");
my $files   = File::Temp->newdir('demo-XXXXXX', DIR => test_dir());

# The nginx that the tests are run with.
symlink $ENV{TEST_NGINX_BINARY}, "$files/nginx" or die "symlink: $!" if $ENV{TEST_NGINX_BINARY};
local $ENV{PATH}         = "$files:$ENV{PATH}";
local $ENV{TMPDIR}       = '/tmp';
local $ENV{PORT}         = Gatehouse::Wire::free_port(1);
local $ENV{BACKEND_PORT} = $ENV{PORT} + 1;

my $pid = open(my $printed, '-|') // die "fork: $!";
if (!$pid) {
    open STDERR, '>', "$files/stderr" or die "open: $!";
    exec "$root/scripts/run", '--modules', $modules or die "exec: $!";
}
my @lines;
while (my $line = <$printed>) {
    push @lines, $line;
    last if $line =~ /^Ctrl-C stops it/;
}
like $lines[-1] // '', qr/^Ctrl-C/, 'it starts' or diag slurp("$files/stderr");

# With a sanitizer Redis is not asked in time.
unlike slurp("$files/stderr"), qr/\[(?:warn|error|crit|alert|emerg)\]/, 'without a complaint' unless $ENV{ASAN_OPTIONS};

# The lines, each behind a mark.
my @commands = map { /^  (\S.*)/ ? $1 : () } @lines;
{
    open my $script, '>', "$files/script" or die "open: $!";
    print {$script} map { "printf '\\n=== \\n'\n$_\n" } @commands;
    close $script;
}
my (undef, @said) = split /^=== \n/m, `bash $files/script 2>/dev/null`;
is @said, @commands, 'each line was run';

my %said;
@said{@commands} = @said;
sub said ($pattern) { return map { $said{$_} } grep { /$pattern/ } @commands }

my @promised = grep { /# \d{3}/ } @commands;
is @promised, 3, 'lines with a status';
for (@promised) {
    my ($status) = /# (\d{3})/;
    like $said{$_}, qr{^HTTP/1\.1 $status }, "status $status";
}
like((said('/generate/'))[0], qr/^(?:200 ){20}(?:429 ){5}$/m, 'twenty requests, then 429');
like((said('for .*/reviews/'))[0], qr/^(?:200 ){5}(?:429 ){3}$/m, 'five requests, then 429');
like((said('# RateLimit'))[0], qr{^HTTP/1\.1 429 .*^$_: }ms, $_) for qw(RateLimit RateLimit-Policy Retry-After);
is join(' ', sort split ' ', (said('/downloads/'))[0]), '200 200 200 503 503', 'three downloads at a time';
like((said('/connections'))[0], qr/"downloads":\{.*"refused":2\b/, 'and what has been counted');

my @attacks = said('/search/');
is @attacks, 3, 'attacks';
my ($log) = map { /found in (\S+):/ ? $1 : () } @lines;

# An event is written once its response is on its way.
sub is_logged ($reference) {
    for (1 .. 100) {
        return 1 if -e $log && slurp($log) =~ /$reference/;
        sleep 0.1;
    }
    return 0;
}
for (@attacks) {
    like $_, qr{^HTTP/1\.1 403 .*^refused, reference (\w+)$}ms, 'refused, with a reference';
    my ($reference) = /reference (\w+)/;
    ok is_logged($reference), 'that is found in the log' if $reference;
}
like((said('redis-cli'))[0], qr/^gatehouse:generate:s:[0-9a-f]{32}$/m, 'what Redis holds');

kill 'INT', $pid;
close $printed;
is $?, 0, 'it stops';
my ($prefix) = $log =~ m{^(.*)/logs/};
ok !-e $prefix, 'and leaves nothing behind';

done_testing;
