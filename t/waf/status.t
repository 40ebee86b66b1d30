# modsecurity_status: one status for all that is refused, instead of what each rule says.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', files => { 'html/page.html' => 'Refused.' });
root html;
modsecurity on;
modsecurity_status 429;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS:q "@streq one" "id:1,phase:1,deny,status:406"
    SecRule ARGS:q "@streq two" "id:2,phase:2,deny"
    SecRule ARGS:q "@streq away" "id:3,phase:1,redirect:http://other.example/"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny,status:405"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"';
location / { modsecurity_response_buffer on; proxy_pass APPLICATION; }
location /page/ { error_page 429 /page.html; proxy_pass APPLICATION:/; }
location /other/ { modsecurity_status 503; proxy_pass APPLICATION:/; }
location /dry/ { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
location = /page.html { internal; }
location /drop/ {
    error_page 403 444 /page.html;
    modsecurity_response_buffer on;
    modsecurity_rules 'SecDefaultAction "phase:2,log,drop"
        SecRule ARGS:q "@streq drop1" "id:11,phase:1,drop,status:403"
        SecRule ARGS:q "@streq drop2" "id:12,phase:2,drop,nolog"
        SecRule ARGS:q "@streq block" "id:13,phase:2,block"
        SecRule ARGS:q "@rx ^updated" "id:14,phase:2,pass,log"
        SecRuleUpdateActionById 14 "drop"
        SecRule ARGS:q "@streq chain" "id:15,phase:2,drop,chain"
            SecRule REQUEST_METHOD "@streq GET" "t:none"
        SecRule ARGS:q "@streq drop3" "id:16,phase:3,drop"
        SecRule ARGS:q "@streq drop4" "id:17,phase:4,drop"
        SecRule ARGS:q "@streq deny" "id:18,phase:2,deny"';
    proxy_pass APPLICATION:/;
}
location /drop/dry/ { modsecurity_dry_run on; proxy_pass APPLICATION:/; }
END

is_deeply [$waf->differing('/' => 200, '/?q=one' => 429, '/?q=two' => 429, '/header' => 429, '/secret' => 429)], [], 'each phase';
is_deeply [$waf->differing('/?q=away' => 302)], [], 'a redirect is one';
is_deeply [$waf->differing('/other/?q=one' => 503, '/other/header' => 503)], [], 'inside';
is_deeply [$waf->differing('/dry/?q=one' => 200)], [], 'a dry run';
is_deeply [$waf->differing(map({ ("/drop/?q=$_" => 'cut', "/drop/dry/?q=$_" => 200) } qw(drop1 drop2 block updated chain drop3 drop4)), '/drop/?q=deny' => 429)],
    [], 'drop: no answer';
my $answer = $waf->get('/page/?q=one');
is "$answer->{status} $answer->{body}", '429 Refused.', 'error_page';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
