# Rules that run and refuse nothing: modsecurity_dry_run, modsecurity detect, SecRuleEngine
# DetectionOnly. What they would have done is known all the same.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => 'log_format seen "$uri $modsecurity_status $modsecurity_rules";');
access_log logs/seen.log seen;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS_GET:q "@streq one" "id:1,phase:1,deny"
    SecRule ARGS_GET:q "@streq away" "id:2,phase:1,redirect:http://other.example/"
    SecRule ARGS_POST:q "@streq two" "id:3,phase:2,deny"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"
    SecRule ARGS_GET:q "@streq insist" "id:6,phase:1,pass,nolog,ctl:ruleEngine=On"
    SecRule ARGS_GET:q "@streq insist" "id:7,phase:1,deny"';
location /wet/      { proxy_pass APPLICATION:/; }
location /dry/      { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
location /dry/wet/  { modsecurity_dry_run off; proxy_pass APPLICATION:/; }
location /detect/   { modsecurity detect; proxy_pass APPLICATION:/; }
location /only/     { modsecurity_rules 'SecRuleEngine DetectionOnly'; proxy_pass APPLICATION:/; }
location /buffer/   { modsecurity_dry_run on; modsecurity_response_buffer on; proxy_pass APPLICATION:/; }
location /ask/      { modsecurity_dry_run $http_x_dry; proxy_pass APPLICATION:/; }
location /which/    { modsecurity $http_x_mode; proxy_pass APPLICATION:/; }
END

my $form  = 'Content-Type: application/x-www-form-urlencoded';
my $asked = 0;

sub logged { return ($waf->wait_lines('seen.log', ++$asked))[-1] =~ s/^\S+ //r }

# The statuses of a request for each rule, and what the log says about them.
sub all ($place, @lines) {
    my (@status, @seen);
    for my $uri ('?q=one', '?q=away', '', 'header', 'secret') {
        push @status, $uri ? $waf->status("$place$uri", @lines) : $waf->post($place, 'q=two', $form, @lines)->{status};
        push @seen, logged();
    }
    return (join(' ', @status), \@seen);
}

my $passed  = '200 200 200 200 200';
my $refused = '403 302 403 403 cut';
my @known   = map { "DETECTED $_" } 1 .. 5;
my @blocked = map { "BLOCKED $_" } 1 .. 5;

for my $case (['/wet/' => $refused, \@blocked], ['/dry/' => $passed, \@known], ['/dry/wet/' => $refused, \@blocked],
    ['/detect/' => $passed, \@known], ['/only/' => $passed, \@known], ['/buffer/' => $passed, \@known]) {
    my ($place, @due) = @$case;
    is_deeply [all($place)], \@due, $place;
}

subtest 'modsecurity_dry_run with a variable' => sub {
    is_deeply [all('/ask/', 'X-Dry: on')], [$passed, \@known], 'on';
    for my $value ('off', 'yes', '') {
        is_deeply [all('/ask/', $value ? "X-Dry: $value" : ())], [$refused, \@blocked], "\"$value\"";
    }
};

subtest 'modsecurity with a variable' => sub {
    is_deeply [all('/which/', 'X-Mode: on')], [$refused, \@blocked], 'on';
    is_deeply [all('/which/', 'X-Mode: detect')], [$passed, \@known], 'detect';
    is_deeply [all('/which/', 'X-Mode: off')], [$passed, [('- -') x 5]], 'off';
};

subtest 'rules that switch the engine on' => sub {
    my $due = { dry => 200, detect => 200, wet => 403 };
    is $waf->status("/$_/?q=insist"), $due->{$_}, $_ for sort keys %$due;
};

like $waf->log, qr/\[info\] .*\[id "$_"\].*"GET \/dry/, "a rule is logged: $_" for 1, 4, 5;
unlike $waf->log =~ s/.*"(?:GET|POST) \/(?:wet|dry\/wet|ask|which)\/.*//gr, qr/\[error\].*ModSecurity/, 'as information only';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
