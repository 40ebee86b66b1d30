# Rules are in memory once, however many places have them and however often nginx is reloaded; and
# what a worker holds of a body does not depend on how long that is.

use v5.36;
use Cwd 'abs_path';
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Test::More;

plan skip_all => 'a sanitizer keeps freed memory' if $ENV{ASAN_OPTIONS};

my $root = abs_path("$FindBin::Bin/../..");
my $crs  = <<"END";
SecRuleEngine On
SecRequestBodyAccess On
Include $root/t/crs/setup.conf
Include /usr/share/modsecurity-crs/rules/*.conf
END
my $file = 'modsecurity_rules_file $PREFIX/rules.conf;';

sub places ($count, $text) {
    return "modsecurity on;\n" . join "\n", 'location / { return 200; }', map { "location /$_ { $text return 200; }" } 1 .. $count;
}

sub gateway ($server, %options) { return Gatehouse::Waf->new($server, files => { 'rules.conf' => $crs }, %options) }

# Of a master with such places.
sub held ($server, %options) {
    my $waf  = gateway($server, %options);
    my $held = $waf->nginx->memory;
    $waf->stop;
    return $held;
}

# The Core Rule Set, as our module has it in memory and, of few places, as the usual connector has.
for my $connector (0, Gatehouse::Waf::connector_fits() ? 1 : ()) {
    my @with = (connector => $connector);
    subtest $connector ? 'connector' : 'module' => sub {
        plan skip_all => 'there is no Core Rule Set' unless glob '/usr/share/modsecurity-crs/rules/*.conf';
        my $bare = held(places(50, ''), @with);
        my $one  = held(places(1, $file), @with) - $bare;
        note "$one kB";
        cmp_ok $one, '>', 10_000, 'a set is large enough to be seen';
        if ($connector) {
            cmp_ok held(places(3, $file), @with) - $bare, '>', 2 * $one, '3 places cost what they do';
        } else {
            cmp_ok held(places(50, $file)) - $bare, '<', 1.2 * $one, '50 places cost what one does';
            cmp_ok held(places(50, ''), http => $file) - $bare, '<', 1.2 * $one, 'those that inherit, too';
            cmp_ok held(places(50, "modsecurity_rules 'SecRequestBodyLimit 1000000';"), http => $file) - $bare,
                '<', 1.2 * $one, 'and those that add the same';
        }

        my $waf    = gateway(places(1, $file), @with);
        my $before = $waf->nginx->memory;
        $waf->nginx->reload for 1 .. ($connector ? 1 : 20);
        my $grown = $waf->nginx->memory - $before;
        note "reloaded: $grown kB";
        if ($connector) {
            cmp_ok $grown, '>', 0.5 * $one, 'a reload has them twice';
        } else {
            cmp_ok $grown, '<', 0.1 * $one, '20 reloads have them once';
        }
        is $waf->stop, 0, 'nginx ends';
    };
}

# Rules that differ, with enough to them.
sub many ($salt) {
    return join '', "SecRuleEngine On\nSecRequestBodyAccess On\n", map {
        qq{SecRule ARGS|REQUEST_HEADERS|!REQUEST_HEADERS:Cookie "\@pm $salt$_ one two three four five six seven eight" \\\n}
            . qq{    "id:$_,phase:1,deny,t:none,t:urlDecodeUni,t:lowercase,tag:'a/$_',msg:'Rule $_',setvar:'tx.score=+%{tx.one}'"\n}
    } 1 .. 200;
}

subtest 'reloads of what has changed' => sub {
    my $waf    = gateway(places(5, $file), files => { 'rules.conf' => many('a0') });
    my $reload = sub ($name) {
        $waf->file('rules.conf', many($name));
        $waf->nginx->reload;
    };
    my $set = $waf->nginx->memory - held(places(5, ''));
    cmp_ok $set, '>', 1500, 'a set is large enough to be seen';
    $reload->('b1');
    my $before = $waf->nginx->memory;
    $reload->("c$_") for 1 .. 3;
    my $grown = $waf->nginx->memory - $before;
    note "a set of $set kB: $grown kB";
    cmp_ok $grown, '<', $set, 'nothing stays of the old ones';
    is $waf->status('/1?q=c35'), 403, 'the last ones hold';
    is $waf->stop, 0, 'nginx ends';
};

subtest 'uploads' => sub {
    my $waf = Gatehouse::Waf->new(<<'END');
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
    my $body   = 'x' x (16 << 20);
    for my $case (['/off' => 200], ['/max' => 200], ['/partial' => 200], ['/reject' => 403]) {
        my ($uri, $status) = @$case;
        is $waf->post($uri, $body, 'Content-Type: text/plain')->{status}, $status, "$uri: 16 MB";
        my $grown = $most->() - $before;
        note "$uri: $grown kB";
        cmp_ok $grown, '<', 12 << 10, "$uri: some copies of what the limit lets in";
    }
    substr($body, 500_000, 6) = 'secret';
    is $waf->post('/partial', $body, 'Content-Type: text/plain')->{status}, 406, 'and what is before the limit is inspected';
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
};

done_testing;
