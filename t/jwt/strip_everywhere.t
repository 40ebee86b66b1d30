# auth_jwt_strip: whatever the configuration has read before, and wherever else the client has put the
# token, no octet of it gets to the upstream. The upstream is a socket that says what it was sent.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose qw(jwks jwt);
use Gatehouse::Server;
use Gatehouse::Wire ();
use Test::More;

my $token = jwt(alg => 'HS256', claims => { sub => 'alice' });
my $nginx = Gatehouse::Server->new('jwt');
$nginx->file('keys.jwks', jwks('hs256'));

# All that a configuration may send on. Variables that nginx keeps are read before the token is taken
# out, by all that reads early.
my @variables = qw($request_uri $request $args $query_string $is_args $uri $arg_t $ARG_T $http_t $http_authorization
    $http_cookie $cookie_t $http_referer $http_user_agent $http_via $http_x_forwarded_for $http_x_other $volatile);
my $all    = join '|', @variables;
my $reads  = join ' ', map { "if ($_ = none) { set \$none 1; }" } @variables;
my $copied = "proxy_set_header X-All \"$all\";";
my %source = (
    argument => '$arg_t', bearer => '$http_authorization', cookie => '$cookie_t', field => '$http_t',
    agent => '$http_user_agent', referer => '$http_referer', forwarded => '$http_x_forwarded_for', via => '$http_via',
);

my $locations = '';
for my $name (sort keys %source) {
    my $auth = $name eq 'bearer' ? 'auth_jwt site;' : "auth_jwt site token=$source{$name};";
    my %ways = (
        plain     => 'proxy_pass http://unix:$PREFIX/upstream.sock;',
        uri       => 'proxy_pass http://unix:$PREFIX/upstream.sock:/up/;',
        variable  => 'proxy_pass http://upstream$request_uri;',
        args      => 'proxy_pass http://upstream/?$args;',
        preaccess => 'auth_jwt_phase preaccess; proxy_pass http://upstream;',
        rewritten => 'rewrite ^ /rewritten break; proxy_pass http://upstream;',
        copied    => 'rewrite ^ /rewritten?copy=$arg_t break; proxy_pass http://upstream;',
        page      => "error_page 404 \@$name; try_files /none =404;",
        moved     => "try_files /none /moved/$name?\$args;",
        mirrored  => "mirror /mirror; try_files /index.html =404;",
        asked     => 'auth_request /mirror; try_files /index.html =404;',
        fastcgi   => 'fastcgi_pass unix:$PREFIX/upstream.sock; fastcgi_param QUERY_STRING $query_string;'
            . " fastcgi_param REQUEST_URI \$request_uri; fastcgi_param HTTP_AUTHORIZATION \$http_authorization; fastcgi_param ALL \"$all\";",
        uwsgi     => "uwsgi_pass unix:\$PREFIX/upstream.sock; uwsgi_param REQUEST_URI \$request_uri; uwsgi_param ALL \"$all\";",
        scgi      => "scgi_pass unix:\$PREFIX/upstream.sock; scgi_param REQUEST_URI \$request_uri; scgi_param ALL \"$all\";",
        grpc      => "grpc_pass grpc://unix:\$PREFIX/upstream.sock; grpc_set_header X-All \"$all\";",
    );
    $locations .= join "\n", "location \@$name { $auth auth_jwt_strip on; $copied proxy_pass http://upstream; }",
        "location /moved/$name { auth_jwt off; $copied proxy_pass http://upstream; }",
        (map { "location /$name/$_/ { $auth auth_jwt_strip on; $reads $copied $ways{$_} }" } sort keys %ways), '';
}

$nginx->configure(<<"END", workers => 1);
large_client_header_buffers 8 32k;
log_format seen '\$request \$request_uri \$args \$http_authorization \$http_cookie';
map \$request_uri \$read { default 1; }
map \$request_uri\$http_cookie\$http_t \$volatile { volatile; default \$request_uri\$http_cookie\$http_t; }
upstream upstream { server unix:\$PREFIX/upstream.sock; }
server {
    listen unix:\$PREFIX/nginx.sock;
    root html;
    access_log logs/seen.log seen if=\$read;
    auth_jwt_key_file keys.jwks;
    location = /mirror { internal; auth_jwt off; $copied proxy_pass http://upstream\$request_uri; }
    location = /dry    { auth_jwt site token=\$arg_t; auth_jwt_strip on; auth_jwt_dry_run on; $reads proxy_pass http://upstream; }
    location = /set    { auth_jwt site token=\$arg_t; auth_jwt_strip on; set \$early \$arg_t; proxy_set_header X-Set \$early; proxy_pass http://upstream; }
    location = /allowed {
        satisfy any;
        allow all;
        auth_jwt site token=\$arg_t;
        auth_jwt_strip on;
        set \$id \$request_id;
        proxy_set_header X-Ids "\$id \$request_id";
        proxy_pass http://upstream;
    }
$locations}
END
$nginx->start;
my $upstream = Gatehouse::Wire::upstream($nginx->file('upstream.sock'));

# The octets that the upstream gets; of a protocol that it cannot answer, the client hears of no error.
sub sent ($uri, @lines) {
    my $client = Gatehouse::Wire::client(Gatehouse::Wire::get($uri, undef, 'Connection: close', @lines), $nginx->file('nginx.sock'));
    Gatehouse::Wire::wait_readable($upstream->{socket}, "connection from nginx for $uri");
    my $socket = $upstream->{socket}->accept;
    my $text   = '';
    if ($uri =~ m{/(?:fastcgi|uwsgi|scgi|grpc)/}) {
        while (IO::Select->new($socket)->can_read($text eq '' ? 10 : 0.3)) {
            sysread $socket, $text, 65536, length $text or last;
        }
        close $socket;
        1 while $client->more;
        return $text;
    }
    my $peer = bless { socket => $socket, buffer => '' }, 'Gatehouse::Wire::Peer';
    $text = $peer->take_head;
    $peer->answer(200, 'done');
    1 while $client->more;
    return $text;
}

sub keeps_it ($name, $uri, @lines) {
    my $text = sent($uri, @lines);
    my $out  = index($text, $token) < 0 && index($text, 'eyJ') < 0;
    ok $out, $name or diag $text =~ s/[^\x20-\x7e\r\n]/./gr;
    return $text;
}

my %carried = (
    argument => ["?t=$token"], bearer => ['', "Authorization: Bearer $token"], cookie => ['', "Cookie: t=$token"],
    field => ['', "T: $token"], agent => ['', "User-Agent: $token"], referer => ['', "Referer: $token"],
    forwarded => ['', "X-Forwarded-For: $token", "X-Forwarded-For: $token"], via => ['', "Via: $token"],
);
my @ways = qw(plain uri variable args preaccess page mirrored asked fastcgi uwsgi scgi grpc);
for my $name (sort keys %source) {
    my ($query, @lines) = $carried{$name}->@*;
    my @also = $name eq 'argument' ? 'moved' : qw(moved rewritten copied);
    keeps_it("$name: $_", "/$name/$_/x$query", @lines) for @ways, @also;
}
# A rewrite without arguments of its own keeps those of the request.
keeps_it("argument: $_", "/argument/$_/x?t=$token") for qw(rewritten copied);

# Kept is what is no token.
like keeps_it('among others', "/argument/plain/x?a=1&t=$token&b=%26"), qr{\AGET /argument/plain/x\?a=1&b=%26 HTTP/1\.[01]\r\n}, 'other arguments';
like keeps_it('the request line', "/argument/plain/x?a=1&t=$token"),
    qr{^X-All: /argument/plain/x\?a=1\|GET /argument/plain/x\?a=1 HTTP/1\.1\|a=1\|a=1\|\?\|/argument/plain/x\|\|+/argument/plain/x\?a=1\r$}m, 'all variables agree';

# As the application may read it.
my @spellings = ("T=$token", "%74=$token", "%54=$token", "other=$token", "t%3D$token", "a=1;t=$token", "$token", "o=x$token&o=${token}x");
for my $spelling (@spellings) {
    my $short = $spelling =~ s/\Q$token\E/TOKEN/gr;
    keeps_it("another argument: $short", "/argument/plain/x?t=$token&$spelling");
    keeps_it("before it: $short", "/argument/plain/x?$spelling&a=1&t=$token");
    keeps_it("with a fragment: $short", "/argument/plain/x?t=$token&$spelling#$spelling");
}
my @elsewhere = ("Authorization: Bearer $token", "Cookie: a=1; other=$token; b=2", "Cookie: %74=$token", "Referer: http://localhost/?t=$token",
    "User-Agent: x $token", "X-Other: $token", "X-Forwarded-For: 192.0.2.1, $token", "Via: $token");
for my $line (@elsewhere) {
    my $short = $line =~ s/\Q$token\E/TOKEN/gr;
    for my $name (grep { $short !~ /^Authorization/ || $_ ne 'bearer' } qw(argument bearer cookie field)) {
        my ($query, @lines) = $carried{$name}->@*;
        keeps_it("$name, and $short", "/$name/plain/x$query", @lines, $line);
    }
}
like keeps_it('cookies', '/bearer/plain/x', "Authorization: Bearer $token", "Cookie: a=1; c=$token; b=2"),
    qr/^Cookie: a=1; b=2\r$/m, 'other cookies are kept';
like sent("/argument/plain/x?t=$token", 'Content-Type: text/plain', 'X-Other: eyK'), qr/^Content-Type: text\/plain\r\nX-Other: eyK\r$/m,
    'so are other fields';

# Nobody can make a field vanish that the rest of the request depends on, or anything by a few letters.
like sent("/argument/plain/x?t=$token", "Content-Type: text/plain; a=$token"), qr/^Content-Type: text\/plain; a=eyJ/m, 'a Content-Type stays';
like sent('/allowed?t=a&b=a', 'X-Other: a', 'Cookie: a=a'),
    qr{\AGET /allowed\?b=a .*^X-Ids: (\w+) \1\r\n.*^X-Other: a\r\nCookie: a=a\r$}ms, 'what is no token';

# What cannot be taken back, and what is not to be.
like sent("/set?t=$token"), qr/^X-Set: \Q$token\E\r$/m, 'a copy that `set` has made before';
like sent("/dry?t=$token"), qr{\AGET /dry\?t=\Q$token\E }, 'a dry run';

is $nginx->stop, 0, 'nginx ends';
my $log = Gatehouse::Jose::Keys::slurp($nginx->file('logs/seen.log'));
is_deeply [grep { /eyJ/ && !m{ /dry\?}} split /\n/, $log], [], 'the access log has none either';
unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';

done_testing;
