# Exactly one charge per client request, wherever nginx takes it: internal redirects, subrequests,
# filters. All places are limited, those that it is taken to as well. Clients: once_clients.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Redis;
use Gatehouse::Server;
use Gatehouse::Wire ();
use Test::More;

my $site = <<'END';
server {
    listen unix:$PREFIX/ZONE.sock;
    rate_limit zone=ZONE;
    rewrite ^/server_rewrite$ /target last;

    location = /target       { try_files /index.html =404; }
    location = /index.html   { }
    location = /page         { try_files /index.html =404; }
    location @named          { try_files /index.html =404; }
    location = /sub          { proxy_pass http://unix:$PREFIX/backend.sock; }
    location = /html         { alias $PREFIX/html/index.html; }

    location = /error_page          { error_page 404 /page; try_files /none =404; }
    location = /error_page/named    { error_page 404 = @named; try_files /none =404; }
    location = /error_page/twice {
        recursive_error_pages on;
        error_page 404 /error_page;
        try_files /none =404;
    }
    location = /error_page/upstream {
        proxy_intercept_errors on;
        error_page 500 =200 /page;
        proxy_pass http://unix:$PREFIX/backend.sock:/fails;
    }
    location = /error_page/filter   { error_page 412 /page; alias $PREFIX/html/index.html; }
    location = /error_page/body     { client_max_body_size 1; error_page 413 /page; }
    location = /error_page/access   { deny all; error_page 403 =200 /page; }
    location = /try_files           { try_files /none /target; }
    location = /try_files/named     { try_files /none @named; }
    location = /rewrite/last        { rewrite ^ /target last; }
    location = /rewrite/break       { rewrite ^ /index.html break; }
    location = /post_action         { post_action /sub; try_files /index.html =404; }
    location /index/                { alias $PREFIX/html/; }
    location = /auth_request        { auth_request /sub; try_files /index.html =404; }
    location = /auth_request/any    { satisfy any; deny all; auth_request /sub; try_files /index.html =404; }
    location = /satisfy/any         { satisfy any; allow all; auth_request /sub; try_files /index.html =404; }
    location = /mirror              { mirror /sub; mirror /target; try_files /index.html =404; }
    location = /ssi                 { ssi on; ssi_types *; alias $PREFIX/html/ssi.html; }
    location = /addition {
        add_before_body /sub;
        add_after_body /target;
        addition_types *;
        try_files /index.html =404;
    }
    location = /sub_filter          { sub_filter works works; sub_filter_types *; try_files /index.html =404; }
    location = /slice {
        slice 2;
        proxy_set_header Range $slice_range;
        proxy_http_version 1.1;
        proxy_pass http://unix:$PREFIX/backend.sock:/index.html;
    }
    location = /accel {
        proxy_pass http://unix:$PREFIX/backend.sock;
    }
    location = /refused             { rate_limit zone=none_ZONE; error_page 429 /page; }
    location = /refused/named       { rate_limit zone=none_ZONE; error_page 429 =200 @named; }
    location = /refused/all {
        rate_limit zone=ZONE;
        rate_limit zone=none_ZONE;
        error_page 429 /page;
    }
}
END

my $redis = Gatehouse::Redis->new->start;
my $nginx = Gatehouse::Server->new('rate_limit');
$nginx->file('html/ssi.html', join ' ', map { qq{<!--# include virtual="$_" -->} } qw(/sub /target /sub /html));
$nginx->configure("rate_limit_redis main { server unix:@{[$redis->socket]}; timeout 2s; connect_timeout 2s; }"
    . join('', map { <<"END" } ['memory', ''], ['redis', 'redis=main']) . <<'END');
    rate_limit_zone \$http_x_key zone=$_->[0]:256k rate=1000r/1d $_->[1];
    rate_limit_zone \$http_x_key zone=none_$_->[0]:256k rate=1r/1d burst=1 $_->[1];
    @{[$site =~ s/ZONE/$_->[0]/gr]}
END
server {
    listen unix:$PREFIX/backend.sock;
    location / { return 200 "backend"; }
    location = /fails { return 500; }
    location = /index.html { }
    location = /accel {
        add_header X-Accel-Redirect $arg_to;
        return 200;
    }
}
END
$nginx->start;

sub ask ($zone, $key, $uri, @lines) {
    my $text = Gatehouse::Wire::get($uri, undef, "X-Key: $key", 'Connection: close', @lines);
    my $client   = Gatehouse::Wire::client($text, $nginx->file("$zone.sock"));
    my $response = $client->response;
    $client->leave;
    return $response;
}

# Without the seconds.
sub fields ($response) { return [map { s/;t=\d+\z//r } ($response->{headers}{ratelimit} // [])->@*] }

sub calls () { return $redis->stat('cmdstat_evalsha', 'calls') }

# How many requests of a key are left, this one included.
sub left ($zone, $key) {
    my ($left) = fields(ask($zone, $key, '/target'))->[0] =~ /;r=(\d+)\z/;
    return $left + 1;
}

# One charge, and what is left is said once, be it on an error page.
sub charged_once ($zone, $name, $status, $uri, @lines) {
    my $key      = "$zone $name";
    my $before   = calls();
    my $response = ask($zone, $key, $uri, @lines);
    is $response->{status}, $status, "$key: status";
    is_deeply fields($response), [qq{"$zone";r=999}], "$key: header field";
    is left($zone, $key), 999, "$key: one charge";
    is calls() - $before, $zone eq 'redis' ? 2 : 0, "$key: one call, and that of the check";
    return $response;
}

my @plain = (
    ['a file'                           => 200, '/target'],
    ['server rewrite'                   => 200, '/server_rewrite'],
    ['error_page'                       => 404, '/error_page'],
    ['error_page to a named location'   => 200, '/error_page/named'],
    ['error_page of an error page'      => 404, '/error_page/twice'],
    ['error_page of an upstream'        => 200, '/error_page/upstream'],
    ['error_page of a filter'           => 412, '/error_page/filter', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'],
    ['error_page before any limit'      => 413, '/error_page/body', 'Content-Length: 2'],
    ['error_page of an access rule'     => 200, '/error_page/access'],
    ['try_files'                        => 200, '/try_files'],
    ['try_files to a named location'    => 200, '/try_files/named'],
    ['rewrite last'                     => 200, '/rewrite/last'],
    ['rewrite break'                    => 200, '/rewrite/break'],
    ['post_action'                      => 200, '/post_action'],
    ['index'                            => 200, '/index/'],
    ['auth_request'                     => 200, '/auth_request'],
    ['auth_request, satisfy any'        => 200, '/auth_request/any'],
    ['satisfy any'                      => 200, '/satisfy/any'],
    ['mirror'                           => 200, '/mirror'],
    ['SSI'                              => 200, '/ssi'],
    ['addition'                         => 200, '/addition'],
    ['sub_filter'                       => 200, '/sub_filter'],
    ['slice'                            => 200, '/slice'],
    ['X-Accel-Redirect'                 => 200, '/accel?to=/target'],
    ['X-Accel-Redirect to a location'   => 200, '/accel?to=@named'],
    ['range'                            => 206, '/target', 'Range: bytes=0-1'],
    ['ranges'                           => 206, '/target', 'Range: bytes=0-1,3-4'],
    ['range that is not there'          => 416, '/target', 'Range: bytes=100-'],
    ['not modified'                     => 304, '/target', 'If-None-Match: *'],
);

for my $zone (qw(memory redis)) {
    charged_once($zone, @$_) for @plain;
    is ask($zone, 'body', '/ssi')->{body}, 'backend It works! backend It works!', "$zone: SSI includes";
    is ask($zone, 'body', '/addition')->{body}, 'backendIt works!It works!', "$zone: addition";
    is ask($zone, 'body', '/slice')->{body}, 'It works!', "$zone: slice";

    for my $uri ('/refused', '/refused/named', '/refused/all') {
        my $key    = "$zone refused $uri";
        my $counts = $uri eq '/refused/all' ? 1 : 0;
        my @got    = map { ask($zone, $key, $uri) } 1 .. 3;
        my $status = $uri eq '/refused/named' ? 200 : 429;
        is_deeply [map { $_->{status} } @got[1, 2]], [$status, $status], "$key: status";
        is $got[1]{body}, 'It works!', "$key: page";
        is_deeply fields($got[1]), [qq{"none_$zone";r=0}], "$key: header field";
        is left($zone, $key), 1000 - $counts, "$key: the page is not charged to the limits of its place";
    }
}

my $log = $nginx->log;
unlike $log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
is $nginx->stop, 0, 'nginx ends by itself';

done_testing;
