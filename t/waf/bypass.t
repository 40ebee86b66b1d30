# modsecurity_bypass: addresses, networks, variables; a bypass is seen, and costs no rule.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END', http => 'log_format seen "$uri $modsecurity_status $modsecurity_rules";');
access_log logs/seen.log seen;
set_real_ip_from unix:;
real_ip_header X-Real-IP;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS "@streq bad" "id:1,phase:2,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:2,phase:4,deny"';
location / {
    modsecurity_bypass 192.0.2.1 198.51.100.0/24 2001:db8::/32;
    modsecurity_bypass $http_x_trust;
    location /inherits { proxy_pass APPLICATION; }
    location /other { modsecurity_bypass 203.0.113.1; proxy_pass APPLICATION; }
    proxy_pass APPLICATION;
}
location /late/ { modsecurity_phase late; modsecurity_bypass 192.0.2.1; proxy_pass APPLICATION:/; }
END

my $asked = 0;

sub seen ($uri, $address, @lines) {
    my $status = $waf->status($uri, "X-Real-IP: $address", @lines);
    return $status . ($waf->wait_lines('seen.log', ++$asked))[-1] =~ s/^\S+//r;
}

is seen('/?q=bad', '192.0.2.9'), '403 BLOCKED 1', 'another address';
is seen('/?q=bad', $_), '200 BYPASSED ', $_ for qw(192.0.2.1 198.51.100.77 2001:db8::5);
is seen('/?q=bad', $_), '403 BLOCKED 1', "not $_" for qw(192.0.2.2 198.51.101.1 2001:db9::5);
is seen('/?q=bad', '192.0.2.9', 'X-Trust: yes'), '200 BYPASSED ', 'a variable';
is seen('/?q=bad', '192.0.2.9', 'X-Trust: 0'),   '403 BLOCKED 1', 'that is 0';
is seen('/secret', '192.0.2.1'), '200 BYPASSED ', 'responses';
is seen('/inherits?q=bad', '192.0.2.1'), '200 BYPASSED ', 'inherited';
is seen('/other?q=bad', '203.0.113.1'), '200 BYPASSED ', 'one of its own';
is seen('/other?q=bad', '192.0.2.1'), '403 BLOCKED 1', 'instead of those outside';
is seen('/late/?q=bad', '192.0.2.1'), '200 BYPASSED ', 'late';
is seen('/late/?q=bad', '192.0.2.2'), '403 BLOCKED 1', 'not late';

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
