# What the usual connector gets wrong, beside our module: the same requests to the same
# configuration. Where both are right, there was reason to look.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire qw(upstream client);
use Test::More;

my $server = <<'END';
root html;
client_body_buffer_size 8k;
modsecurity on;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/html
    SecRule REQUEST_URI "@contains /" "id:1,phase:1,pass,log"
    SecRule ARGS:q "@streq one" "id:2,phase:1,deny"
    SecRule ARGS:q "@streq two" "id:3,phase:2,deny"
    SecRule RESPONSE_HEADERS:X-Secret "@streq yes" "id:4,phase:3,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:5,phase:4,deny"';
location /            { proxy_pass APPLICATION; }
location /held/       { modsecurity_response_buffer on; proxy_pass APPLICATION:/; }
location = /stream    { proxy_buffering off; proxy_pass http://unix:$PREFIX/stream.sock; }
location = /pixel     { empty_gif; }
location = /allowed   { internal; proxy_pass APPLICATION:/; }
location = /refuses   { internal; return 401; }
location = /vouches   { internal; proxy_pass APPLICATION:/header; }
location /auth/       { auth_request /allowed; proxy_pass APPLICATION:/; }
location /vouched/    { auth_request /vouches; proxy_pass APPLICATION:/; }
location /satisfy/    { satisfy any; allow all; auth_request /refuses; proxy_pass APPLICATION:/; }
location /satisfied/  { satisfy any; deny all; auth_request /allowed; proxy_pass APPLICATION:/; }
location /missing/    { error_page 404 = @application; try_files /nothing =404; }
location = /moved     { error_page 404 = /strict/; try_files /nothing =404; }
location @application { rewrite ^ /header break; proxy_pass APPLICATION; }
location /strict/     { modsecurity_rules 'SecRule ARGS:q "@streq three" "id:6,phase:1,deny"
    SecRule ARGS:q "@streq four" "id:7,phase:2,deny"'; proxy_pass APPLICATION:/; }
END

my $form = 'Content-Type: application/x-www-form-urlencoded';

# How often rule 1 has matched for a request.
sub matches ($waf, $uri) {
    $waf->status($uri);
    $waf->status('/fence?q=one');
    $waf->wait_log(qr/request: "GET \/fence\?q=one /);
    return scalar(() = $waf->log =~ /\[info\].*\[id "1"\].*request: "GET \Q$uri\E /g);
}

# A page that is not buffered: its end is known when all of it has passed.
sub streamed ($waf) {
    my $upstream = upstream($waf->file('stream.sock'));
    my $client   = $waf->nginx->client('/stream');
    my $asked    = $upstream->next_request;
    $asked->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\na top ")->send('secret...');
    my $response = eval { $client->response } // { body => 'cut' };
    $_->leave for $asked, $client;
    return $response->{body};
}

# A body of which so much has been sent that the rest comes behind a temporary file.
sub long_body ($waf, $uri) {
    my $size   = 40_000;
    my $before = () = $waf->log =~ /buffered to a temporary file/g;
    my $client = client("GET $uri HTTP/1.1\r\nHost: localhost\r\n$form\r\nConnection: close\r\nContent-Length: "
            . ($size + 6) . "\r\n\r\n", $waf->file('nginx.sock'))->send('x' x $size);
    $waf->nginx->until(sub { (() = $waf->log =~ /buffered to a temporary file/g) > $before }, 'temporary file');
    return $client;
}

# Whoever cleans up directories takes it.
sub without_file ($waf) {
    my $client = long_body($waf, '/');
    unlink glob $waf->file('temp/client_body/*');
    my $status = $client->send('&q=two')->response->{status};
    $client->leave;
    return $status;
}

# Connections that say nothing, as many as the worker can take.
sub without_descriptors ($waf) {
    my $client = long_body($waf, '/pixel');
    my @idle   = map { client('', $waf->file('nginx.sock')) } 1 .. 60;
    $waf->wait_log(qr/accept4?\(\) failed \(24: /);
    my $status = $client->send('&q=two')->response->{status};
    $_->leave for $client, @idle;
    return $status;
}

sub statuses ($waf, @uris) { return [map { $waf->status($_) } @uris] }

my @cases = (
    ['a block in each phase', sub ($waf) { statuses($waf, qw(/ /?q=one /?q=two /header /secret)) },
        module => [200, 403, 403, 403, 'cut'], connector => [200, 403, 403, 403, 'cut']],
    ['a response that is held', sub ($waf) { statuses($waf, qw(/held/ /held/secret)) },
        module => [200, 403], connector => [200, 'cut']],
    ['a response that is streamed', \&streamed,
        module => 'cut', connector => 'a top secret...'],
    ['behind auth_request', sub ($waf) { statuses($waf, map { "/auth/$_" } '', qw(?q=one ?q=two header secret)) },
        module => [200, 403, 403, 403, 'cut'], connector => [200, 403, 403, 403, 'cut']],
    ['behind satisfy any, the address', sub ($waf) { statuses($waf, map { "/satisfy/$_" } '', qw(?q=one ?q=two header secret)) },
        module => [200, 403, 403, 403, 'cut'], connector => [200, 403, 403, 403, 'cut']],
    ['behind satisfy any, the subrequest', sub ($waf) { statuses($waf, map { "/satisfied/$_" } '', qw(?q=one ?q=two header secret)) },
        module => [200, 403, 403, 403, 'cut'], connector => [200, 403, 403, 403, 'cut']],
    ['subrequests are no requests of clients', sub ($waf) { matches($waf, '/auth/?a=b') },
        module => 1, connector => 2],
    ['nor are their responses', sub ($waf) { statuses($waf, '/vouched/') },
        module => [200], connector => ['cut']],
    ['an application behind error_page', sub ($waf) { statuses($waf, '/missing/a') },
        module => [403], connector => [200]],
    ['a place with rules behind error_page', sub ($waf) { statuses($waf, map { ("/strict/?q=$_", "/moved?q=$_") } qw(three four)) },
        module => [403, 403, 403, 403], connector => [403, 200, 403, 200]],
    ['a body whose file has vanished', \&without_file,
        module => 403, connector => 200],
    ['no descriptor to open a file with', \&without_descriptors,
        module => 403, connector => 200],
);

for my $waf (Gatehouse::Waf->beside($server, main => 'worker_rlimit_nofile 60;')) {
    subtest $waf->name => sub {
        for my $case (@cases) {
            my ($title, $ask, %due) = @$case;
            is_deeply $ask->($waf), $due{ $waf->name }, $title;
        }
        is $waf->stop, 0, 'nginx ends';
        my @harm = grep { !/accept4?\(\) failed/ } $waf->complaints;
        is_deeply \@harm, [], 'without harm' if $waf->name eq 'module';
    };
}

done_testing;
