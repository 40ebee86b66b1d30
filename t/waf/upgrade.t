# Connections that become something else, as WebSocket: the request is inspected, what follows goes
# both ways untouched.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Waf;
use Gatehouse::Wire 'upstream';
use Test::More;

my $waf = Gatehouse::Waf->new(<<'END');
modsecurity on;
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection upgrade;
modsecurity_rules 'SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecRule ARGS:q "@streq one" "id:1,phase:1,deny"
    SecRule RESPONSE_BODY "@contains top secret" "id:2,phase:4,deny"';
location /direct { proxy_pass http://unix:$PREFIX/chat.sock; }
location /held   { modsecurity_response_buffer on; proxy_pass http://unix:$PREFIX/chat.sock; }
location /late   { modsecurity_phase late; proxy_pass http://unix:$PREFIX/chat.sock; }
END

my $chat    = upstream($waf->file('chat.sock'));
my @upgrade = ('Connection: upgrade', 'Upgrade: websocket');

for my $uri (qw(/direct /held /late)) {
    subtest $uri => sub {
        my $client = $waf->nginx->client($uri, @upgrade);
        my $asked  = $chat->next_request;
        $asked->send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        like $client->take_head, qr{^HTTP/1.1 101 }, 'switched';
        $client->send('ping');
        is $asked->take(4), 'ping', 'there';
        $asked->send('a top secret');
        is $client->take(12), 'a top secret', 'and back';
        $_->leave for $asked, $client;
        $client = $waf->nginx->client("$uri?q=one", @upgrade);
        is $client->response->{status}, 403, 'refused';
        $client->leave;
    };
}

is $waf->stop, 0, 'nginx ends';
is_deeply [$waf->complaints], [], 'without harm';

done_testing;
