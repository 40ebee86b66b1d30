# Rules that the library takes and then crashes of. Our module refuses them with their place, and the
# running configuration goes on; with the usual connector a reload ends the master, or the next
# request the worker. A rule of no phase is written in front of an array: 3.0.9 crashes of that, later
# releases may or may not.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

# Of each the line, and whom it kills.
my @mistakes = (
    ['an expression that selects', 2, worker => 'SecRule ARGS:/(/ "@streq a" "id:1,phase:2,deny"'],
    ['one that excludes', 2, worker => 'SecRule ARGS|!ARGS:/(/ "@streq a" "id:1,phase:2,deny"'],
    ['one in quotes', 2, worker => q{SecRule &ARGS:'/[/' "@ge 1" "id:1,phase:2,deny"}],
    ['one of an exclusion', 3, worker => qq{SecRule ARGS "\@streq a" "id:1,phase:2,deny"\nSecRuleUpdateTargetById 1 "!ARGS:/(/"}],
    ['a status to log', 3, worker => qq{SecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus "("}],
    ['the phase of a rule', 2, master => 'SecRule ARGS "@streq a" "id:1,phase:99999999999,deny"'],
    ['the phase of an action', 2, master => 'SecAction "id:1,phase:99999999999,pass"'],
);

my $good   = "SecRuleEngine On\n";
my $server = "root html;\nmodsecurity on;\nmodsecurity_rules_file \$PREFIX/rules.conf;";

sub gateway ($connector) { return Gatehouse::Waf->new($server, connector => $connector, files => { 'rules.conf' => $good }) }

subtest 'module' => sub {
    my $waf     = gateway(0);
    my @workers = $waf->nginx->workers;
    for my $mistake (@mistakes) {
        my ($title, $line, undef, $rules) = @$mistake;
        my $emergencies = () = $waf->log =~ /\[emerg\]/g;
        $waf->file('rules.conf', "$good$rules\n");
        $waf->nginx->signal('HUP');
        $waf->nginx->until(sub { (() = $waf->log =~ /\[emerg\].*\n/g) > $emergencies }, 'refusal');
        like +($waf->log =~ /\[emerg\] (.*)\n/g)[-1], qr{/rules\.conf:$line: (?:invalid regular expression "|Unknown phase: )}, $title;
        is $waf->status('/?q=1'), 200, "$title: served";
    }
    is_deeply [$waf->nginx->workers], \@workers, 'by the same worker';
    is $waf->stop, 0, 'nginx ends';
};

# The status of a master that dies of a reload. Its workers know nothing of it.
sub dead_master ($waf, @workers) {
    my ($master) = slurp($waf->file('nginx.pid')) =~ /(\d+)/;
    $waf->nginx->signal('HUP');
    $waf->nginx->until(sub { slurp("/proc/$master/stat") =~ /\) Z / }, 'death of the master');
    kill 'KILL', @workers;
    return $waf->stop & 127;
}

subtest 'connector' => sub {
    plan skip_all => 'it cannot be loaded here' unless Gatehouse::Waf::connector_fits();
    my $waf = gateway(1);
    for my $mistake (@mistakes) {
        my ($title, undef, $dead, $rules) = @$mistake;
        $waf->file('rules.conf', "$good$rules\n");
        if ($dead eq 'worker') {
            my $deaths = () = $waf->log =~ /exited on signal/g;
            $waf->nginx->reload;
            $waf->get('/?q=1');
            $waf->nginx->until(sub { (() = $waf->log =~ /exited on signal/g) > $deaths }, 'death of the worker');
            pass "$title: a request kills the worker";
        } elsif (Gatehouse::Waf::library() eq '3.0.9') {
            isnt dead_master($waf, $waf->nginx->workers), 0, "$title: a reload kills the master";
            $waf = gateway(1);
        }
    }
    is $waf->stop, 0, 'nginx ends';
};

done_testing;
