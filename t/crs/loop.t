# The day of a security team: a false positive, an exclusion that gatehouse-waf writes and checks, a
# reload; and a slip of the pen, which stops nobody but the one who made it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename 'basename';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::WafTool qw(available tool);
use Test::More;

plan skip_all => 'there is no Core Rule Set' unless -d '/usr/share/modsecurity-crs/rules';
plan skip_all => 'gatehouse-waf is not built' unless available();

my %files = map { (basename($_) => slurp($_)) } glob "$FindBin::Bin/../../conf/crs/*.{conf,mapping}";

my $waf = Gatehouse::Waf->new(<<'END', files => \%files);
modsecurity on;
modsecurity_rules_file main.conf;
location / { proxy_pass APPLICATION; }
END
my $prefix = $waf->file('engine.conf', '') =~ s{/[^/]*$}{}r;
my $log    = "$prefix/logs/audit.json";
$waf->file('engine.conf', $files{'engine.conf'} =~ s/^SecAuditEngine Off/SecAuditEngine RelevantOnly\nSecAuditLog $log/mr);
$waf->nginx->reload;

my @form = ('Host: shop.example', 'User-Agent: Mozilla/5.0', 'Accept: */*', 'Content-Type: application/x-www-form-urlencoded');

sub article ($field, $text) {
    $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
    return $waf->ask('POST', '/articles/edit', @form, \"$field=$text")->{status};
}
my $picture = '<img src=x onerror=alert(1)>';

is article('description', $picture), 403, 'an editor is refused';

$waf->nginx->until(sub { -s $log && slurp($log) =~ /\n\z/ }, 'audit log');
my %rules = map { ($_ => 1) } slurp($log) =~ /"ruleId":"(941\d+)"/g;
ok %rules, 'the audit log names the rules: ' . join ' ', sort keys %rules;

my $exclusions = $files{'exclusions.conf'};
for my $rule (sort keys %rules) {
    my ($status, $text) = tool($prefix, 'exclude', '--from', $log, '--rule', $rule);
    is $status, 0, "an exclusion for $rule";
    $exclusions .= "\n$text";
}

$waf->file('exclusions.conf', "$exclusions\nSecRul ARGS:x\n");
my ($status, $said) = tool($prefix, 'check', 'main.conf');
is $status, 1, 'a slip is found';
like $said, qr{exclusions\.conf:\d+: error: .*SecRul\b}, 'where it is';
my @workers = $waf->nginx->workers;
$waf->nginx->signal('HUP');
$waf->wait_log(qr{\[emerg\] .*/exclusions\.conf:\d+, included from \S+/main\.conf:\d+: });
is_deeply [$waf->nginx->workers], \@workers, 'nginx refuses it, too, and goes on';
is article('description', $picture), 403, 'as before';

$waf->file('exclusions.conf', $exclusions);
($status, $said) = tool($prefix, 'check', 'main.conf');
is $status, 0, 'mended' or diag $said;
$waf->nginx->reload;
is article('description', $picture), 200, 'the false positive is gone';
is article('title', $picture), 403, 'in that field only';
is article('description', q(1' union select password from users--)), 403, 'and only what it was';

done_testing;
