# auth_jwt_key_request and the request it is made for: bodies, header lines, clients that leave,
# requests that wait side by side.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Test 'jwt';
use Gatehouse::Cases;
use Gatehouse::Jose 'jwks';
use Gatehouse::Wire;
use Test::More ();

token(RSA => (alg => 'RS256', claims => { sub => 'alice' }));
token(EC  => (alg => 'ES256', claims => { sub => 'bob' }));
my %keys = (rsa => jwks('rsa'), ec => jwks('ec256'));
key_file("$_.jwks", $keys{$_}) for keys %keys;

my $key_server = upstream('keys.sock');
my $backend    = upstream('backend.sock');

# As older releases of nginx do unless told.
our $Slow = <<'END';
location = /keys {
    internal;
    proxy_http_version 1.0;
    proxy_set_header Connection close;
    proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock;
}
END
our $Backend = <<'END';
location /app {
    auth_jwt site;
    auth_jwt_key_request /keys;
    proxy_http_version 1.0;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END

sub post ($uri, $body, @lines) {
    return join "\r\n", "POST $uri HTTP/1.1", 'Host: localhost', bearer('RSA'),
        'Content-Length: ' . length $body, @lines, '', $body;
}

sub chunked ($uri, @chunks) {
    return join "\r\n", "POST $uri HTTP/1.1", 'Host: localhost', bearer('RSA'),
        'Transfer-Encoding: chunked', '', (map { (sprintf('%x', length), $_) } @chunks), '0', '', '';
}

# The body gets through the whole way, and the answer back.
sub passes ($what, $request, $body) {
    my $client = client($request);
    my $asked  = $backend->next_request;
    my $got    = $asked->body;
    Test::More::ok($got eq $body, "$what: the body arrives as it was")
        or Test::More::diag(length($got) . ' bytes of ' . length $body);
    $asked->answer(200, 'fine');
    Test::More::is($client->response->{status}, 200, "$what: status");
    $client->leave;
}

my $large = join '', map { sprintf "%07d\n", $_ } 1 .. 40_000;
sub small_body   { passes('small', post('/app', 'a=1'), 'a=1') }
sub empty_body   { passes('empty', post('/app', ''), '') }
sub large_body   { passes('large', post('/app', $large), $large) }
sub chunked_body { passes('chunked', chunked('/app', 'abc', $large, 'xyz'), "abc${large}xyz") }
sub streamed     { passes('streamed', post('/app/streamed', $large), $large) }
sub streamed_chunks {
    passes('streamed chunks', chunked('/app/streamed', $large, 'end'), "${large}end");
}

# The header and half of the body are there when the keys are asked for, the rest comes later.
sub body_in_two {
    my $request = post('/app', 'first second');
    my $client  = client(substr $request, 0, -6);
    my $asked   = $key_server->next_request;
    $client->send(substr $request, -6);
    $asked->answer(200, $keys{rsa});
    $asked = $backend->next_request;
    Test::More::is($asked->body, 'first second', 'in two: the body arrives as it was');
    $asked->answer(200, 'fine');
    Test::More::is($client->response->{status}, 200, 'in two: status');
    $client->leave;
}

# What the key server is told.
sub bare_request {
    my $client = client(post('/app', 'a=1', 'Range: bytes=0-9', 'If-None-Match: "x"',
        'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'Cookie: a=b', 'Accept-Encoding: gzip',
        'Content-Type: text/plain', 'X-Other: y', 'TE: trailers'));
    my $asked = $key_server->next_request;
    Test::More::is($asked->line, 'GET /keys HTTP/1.0', 'a GET');
    my @lines = split /\r\n/, $asked->head =~ s/\A.*?\r\n//r;
    Test::More::is_deeply([sort map { lc s/:.*//r } grep { length } @lines], [qw(connection host)],
        'without anything of the client') or Test::More::diag($asked->head);
    Test::More::is($asked->body, '', 'no body');
    $asked->answer(200, $keys{rsa});

    # And the request proper has lost nothing.
    $asked = $backend->next_request;
    Test::More::like($asked->head, qr/^\Q$_\E: /m, "upstream sees $_")
        for qw(Authorization Content-Length Range If-None-Match Cookie Content-Type X-Other);
    Test::More::is($asked->line, 'POST /app HTTP/1.0', 'upstream sees a POST');
    $asked->body;
    $asked->answer(200, 'fine');
    $client->response;
    $client->leave;
}

# All wait for keys at once; the answers come in the opposite order.
sub side_by_side {
    my @tenants = map { ([rsa => 'RSA', 200], [ec => 'RSA', 401], [ec => 'EC', 200], [rsa => 'EC', 401]) } 1 .. 4;
    my (@clients, @asked);
    for my $tenant (@tenants) {
        push @clients, client(get("/tenant?tenant=$tenant->[0]", $tenant->[1]));
        push @asked, $key_server->next_request;
    }
    for my $asked (reverse @asked) {
        my ($tenant) = $asked->line =~ /tenant=(\w+)/;
        $asked->answer(200, $keys{$tenant});
    }
    for my $i (keys @clients) {
        my $response = $clients[$i]->response;
        my ($user) = $response->{head} =~ /^X-User: (.*)\r$/m;
        Test::More::is($response->{status}, $tenants[$i][2], "side by side: @{$tenants[$i]}");
        Test::More::is($user // '', { 'rsa RSA' => 'alice', 'ec EC' => 'bob' }->{"@{$tenants[$i]}[0, 1]"} // '',
            'its own claims');
        $clients[$i]->leave;
    }
}

# The client leaves while its keys are being asked for; then others come.
sub abort ($lines) {
    my $client = client($lines);
    my $asked  = $key_server->next_request;
    $client->leave;
    Test::More::ok($asked->is_left, 'the key request ends with its client');
    $asked->leave;
}
sub abort_get  { abort(get('/app', 'RSA')) for 1 .. 3 }
sub abort_post { abort(substr post('/app', 'a=1'), 0, -2) }

# nginx is told not to care: the answer finds nobody.
sub ignored_abort {
    my $client = client(get('/ignore', 'RSA'));
    my $asked  = $key_server->next_request;
    $client->leave;
    $asked->answer(200, $keys{rsa});
}

sub twice_on_a_connection {
    my $client = client(get('/tenant?tenant=rsa', 'RSA'));
    $key_server->next_request->answer(200, $keys{rsa});
    Test::More::is($client->response->{status}, 200, 'first request of a connection');
    $client->send(get('/tenant?tenant=rsa', 'EC'));
    $key_server->next_request->answer(200, $keys{rsa});
    Test::More::is($client->response->{status}, 401, 'second request of a connection');
    $client->send(get('/tenant?tenant=ec', 'EC'));
    $key_server->next_request->answer(200, $keys{ec});
    Test::More::is($client->response->{status}, 200, 'third request of a connection');
    $client->leave;
}

sub nobody_asked { Test::More::ok($key_server->nobody_waits, 'the keys were not asked for again') }

sub served {
    my $client = client(get('/app', 'RSA'));
    $key_server->next_request->answer(200, $keys{rsa});
    $backend->next_request->answer(200, 'fine');
    Test::More::is($client->response->{status}, 200, 'a later request is served');
    $client->leave;
}

run_tests();

__DATA__

=== TEST 1: request bodies reach the upstream intact
--- config eval
$::Backend . <<'END';
location = /keys {
    internal;
    alias $TEST_NGINX_KEYS/rsa.jwks;
}
location = /app/streamed {
    auth_jwt site;
    auth_jwt_key_request /keys;
    client_body_buffer_size 8k;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- cases
POST /app  -  401  token is missing
do small_body
do empty_body
do large_body
do chunked_body
do streamed
do streamed_chunks



=== TEST 2: also in the preaccess phase
--- config eval
"auth_jwt_phase preaccess;\n" . $::Backend . <<'END';
location = /keys {
    internal;
    alias $TEST_NGINX_KEYS/rsa.jwks;
}
END
--- cases
/app  EC  401  no key matches the token
do small_body
do large_body
do chunked_body



=== TEST 3: a body that arrives while the keys are asked for
--- config eval: $::Slow . $::Backend
--- cases
/app  -  401  token is missing
do body_in_two
do nobody_asked



=== TEST 4: the key request carries nothing of the client's
--- config eval: $::Slow . $::Backend
--- cases
/app  -  401  token is missing
do bare_request
do nobody_asked



=== TEST 5: auth_jwt of the server is inherited by the key location, which does not ask for keys in turn
--- config eval
$::Slow . <<'END';
auth_jwt site;
auth_jwt_key_request /keys;
location = /app {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- cases
/app  -  401  token is missing
do served
do nobody_asked



=== TEST 6: the same in the preaccess phase
--- config eval
$::Slow . <<'END';
auth_jwt_phase preaccess;
auth_jwt site;
auth_jwt_key_request /keys;
location = /app {
    proxy_pass http://unix:$TEST_NGINX_KEYS/backend.sock;
}
END
--- cases
/app  -  401  token is missing
do served
do nobody_asked



=== TEST 7: requests that wait at the same time do not mix
--- config
location = /tenant {
    auth_jwt site;
    auth_jwt_key_request /keys?tenant=$arg_tenant;
    add_header X-User $jwt_verified_claim_sub always;
    try_files /index.html =404;
}
location = /keys {
    internal;
    proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock;
}
--- cases
/tenant  -  401  token is missing
do side_by_side           logs 8x no key matches the token
do twice_on_a_connection  logs no key matches the token



=== TEST 8: clients that leave while their keys are asked for
--- config eval
$::Slow . $::Backend . <<'END';
location = /ignore {
    auth_jwt site;
    auth_jwt_key_request /patient;
    try_files /index.html =404;
}
location = /patient {
    internal;
    proxy_ignore_client_abort on;
    proxy_pass http://unix:$TEST_NGINX_KEYS/keys.sock:/keys;
}
END
--- cases
/app  -  401  token is missing
do abort_get
do abort_post
do served
do ignored_abort
do served
--- log
0  [alert]
0  exited on signal
