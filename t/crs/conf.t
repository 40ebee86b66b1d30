# conf/crs as it is delivered: what it blocks and lets pass, and that each of its examples is right.
# CRS_MODULE is the module under test, as in regression.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(basename dirname);
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Server;
use Gatehouse::Wire ();
use Test::More;

my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$FindBin::Bin/../../out/modules";
my $module  = $ENV{CRS_MODULE} // "$modules/ngx_http_gatehouse_waf_module.so";
plan skip_all => "$module is not there" unless -f $module;
plan skip_all => 'there is no Core Rule Set' unless -d '/usr/share/modsecurity-crs/rules';

my %files = map { (basename($_) => slurp($_)) } glob "$FindBin::Bin/../../conf/crs/*.{conf,mapping}";

# An example is a directive behind a "#", to the end of its continuation lines and of its chain.
sub with_examples ($text) { return $text =~ s/^#(?=Sec|    )//gmr }

# An nginx with the files of conf/crs, after $change of each, that answers everything.
sub gateway ($change = sub ($name, $text) { $text }) {
    my $nginx = Gatehouse::Server->new;
    my $prefix = dirname($nginx->file('main.conf'));
    $nginx->file($_, $change->($_, $files{$_}) =~ s/\$PREFIX/$prefix/gr) for sort keys %files;
    $nginx->configure(<<'END', workers => 1, main => "load_module $module;");
server {
    listen unix:$PREFIX/nginx.sock;
    modsecurity on;
    modsecurity_rules_file $PREFIX/main.conf;
    location / { proxy_pass http://unix:$PREFIX/application.sock; }
}
server {
    listen unix:$PREFIX/application.sock;
    default_type text/plain;
    return 200 "It works!\n";
}
END
    return $nginx->start;
}

my @browser = ('Host: shop.example', 'User-Agent: Mozilla/5.0', 'Accept: */*');

sub get ($nginx, $uri) { return ask($nginx, "GET $uri HTTP/1.1", @browser) }

sub post ($nginx, $uri, $type, $body) {
    return ask($nginx, "POST $uri HTTP/1.1", @browser, "Content-Type: $type", 'Content-Length: ' . length $body, \$body);
}

sub ask ($nginx, @lines) {
    my $body   = ref $lines[-1] ? ${ pop @lines } : '';
    my $text   = join "\r\n", @lines, 'Connection: close', '', $body;
    my $client = Gatehouse::Wire::client($text, $nginx->file('nginx.sock'));
    my $status = $client->response->{status};
    $client->leave;
    return $status;
}

my $form = 'application/x-www-form-urlencoded';
my $html = 'description=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E';

subtest 'as it is' => sub {
    my $nginx = gateway();
    is get($nginx, '/'), 200, 'a page';
    is get($nginx, '/search?q=blue+shoes'), 200, 'a search';
    is post($nginx, '/orders', 'application/json', '{"article": 17}'), 200, 'JSON';
    is post($nginx, '/orders', 'text/xml', '<order article="17"/>'), 200, 'XML';

    my $part = qq(--x\r\nContent-Disposition: form-data; name="q"\r\n\r\nblue\r\nshoes\r\n--x--\r\n);
    is post($nginx, '/orders', "multipart/form-data; boundary=$_", $part), 200, "a form, boundary $_" for 'x', '"x"';
    is post($nginx, '/orders', 'multipart/form-data; boundary=x', $part =~ s/\r//gr), 400, 'its lines end otherwise';
    is post($nginx, '/orders', 'multipart/form-data; boundary=x', $_), 400, 'something beside it' for "a$part", "${part}b";

    is get($nginx, '/?id=1%27%20or%20%271%27%3D%271'), 403, 'SQL';
    is get($nginx, '/?q=%3Cscript%3Ealert(1)%3C/script%3E'), 403, 'a script';
    is get($nginx, '/?q=%u2039%u017fcript%u203aalert(1)%u2039/%u017fcript%u203a'), 403, 'in letters that only look like it';
    is get($nginx, '/?file=../../../../etc/passwd'), 403, 'a path';
    is get($nginx, '/?q=%3Bcat%20/etc/passwd'), 403, 'a command';
    is ask($nginx, 'GET / HTTP/1.1', 'Host: shop.example', 'User-Agent: sqlmap/1.7', 'Accept: */*'), 403, 'a scanner';
    is post($nginx, '/orders', 'application/json', '{"article": "1 union select password from users"}'), 403, 'SQL in JSON';

    is post($nginx, '/orders', $_, '{"article": '), 400, "half of $_" for qw(application/json application/hal+json text/xml);
    is post($nginx, '/orders', 'multipart/form-data; boundary=x', "--y\r\n\r\n"), 400, 'half a form';
    is post($nginx, '/orders', $form, join '&', map { "a$_=1" } 1 .. 1001), 400, 'a thousand arguments';
    is post($nginx, '/orders', $form, 'a=' . 'b' x 140_000), 400, 'a long form';
};

subtest 'an exclusion' => sub {
    my $nginx = gateway(sub ($name, $text) {
        return $text unless $name eq 'exclusions.conf';
        return "$text\n" . <<'END';
SecRule REQUEST_FILENAME "@streq /articles/edit" \
    "id:11100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetByTag=attack-xss;ARGS:description"
END
    });
    is post($nginx, '/articles/edit',     $form, $html), 200, 'is no false positive any more';
    is post($nginx, '/articles/comments', $form, $html), 403, 'another path';
    is post($nginx, '/articles/edit', $form, $html =~ s/description/title/r), 403, 'another argument';
};

subtest 'the examples' => sub {
    my $nginx = gateway(sub ($name, $text) {
        $text = with_examples($text);
        unlike $text, qr/^#Sec/m, "$name: none is left out";
        return $text =~ s{/var/log/nginx/}{\$PREFIX/logs/}r =~ s/(sampling_percentage)=10\b/$1=100/r;
    });
    is get($nginx, '/'), 200, 'are accepted, all of them at once';
    is get($nginx, '/?id=1%27%20or%20%271%27%3D%271'), 403, 'and leave most of the firewall as it is';
    my $log = $nginx->file('logs/modsecurity_audit.log');
    $nginx->until(sub { -s $log }, 'audit log');
    like slurp($log), qr/^\{.*"ruleId":"949110"/m, 'the audit log has it';
};

done_testing;
