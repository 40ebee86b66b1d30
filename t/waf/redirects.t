# Wherever nginx takes a request: the rules of a place see it once, and at a place with others these
# see it, too; whatever was refused stays refused.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => <<'HTTP', files => { 'html/page.html' => 'A page.' });
access_log logs/seen.log seen;
root html;
recursive_error_pages on;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecRule REQUEST_URI "@contains /" "id:1,phase:1,pass,log"
    SecRule ARGS:q "@streq one" "id:2,phase:1,deny"
    SecRule ARGS:q "@streq two" "id:3,phase:2,deny"';
location = /plain      { proxy_pass APPLICATION; }
location @plain        { proxy_pass APPLICATION; }
location = /rewrite    { rewrite ^ /plain last; }
location = /twice      { rewrite ^ /rewrite last; }
location = /if         { if ($arg_x) { rewrite ^ /plain last; } proxy_pass APPLICATION; }
location = /try        { try_files /none /plain; }
location = /try/named  { try_files /none @plain; }
location = /error      { error_page 404 = /plain; try_files /none =404; }
location = /error/page { error_page 403 404 /page.html; try_files /none =404; }
location = /error/name { error_page 404 = @plain; try_files /none =404; }
location = /error/up   { proxy_intercept_errors on; error_page 500 = /plain; proxy_pass APPLICATION:/fails; }
location /dir/         { alias html/; index page.html; }
location = /accel      { proxy_pass http://unix:$PREFIX/accel.sock; }

location /strict/ {
    modsecurity_rules 'SecRule ARGS "@streq strict" "id:11,phase:2,deny,status:406"';
    proxy_pass APPLICATION:/;
}
location @strict {
    modsecurity_rules 'SecRule ARGS "@streq strict" "id:12,phase:2,deny,status:406"';
    proxy_pass APPLICATION;
}
location = /to/strict       { rewrite ^ /strict/ last; }
location = /to/strict/try   { try_files /none /strict/; }
location = /to/strict/name  { try_files /none @strict; }
location = /to/strict/error { error_page 404 = /strict/; try_files /none =404; }
location = /strict/again    { rewrite ^ /plain last; }
location = /off             { modsecurity off; rewrite ^ /plain last; }
location = /off/try         { modsecurity off; try_files /none /plain; }
location = /to/off          { try_files /none /is/off; }
location = /is/off          { modsecurity off; proxy_pass APPLICATION:/; }
location = /page.html       { }
END
log_format seen "$request_uri $modsecurity_rules";
server { listen unix:$PREFIX/accel.sock; add_header X-Accel-Redirect /plain; return 200; }
HTTP

my $form  = 'Content-Type: application/x-www-form-urlencoded';
my $asked = 0;

# The status, the rules that matched, and how often the one that always does is in the error log.
sub once ($uri) {
    my $status = $waf->status($uri);
    my ($rules) = ($waf->wait_lines('seen.log', ++$asked))[-1] =~ /(\S*)$/;
    my @lines = $waf->log =~ /\[info\].*\[id "1"\].*request: "GET \Q$uri\E /g;
    return "$status $rules " . @lines;
}

for my $uri (qw(/plain /rewrite /twice /if?x=1 /if /try /try/named /error /error/name /error/up /dir/ /accel)) {
    is once($uri), '200 1 1', "$uri: once";
    my $with = $uri =~ /\?/ ? '&' : '?';
    is $waf->status("$uri${with}q=$_->[0]"), 403, "$uri: $_->[1]" for ['one', 'refused for its header'], ['two', 'refused for an argument'];
    is $waf->post($uri, 'q=two', $form)->{status}, 403, "$uri: refused for its body";
    $asked += 3;
}

subtest 'an error page' => sub {
    is once('/error/page'), '404 1 1', 'is no other request';
    my $answer = $waf->get('/error/page?q=one');
    is "$answer->{status} $answer->{body}", '403 A page.', 'of a refusal';
    $answer = $waf->get('/error/page?q=two');
    is "$answer->{status} $answer->{body}", '403 A page.', 'of a refusal in phase 2';
};

subtest 'other rules at the target' => sub {
    for my $uri (map { "/to/strict$_" } '', qw(/try /name /error)) {
        is_deeply [$waf->differing($uri => 200, "$uri?a=strict" => 406, "$uri?q=one" => 403)], [], $uri;
        is $waf->post($uri, 'a=strict', $form)->{status}, 406, "$uri: the body";
    }
    is_deeply [$waf->differing('/plain?a=strict' => 200, '/strict/again?q=one' => 403)], [], 'not elsewhere';
};

subtest 'off here, on there' => sub {
    is_deeply [$waf->differing('/off?q=one' => 403, '/off/try?q=one' => 403, '/to/off?q=one' => 403)], [], 'one is enough';
    is_deeply [$waf->differing('/is/off?q=one' => 200)], [], 'off';
};

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
