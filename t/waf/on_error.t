# Memory runs out while the rules run, at one allocation after the other: the answer is the right
# one or, as modsecurity_on_error says, a refusal or a pass, it is logged, and the worker lives on.
# Only those of C++ fail: what libmodsecurity takes by malloc() it uses unchecked (README, Limits).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose::Keys qw(slurp spew test_dir);
use Gatehouse::Waf;
use JSON::PP ();
use Test::More;

# The sanitizers bring allocations of their own; t/unit/waf/memory_test.cpp does this with them.
plan skip_all => 'not under a sanitizer' if $ENV{ASAN_OPTIONS};

my $library = test_dir() . '/failing_allocations.so';
my $source  = "$FindBin::Bin/../data/failing_allocations.c";
system(qw(cc -shared -fPIC -O1 -Wall -Werror -o), $library, $source) == 0 or die "cannot compile $source";
my $plan = test_dir() . "/failing_allocations.$$";
spew($plan, pack 'q4', 0, 0, 0, 0);

# From the N-th allocation on, one or all fail.
sub fail_at ($nth, $forever = 0) {
    open my $file, '+<:raw', $plan or die "open: $!";
    syswrite $file, pack 'q4', $nth, $forever, 0, 0;
    return;
}
sub has_struck () { return (unpack 'q4', slurp($plan))[3] > 0 }

my $waf = do {
    local @ENV{qw(LD_PRELOAD FAILING_ALLOCATIONS)} = ($library, $plan);
    Gatehouse::Waf->new(<<'END');
modsecurity on;
modsecurity_response_buffer on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecAuditEngine On
    SecAuditLogFormat JSON
    SecAuditLogParts ABCEFHJZ
    SecAuditLog $PREFIX/logs/audit.log
    SecRule ARGS "@contains bad" "id:1,phase:2,pass,capture,t:urlDecodeUni,logdata:%{MATCHED_VAR},setvar:tx.anomaly_score=+5"
    SecRule TX:anomaly_score "@ge 5" "id:2,phase:2,deny"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:3,phase:3,deny"
    SecRule RESPONSE_BODY "@rx top (secret)" "id:4,phase:4,capture,deny"';
location / { proxy_pass APPLICATION; }
location /pass/ { modsecurity_on_error pass; proxy_pass APPLICATION:/; }
location = /off { modsecurity off; return 204; }
END
};
my ($worker) = $waf->nginx->workers;

# What has been logged since the last call. One worker: what was asked before /off is over.
sub logged () {
    state $read = 0;
    $waf->status('/off');
    my $text = $waf->log;
    my $new = substr $text, $read;
    $read = length $text;
    return join '', $new =~ /^.*(?:the rule engine has failed, |gatehouse: out of memory).*\n/mg;
}

# Asks with the first, the second ... allocation failing, until none does: answers that are not
# right, by $is_right->(status, log).
sub wrong_answers ($ask, $is_right) {
    my @wrong;
    my $struck = 0;
    for my $forever (0, 1) {
        for (my $nth = 1 + $forever; ; $nth += 3) {
            fail_at($nth, $forever);
            my $status = $ask->()->{status};
            my $log = logged();
            my $has_struck = has_struck();
            fail_at(0);
            last unless $has_struck;
            $struck++;
            push @wrong, "$nth: $status, $log" unless $is_right->($status, $log);
        }
    }
    cmp_ok $struck, '>', 100, "$struck failures";
    return @wrong;
}

# By the rule, or because of the failure, which is logged once.
sub denies ($status, $log) {
    my $refused = () = $log =~ /request denied/g;
    return $refused < 2 && ($status eq '403' || $status =~ /^(?:500|cut)$/ && $log);
}

# The module's own memory is no business of the engine: 500.
sub passes (@due) {
    return sub ($status, $log) {
        my $passed = () = $log =~ /request passed on/g;
        return $log !~ /request denied/ && $passed < 2 && (grep { $status eq $_ } @due)
            || $status eq '500' && $log =~ /out of memory/;
    };
}

sub get ($uri) { return sub { $waf->get($uri) } }
sub post ($uri, $body) {
    return sub { $waf->post($uri, $body, 'Content-Type: application/x-www-form-urlencoded') };
}

sub is_swept ($name, $ask, $is_right) {
    subtest $name => sub {
        is_deeply [wrong_answers($ask, $is_right)], [], 'answers';
        is_deeply [$waf->nginx->workers], [$worker], 'of the same worker';
    };
    return;
}

logged();
is_swept 'an attack is never let through', get('/?q=bad'), \&denies;
is_swept 'nor in a body', post('/', 'q=very+bad&r=1'), \&denies;
is_swept 'nor is a secret header', get('/header'), \&denies;
is_swept 'nor a secret page', get('/secret'), \&denies;
is_swept 'pass: nobody is refused for it', get('/pass/?q=good'), passes(200);
is_swept 'pass: an attack is, if it is seen', get('/pass/?q=bad'), passes(200, 403);

subtest 'afterwards' => sub {
    is_deeply [$waf->differing('/?q=bad' => 403, '/?q=good' => 200, '/secret' => 403, '/header' => 403)], [], 'answers';
    my @uris;
    $waf->nginx->until(sub {
        @uris = map { $_->{request}{uri} } $waf->wait_audit('audit.log', 4);
        return $uris[-1] eq '/header';
    }, 'last entry');
    is_deeply [@uris[-4 .. -1]], ['/?q=bad', '/?q=good', '/secret', '/header'], 'the audit log';
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
};

unlink $plan;
done_testing;
