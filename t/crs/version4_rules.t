# Rules of version 4 of the Core Rule Set from a directory of the user's: conf/crs as it is delivered,
# with that directory named in main.conf. CRS4_RULES names a real one; without it there is one of ours,
# made of what version 4 has and 3.3 had not: other names of scores, blocking after phase 1, headers of
# parts. A rule that the library is too old for is named, by nginx and by the tool.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(basename dirname);
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Waf;
use Gatehouse::WafTool qw(available in_files tool);
use Test::More;

my %files = map { (basename($_) => slurp($_)) } glob "$FindBin::Bin/../../conf/crs/*.{conf,mapping}";

my %miniature = (
    'REQUEST-901-INITIALIZATION.conf' => <<'END',
SecComponentSignature "OWASP_CRS/4.0.0-miniature"
SecRule &TX:crs_setup_version "@eq 0" "id:901001,phase:1,deny,status:500,log,ver:'OWASP_CRS/4.0.0-miniature'"
SecRule &TX:inbound_anomaly_score_threshold "@eq 0" "id:901100,phase:1,pass,nolog,setvar:'tx.inbound_anomaly_score_threshold=5'"
SecRule &TX:early_blocking "@eq 0" "id:901115,phase:1,pass,nolog,setvar:'tx.early_blocking=0'"
SecRule &TX:blocking_paranoia_level "@eq 0" "id:901120,phase:1,pass,nolog,setvar:'tx.blocking_paranoia_level=1'"
SecRule &TX:critical_anomaly_score "@eq 0" "id:901140,phase:1,pass,nolog,setvar:'tx.critical_anomaly_score=5'"
SecAction "id:901200,phase:1,pass,t:none,nolog,setvar:'tx.blocking_inbound_anomaly_score=0',setvar:'tx.inbound_anomaly_score_pl1=0'"
SecRule UNIQUE_ID "@rx ([0-9])\D*([0-9])" \
    "id:901410,phase:1,pass,capture,t:sha1,t:hexEncode,nolog,setvar:'tx.sampling_rnd100=%{tx.1}%{tx.2}'"
SecRule TX:sampling_rnd100 "@rx ^\D" "id:901450,phase:1,pass,log,ctl:ruleRemoveByTag=OWASP_CRS"
END
    'REQUEST-913-SCANNER-DETECTION.conf' => <<'END',
SecRule REQUEST_HEADERS:User-Agent "@pmFromFile scanners.data" \
    "id:913100,phase:1,block,capture,t:none,tag:'OWASP_CRS',severity:'CRITICAL',\
    setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
END
    'scanners.data' => "# Who looks for holes.\nsqlmap\n",
    'REQUEST-922-MULTIPART-ATTACK.conf' => <<'END',
SecRule MULTIPART_PART_HEADERS "@rx ^content-type: *(.+)" \
    "id:922110,phase:2,block,capture,t:none,t:lowercase,tag:'OWASP_CRS',severity:'CRITICAL',chain"
    SecRule TX:1 "@contains charset=utf-7" "t:none,setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
END
    'REQUEST-930-ATTACKS.conf' => join('', map { <<"END" }
SecRule TX:DETECTION_PARANOIA_LEVEL "\@lt 1" "id:$_->[0]001,phase:2,pass,nolog,skipAfter:END-REQUEST-$_->[0]"
SecRule REQUEST_COOKIES|!REQUEST_COOKIES:/__utm/|ARGS_NAMES|ARGS|XML:/* "$_->[1]" \\
    "id:$_->[0]100,phase:2,block,capture,$_->[2],multiMatch,tag:'OWASP_CRS',severity:'CRITICAL',\\
    setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
SecMarker "END-REQUEST-$_->[0]"
END
        [930, '@rx \.\.[/\x5c]', 't:none,t:urlDecodeUni,t:cmdLine'], [932, '@rx (?i)[;|]\s*cat\b', 't:none,t:cmdLine'],
        [941, '@detectXSS', 't:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:removeNulls'],
        [942, '@detectSQLi', 't:none,t:utf8toUnicode,t:urlDecodeUni,t:removeNulls']),
    'REQUEST-949-BLOCKING-EVALUATION.conf' => join('', map { <<"END" } 1, 2),
SecRule TX:BLOCKING_PARANOIA_LEVEL "\@ge 1" \\
    "id:94905$_,phase:$_,pass,t:none,nolog,setvar:'tx.blocking_inbound_anomaly_score=%{tx.inbound_anomaly_score_pl1}'"
SecRule TX:BLOCKING_INBOUND_ANOMALY_SCORE "\@ge %{tx.inbound_anomaly_score_threshold}" \\
    "id:94911$_,phase:$_,deny,t:none,tag:'OWASP_CRS',msg:'score %{TX.BLOCKING_INBOUND_ANOMALY_SCORE}'"
END
    'RESPONSE-951-DATA-LEAKAGES.conf' => <<'END',
SecRule RESPONSE_HEADERS:Content-Encoding "@rx ." "id:951010,phase:4,pass,nolog,skipAfter:END-RESPONSE-951"
SecRule RESPONSE_BODY "@contains top secret" "id:951100,phase:4,block,setvar:'tx.outbound_anomaly_score_pl1=+4'"
SecMarker "END-RESPONSE-951"
END
    'RESPONSE-980-CORRELATION.conf' => <<'END',
SecAction "id:980099,phase:5,pass,t:none,nolog,noauditlog,setvar:'tx.anomaly_score=%{tx.blocking_inbound_anomaly_score}'"
END
);

# The files of a firewall: what Include names in main.conf is another directory.
sub firewall ($rules) { return (%files, 'main.conf' => $files{'main.conf'} =~ s{^Include /usr/share/\S+$}{Include $rules/*.conf}mr) }

my $server = <<'END';
access_log logs/seen.log seen;
client_max_body_size 0;
modsecurity on;
modsecurity_rules_file $PREFIX/main.conf;
location / { proxy_pass APPLICATION; }
END
my $form = 'Content-Type: application/x-www-form-urlencoded';
my $part = qq(--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plainTYPE\r\n\r\nb\r\n--x--\r\n);
my @browser = ('Host: shop.example', 'User-Agent: Mozilla/5.0', 'Accept: */*');

my @harmless = (
    ['a page', 'GET', '/', @browser],
    ['a search', 'GET', '/search?q=blue+shoes', @browser],
    ['a form', 'POST', '/orders', @browser, $form, \'article=17&text=Many+thanks'],
    ['JSON', 'POST', '/orders', @browser, 'Content-Type: application/json', \'{"article": 17}'],
    ['XML', 'POST', '/orders', @browser, 'Content-Type: text/xml', \'<order article="17"/>'],
    ['a part', 'POST', '/orders', @browser, 'Content-Type: multipart/form-data; boundary=x', \($part =~ s/TYPE//r)],
);
my @attacks = (
    ['SQL', 'GET', '/?id=1%27%20or%20%271%27%3D%271', @browser],
    ['SQL in a form', 'POST', '/', @browser, $form, \'id=1%27%20union%20select%20password%20from%20users--%20'],
    ['SQL in JSON', 'POST', '/', @browser, 'Content-Type: application/json', \q({"id": "1' or '1'='1"})],
    ['a script', 'GET', '/?q=%3Cscript%3Ealert(1)%3C/script%3E', @browser],
    ['a path', 'GET', '/?file=../../../../etc/passwd', @browser],
    ['a command', 'GET', '/?q=%3Bcat%20/etc/passwd', @browser],
    ['a scanner', 'GET', '/', 'Host: shop.example', 'User-Agent: sqlmap/1.7', 'Accept: */*'],
    ['UTF-7 in a part', 'POST', '/', @browser, 'Content-Type: multipart/form-data; boundary=x', \($part =~ s/TYPE/; charset=utf-7/r)],
);

# Statuses and scores of those requests.
sub outcomes ($waf, @requests) {
    my @statuses = map { my ($name, @request) = @$_; $waf->ask(@request)->{status} } @requests;
    my @lines = splice @{[$waf->wait_lines('seen.log', $waf->{seen} += @requests)]}, -@requests;
    return map { [$requests[$_][0], $statuses[$_], split ' ', $lines[$_]] } keys @requests;
}

sub check_rules ($rules) {
    my %firewall = firewall($rules);
    if (available()) {
        my ($status, $said) = tool(in_files(%firewall), 'check', 'main.conf');
        is "$status $said", '0 ' . ($said =~ s/^.*(?:error|warning): .*\n(?: .*\n)*//gmr), 'the tool finds nothing wrong with them';
    }
    my $waf = Gatehouse::Waf->new($server, files => \%firewall, http => 'log_format seen "$modsecurity_score $modsecurity_status";');
    is_deeply [outcomes($waf, @harmless)], [map { [$_->[0], 200, 0, 'PASSED'] } @harmless], 'harmless';
    my @blocked = outcomes($waf, @attacks);
    is_deeply [map { [@$_[0, 1, 3]] } @blocked], [map { [$_->[0], 403, 'BLOCKED'] } @attacks], 'attacks';
    is_deeply [grep { $_->[2] < 5 } @blocked], [], 'their scores';
    is_deeply [map { $_->[2] } grep { $_->[0] eq 'a scanner' } @blocked], [5], 'what phase 5 sums up is not counted twice';
    is $waf->stop, 0, 'nginx ends';
    is_deeply [$waf->complaints], [], 'without harm';
}

my $own = in_files(%miniature);
chmod 0755, "$own" or die "chmod $own: $!";
subtest 'in the manner of version 4' => sub { check_rules("$own") };

subtest 'a release' => sub {
    my $rules = $ENV{CRS4_RULES} // plan skip_all => 'CRS4_RULES names no rules of version 4';
    plan skip_all => 'they take a sanitized nginx too long' if $ENV{ASAN_OPTIONS};
    check_rules($rules);
};

subtest 'rules that the library is too old for' => sub {
    plan skip_all => 'gatehouse-waf is not there' unless available();
    my %newer = (variable => 'SecRule FUTURE_HEADERS:a "@rx b" "id:922999,phase:2,deny"', transformation => 'SecRule ARGS "@rx b" "id:922999,phase:2,deny,t:futureDecode"');
    for my $what (sort keys %newer) {
        my $rules = in_files(%miniature, 'REQUEST-999-NEWER.conf' => "# Not yet.\n$newer{$what}\n");
        my ($status, $said) = tool(in_files(firewall("$rules")), 'check', 'main.conf');
        is $status, 1, "an unknown $what";
        like $said, qr{^\Q$rules\E/REQUEST-999-NEWER\.conf:2: error: unknown $what "(?i:(?:t:)?future\w+)}m, 'the tool names it';
        my $waf = Gatehouse::Waf->new('', files => { firewall("$rules") });
        $waf->configure(server => $server, http => 'log_format seen "";');
        $waf->nginx->signal('HUP');
        $waf->wait_log(qr{\[emerg\] \S+ \Q$rules\E/REQUEST-999-NEWER\.conf:2, included from \S+/main\.conf:\d+: });
        is $waf->stop, 0, 'and so does nginx';
    }
};

done_testing;
