# Rules are in memory once, however many places have them and however often nginx is reloaded; and
# what a worker holds of a body does not depend on how long that is.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

plan skip_all => 'a sanitizer keeps freed memory' if $ENV{ASAN_OPTIONS};

my $rules = 400;

# Rules that differ, with enough to them.
sub many ($salt) {
    return join '', "SecRuleEngine On\nSecRequestBodyAccess On\n", map {
        qq{SecRule ARGS|REQUEST_HEADERS|!REQUEST_HEADERS:Cookie "\@pm $salt$_ one two three four five six seven eight" \\\n}
            . qq{    "id:$_,phase:1,deny,t:none,t:urlDecodeUni,t:lowercase,tag:'a/$_',msg:'Rule $_',setvar:'tx.score=+%{tx.one}'"\n}
    } 1 .. $rules;
}

sub places ($count, $text) {
    return "modsecurity on;\n" . join "\n", "location / { return 200; }", map { "location /$_ { $text return 200; }" } 1 .. $count;
}

sub gateway ($server, %options) { return Gatehouse::Waf->new($server, files => { 'many.conf' => many('a') }, %options) }

# Of a master with such places.
sub held ($server, %options) {
    my $waf  = gateway($server, %options);
    my $held = $waf->nginx->memory;
    $waf->stop;
    return $held;
}

my $file = 'modsecurity_rules_file many.conf;';
my $bare = held(places(50, "modsecurity_rules 'SecRuleEngine On';"));
my $one  = held(places(1, $file)) - $bare;
note "a set of $rules rules: $one kB";
cmp_ok $one, '>', 3000, 'a set is large enough to be seen';
cmp_ok held(places(50, $file)) - $bare, '<', 1.6 * $one, '50 places cost what one does';
cmp_ok held(places(50, ''), http => $file) - $bare, '<', 1.6 * $one, 'those that inherit, too';
cmp_ok held(places(50, "modsecurity_rules 'SecRequestBodyLimit 1000000';"), http => $file) - $bare,
    '<', 1.6 * $one, 'and those that add the same';

subtest 'reloads' => sub {
    my $waf    = gateway(places(5, $file));
    my $reload = sub ($times, $change = sub ($) { }) {
        for my $turn (1 .. $times) {
            $change->($turn);
            $waf->nginx->reload;
        }
        return $waf->nginx->memory;
    };
    my $before = $reload->(3);
    cmp_ok $reload->(20) - $before, '<', 0.5 * $one, 'nothing has changed';
    my $change = sub ($turn) { $waf->file('many.conf', many("b$turn")) };
    $before = $reload->(2, $change);
    cmp_ok $reload->(6, $change) - $before, '<', 1.5 * $one, 'everything has, each time';
    is $waf->status('/1?q=b65'), 403, 'and holds';
    is $waf->stop, 0, 'nginx ends';
};

subtest 'uploads' => sub {
    my $waf = gateway(<<'END');
client_max_body_size 0;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_HEADERS:Content-Type "@streq text/plain" "id:1,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
    SecRule REQUEST_BODY "@contains secret" "id:2,phase:2,deny,status:406"';
location /partial { modsecurity_rules 'SecRequestBodyLimit 1000000
    SecRequestBodyLimitAction ProcessPartial'; proxy_pass APPLICATION:/; }
location /reject  { modsecurity_rules 'SecRequestBodyLimit 1000000
    SecRequestBodyLimitAction Reject'; proxy_pass APPLICATION:/; }
location /max     { modsecurity_request_body max=1000000; proxy_pass APPLICATION:/; }
location /off     { modsecurity_request_body off; proxy_pass APPLICATION:/; }
END
    my ($worker) = $waf->nginx->workers;
    my $most = sub { (slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+) kB/m)[0] };
    $waf->post($_, 'x' x 1000, 'Content-Type: text/plain') for qw(/partial /reject /max /off);
    my $before = $most->();
    my $body   = 'x' x (64 << 20);
    for my $case (['/off' => 200], ['/max' => 200], ['/partial' => 200], ['/reject' => 403]) {
        my ($uri, $status) = @$case;
        is $waf->post($uri, $body, 'Content-Type: text/plain')->{status}, $status, "$uri: 64 MB";
        my $grown = $most->() - $before;
        note "$uri: $grown kB";
        cmp_ok $grown, '<', 16 << 10, "$uri: some copies of what the limit lets in";
    }
    substr($body, 500_000, 6) = 'secret';
    is $waf->post('/partial', $body, 'Content-Type: text/plain')->{status}, 406, 'and what is before the limit is inspected';
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
};

done_testing;
