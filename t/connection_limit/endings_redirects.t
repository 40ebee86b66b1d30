# Wherever nginx takes a request, it is counted once, at the first place that limits it; and what it
# held is returned, be it answered or given up. All places are limited, those that it is taken to as
# well.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Connections;
use Test::More;

my $site = Gatehouse::Connections->new;
$site->file('html/ssi.html', '<!--# include virtual="/target" --><!--# include virtual="/hold" -->');
$site->configure(<<'END')->start;
connection_limit_zone $binary_remote_addr zone=connections:1m;
connection_limit_zone $binary_remote_addr zone=requests:1m;
server {
    listen 127.0.0.1:PORT;
    root html;
    connection_limit zone=connections max=5;
    connection_limit zone=requests max=5 by=request;
    rewrite ^/server_rewrite$ /hold last;
    recursive_error_pages on;

    location = /target             { try_files /index.html =404; }
    location = /hold               { proxy_pass HOLD; }
    location @hold                 { proxy_pass HOLD; }
    location = /hold/named         { internal; try_files /none @hold; }
    location = /tried/index.html   { proxy_pass HOLD; }

    location = /error_page         { error_page 404 = /hold; try_files /none =404; }
    location = /error_page/named   { error_page 404 = @hold; try_files /none =404; }
    location = /error_page/twice   { error_page 404 = /error_page; try_files /none =404; }
    location = /error_page/body    { client_max_body_size 1; error_page 413 = /hold; }
    location = /error_page/access  { deny all; error_page 403 = /hold; }
    location = /error_page/upstream {
        proxy_intercept_errors on;
        error_page 500 = /hold;
        proxy_pass http://unix:$PREFIX/backend.sock:/fails;
    }
    location = /try_files          { try_files /none /hold; }
    location = /try_files/named    { try_files /none @hold; }
    location = /rewrite/last       { rewrite ^ /hold last; }
    location = /rewrite/break      { rewrite ^ /hold break; proxy_pass HOLD; }
    location = /rewrite/if         { if ($arg_to) { proxy_pass HOLD; } }
    location = /tried/             { index index.html; }
    location = /accel              { proxy_pass http://unix:$PREFIX/backend.sock; }

    location = /auth_request       { auth_request /target; proxy_pass HOLD; }
    location = /auth_request/waits { auth_request /hold; try_files /index.html =404; }
    location = /satisfy            { satisfy any; deny all; auth_request /hold; try_files /index.html =404; }
    location = /mirror             { mirror /target; proxy_pass HOLD; }
    location = /mirror/waits       { mirror /hold; try_files /index.html =404; }
    location = /ssi                { ssi on; ssi_types *; try_files /ssi.html =404; }
    location = /addition {
        addition_types *;
        add_before_body /target;
        add_after_body /hold;
        try_files /index.html =404;
    }
    location = /slice {
        slice 2;
        proxy_set_header Range $slice_range;
        proxy_pass HOLD;
    }
    location = /post_action        { post_action /hold; try_files /index.html =404; }
}
server {
    listen unix:$PREFIX/backend.sock;
    location = /fails { return 500; }
    location = /accel { add_header X-Accel-Redirect $arg_to; return 200; }
}
END

my @places = (
    ['a request as it is'              => '/hold'],
    ['server rewrite'                  => '/server_rewrite'],
    ['error_page'                      => '/error_page'],
    ['error_page to a named location'  => '/error_page/named'],
    ['error_page of an error page'     => '/error_page/twice'],
    ['error_page of an upstream'       => '/error_page/upstream'],
    ['error_page before any limit'     => '/error_page/body', 'Content-Length: 2'],
    ['error_page of an access rule'    => '/error_page/access'],
    ['try_files'                       => '/try_files'],
    ['try_files to a named location'   => '/try_files/named'],
    ['rewrite last'                    => '/rewrite/last'],
    ['rewrite break'                   => '/rewrite/break'],
    ['if'                              => '/rewrite/if?to=1'],
    ['X-Accel-Redirect'                => '/accel?to=/hold'],
    ['X-Accel-Redirect to a location'  => '/accel?to=@hold'],
    ['X-Accel-Redirect and try_files'  => '/accel?to=/hold/named'],
    ['auth_request'                    => '/auth_request'],
    ['auth_request that waits'         => '/auth_request/waits'],
    ['auth_request, satisfy any'       => '/satisfy'],
    ['mirror'                          => '/mirror'],
    ['mirror that waits'               => '/mirror/waits'],
    ['SSI'                             => '/ssi'],
    ['addition'                        => '/addition'],
    ['slice'                           => '/slice'],
    ['post_action'                     => '/post_action'],
);

# nginx goes on to the next subrequest, if there is one; it need not be the last.
sub answer ($client) {
    $client->asked->answer(200, 'done');
    return $client->leave;
}

my $number = 0;
for my $place (@places) {
    my ($name, @request) = @$place;
    my $from = '127.2.1.' . ++$number;
    subtest $name => sub {
        my @clients = map { $site->hold($from, @request) } 1 .. 5;
        is $site->held($_ => $from), 5, "$_: five" for qw(connections requests);
        is $site->status_from($from, '/target'), 503, 'the sixth is refused';
        is $site->status_from("127.2.2.$number", '/target'), 200, 'another address is served';

        answer($_) for @clients[0, 1];
        $_->leave for $clients[2];
        $_->reset for @clients[3, 4];
        # Whoever is asked on behalf of a client that has left may as well hear it from us.
        $_->asked->leave for @clients[2 .. 4];
        $site->until_held($_ => $from, 0) for qw(connections requests);
        is $site->status_from($from, '/target'), 200, 'there is room again';
    };
}

subtest 'an error page for those that are refused' => sub {
    my $from    = '127.2.3.1';
    my @clients = map { $site->hold($from, '/hold') } 1 .. 5;
    is $site->status_from($from, '/hold'), 503, 'refused';
    ok $site->upstream->nobody_waits, 'nothing has been sent on';
    answer($_) for @clients;
    $site->until_held($_ => $from, 0) for qw(connections requests);
};

is $site->stop, 0, 'nginx ends';
unlike $site->log, qr/\[alert\]|\[crit\]|open socket|exited on signal/, 'no process came to harm';

done_testing;
