# auth_jwt_phase preaccess beside a module whose handler ends that phase early: before the token was
# verified or before it was refused, the request gets no further than to the content.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Foreign;
use Gatehouse::Jose qw(flip_bit jwks jwt);
use Gatehouse::Server;
use Test::More;

plan skip_all => 'no configured headers of this nginx: scripts/build makes them' unless foreign_headers();

my $token  = jwt(alg => 'HS256', claims => { sub => 'alice' });
my $good   = "Authorization: Bearer $token";
my $forged = 'Authorization: Bearer ' . flip_bit($token);
my $ours   = 'ngx_http_gatehouse_jwt_module';

# A phase runs the handler that was registered last first.
my %order = (
    'between the two' => ['ngx_http_foreign_module', $ours],
    'before both'     => [$ours, 'ngx_http_foreign_module'],
);
for my $where (sort keys %order) {
    subtest $where => sub {
        my $module = foreign('preaccess.c', $order{$where});
        my $nginx  = Gatehouse::Server->new('jwt');
        $nginx->{load} .= "load_module $module;\n";
        $nginx->file('keys.jwks', jwks('hs256'));
        $nginx->configure(<<'END');
server {
    listen unix:$PREFIX/nginx.sock;
    root html;
    add_header X-State "$auth_jwt_status/$jwt_verified_claim_sub" always;
    auth_jwt site;
    auth_jwt_key_file keys.jwks;
    auth_jwt_phase preaccess;
    location = /t         { try_files /index.html =404; }
    location = /any       { satisfy any; allow all; try_files /index.html =404; }
    location = /ask       { auth_jwt off; auth_request /t; try_files /index.html =404; }
    location = /off       { auth_jwt off; try_files /index.html =404; }
    location = /keys      { internal; auth_jwt off; alias $PREFIX/keys.jwks; }
    location = /requested { auth_jwt_key_request /keys; try_files /index.html =404; }
    location = /moved     { auth_jwt off; try_files /none /t; }
}
END
        $nginx->start;
        for my $uri (qw(/t /any /requested)) {
            for my $end ('', '?end') {
                is $nginx->status("$uri$end", $forged), 401, "$uri$end: forged";
                is $nginx->status("$uri$end"), 401, "$uri$end: none";
                is $nginx->get("$uri$end", $forged)->{headers}{'www-authenticate'}[0],
                    'Bearer realm="site", error="invalid_token"', 'a challenge';
                my $answer = $nginx->get("$uri$end", $good);
                is "$answer->{status} $answer->{headers}{'x-state'}[0]", '200 PASSED/alice', "$uri$end: good";
            }
        }
        is $nginx->status('/ask?end', $forged), 401, 'a subrequest';
        is $nginx->status('/ask?end', $good), 200, 'with a good token';
        is $nginx->status('/moved?end', $forged), 401, 'a redirect';
        is $nginx->status('/off?end', $forged), 200, 'without auth_jwt';
        is $nginx->stop, 0, 'nginx ends';
        unlike $nginx->log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
        unlink $module;
    };
}

done_testing;
