# What becomes of rules that are changed while nginx runs: a file that is broken is refused, and the
# old rules go on; one that is right holds from the next request on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

sub rule ($value) { return qq{SecRuleEngine On\nSecRule ARGS:q "\@streq $value" "id:1,phase:1,deny"\n} }

my $waf = Gatehouse::Waf->new(<<'END', files => { 'rules.conf' => "Include more.conf\n", 'more.conf' => rule('old') });
modsecurity on;
modsecurity_rules_file rules.conf;
location / { return 200; }
END

sub refused_reload ($rules, $message) {
    my @workers = $waf->nginx->workers;
    $waf->file('more.conf', $rules);
    $waf->nginx->signal('HUP');
    $waf->wait_log($message);
    is_deeply [$waf->nginx->workers], \@workers, 'the same worker';
    is_deeply [$waf->differing('/' => 200, '/?q=old' => 403, '/?q=new' => 200)], [], 'the old rules';
    return;
}

is_deeply [$waf->differing('/' => 200, '/?q=old' => 403, '/?q=new' => 200)], [], 'as started';

subtest 'a mistake' => sub {
    refused_reload(rule('new') . "SecNonsense On\n",
        qr{\[emerg\] .*/more\.conf:3, included from \S+/rules\.conf:1: Invalid input: .* in \S+/nginx\.conf:\d+});
};

subtest 'an id twice' => sub {
    refused_reload(rule('new') . rule('newer'), qr{\[emerg\] .*/more\.conf:4, .*: rule id 1 is duplicated, first at .*/more\.conf:2});
};

subtest 'mended' => sub {
    $waf->file('more.conf', rule('new'));
    $waf->nginx->reload;
    is_deeply [$waf->differing('/' => 200, '/?q=old' => 200, '/?q=new' => 403)], [], 'the new rules';
};

subtest 'and back, unlike anything that is still known' => sub {
    $waf->file('more.conf', rule('old'));
    $waf->nginx->reload;
    is_deeply [$waf->differing('/?q=old' => 403, '/?q=new' => 200)], [], 'the first rules again';
};

subtest 'the file that a rule reads' => sub {
    $waf->file('rules.conf', qq{SecRuleEngine On\nSecRule ARGS:q "\@pmFromFile words.data" "id:1,phase:1,deny"\n});
    $waf->file('words.data', "apple\n");
    $waf->nginx->reload;
    is_deeply [$waf->differing('/?q=apple' => 403, '/?q=pear' => 200)], [], 'before';
    $waf->file('words.data', "pear\n");
    $waf->nginx->reload;
    is_deeply [$waf->differing('/?q=apple' => 200, '/?q=pear' => 403)], [], 'after';
};

is $waf->stop, 0, 'nginx ends';
unlike $waf->log, qr/\[alert\]|\[crit\]|exited on signal/, 'without harm';

done_testing;
