# The fields of rate_limit_headers in every kind of response: once, and of the client's request.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Gatehouse::Wire ();
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END', workers => 1);
rate_limit_zone $arg_k zone=two_HERE:1m rate=2r/1h REDIS;
upstream self { server unix:$PREFIX/nginx.sock; }
---
location = /HERE/file { rate_limit zone=two_HERE; try_files /index.html =404; }
location = /HERE/page { rate_limit zone=two_HERE; error_page 429 /limited.html; try_files /index.html =404; }
location = /HERE/ok { rate_limit zone=two_HERE; error_page 429 =200 /limited.html; try_files /index.html =404; }
location = /HERE/other { rate_limit zone=two_HERE; error_page 429 =503 /limited.html; try_files /index.html =404; }
location = /HERE/named { rate_limit zone=two_HERE; error_page 429 = @limited; try_files /index.html =404; }
location = /HERE/moved { rate_limit zone=two_HERE; error_page 429 https://example.test/slow; try_files /index.html =404; }
location = /HERE/counted { rate_limit zone=two_HERE; error_page 429 /HERE/file; try_files /index.html =404; }
location = /HERE/absent { rate_limit zone=two_HERE; try_files /absent =404; }
location = /HERE/absent_page { rate_limit zone=two_HERE; error_page 404 /limited.html; try_files /absent =404; }
location = /HERE/empty { rate_limit zone=two_HERE; try_files /absent =204; }
location = /HERE/denied { rate_limit zone=two_HERE; deny all; }
location = /HERE/proxied { rate_limit zone=two_HERE; proxy_pass http://self/backend?; }
location = /HERE/proxied_limit { rate_limit zone=two_HERE; proxy_pass http://self/HERE/file?k=$arg_k; proxy_hide_header RateLimit; proxy_hide_header RateLimit-Policy; }
location = /HERE/broken { rate_limit zone=two_HERE; proxy_pass http://unix:$PREFIX/absent.sock; }
location = /HERE/accel { rate_limit zone=two_HERE; proxy_pass http://self/accel?; }
location = /HERE/upstream_draft { rate_limit zone=two_HERE; proxy_pass http://self/fields?; }
location = /HERE/upstream_legacy { rate_limit zone=two_HERE; rate_limit_headers legacy; proxy_pass http://self/fields?; }
location = /HERE/upstream_off { rate_limit zone=two_HERE; rate_limit_headers off; proxy_pass http://self/fields?; }
location = /HERE/upstream_page { rate_limit zone=two_HERE; error_page 429 = /page_fields; try_files /index.html =404; }
location = /limited.html { internal; add_header X-Page limited always; }
location @limited { return 429 "later\n"; }
location = /backend { add_header X-Backend yes; return 200 "backend\n"; }
location = /fields {
    add_header RateLimit-Policy theirs;
    add_header RateLimit theirs;
    add_header RateLimit-Limit theirs;
    add_header RateLimit-Reset theirs;
    add_header X-RateLimit-Limit theirs;
    add_header X-RateLimit-Remaining theirs;
    add_header x-ratelimit-reset theirs;
    add_header X-RateLimit-Used theirs;
    add_header X-Rate-Limit-Limit theirs;
    add_header X-RateLimited theirs;
    add_header Retry-After theirs;
    return 200 "fields\n";
}
location = /page_fields { internal; proxy_pass http://self/fields?; proxy_intercept_errors off; }
location = /accel { add_header X-Accel-Redirect /internal/index.html; return 200; }
location /internal/ { internal; alias $PREFIX/html/; rate_limit zone=two_memory; }
END
my $nginx = $limits->nginx;
$nginx->file('html/limited.html', "Later, please.\n");

# The values of the three fields, with the seconds taken out: what is said, and how often.
sub fields ($response) {
    return join ' ', map { my $name = $_; map { "$name=" . s/\b\d{3,4}\z/S/r } ($response->{headers}{$name} // [])->@* }
        qw(ratelimit-policy ratelimit retry-after);
}
sub passing ($here, $left) {
    return "ratelimit-policy=\"two_$here\";q=2;w=S ratelimit=\"two_$here\";r=$left;t=S";
}
sub refusing ($here) { return passing($here, 0) . ' retry-after=S' }

# Two that pass and one that does not.
sub three ($here, $place, $statuses, @expected) {
    my @responses = map { $nginx->get("/$here/$place?k=$place") } 1 .. 3;
    is_deeply [map { $_->{status} } @responses], $statuses, "$place: statuses";
    is_deeply [map { fields($_) } @responses], \@expected, "$place: fields";
    return $responses[2];
}

$limits->both('pages in place of the refusal', sub ($here) {
    my @pass  = (passing($here, 1), passing($here, 0));
    my $limit = three($here, 'page', [200, 200, 429], @pass, refusing($here));
    is $limit->{body}, "Later, please.\n", 'the page';
    is_deeply $limit->{headers}{'x-page'}, ['limited'], 'with its own fields';
    is three($here, 'ok', [200, 200, 200], @pass, passing($here, 0))->{body}, "Later, please.\n",
        'no Retry-After where nothing was refused, says the status';
    three($here, 'other', [200, 200, 503], @pass, refusing($here));
    is three($here, 'named', [200, 200, 429], @pass, refusing($here))->{body}, "later\n", 'a named location';
    three($here, 'moved', [200, 200, 302], @pass, passing($here, 0));
    three($here, 'counted', [200, 200, 429], @pass, refusing($here));
});

$limits->both('errors of other making', sub ($here) {
    my @pass = (passing($here, 1), passing($here, 0));
    three($here, 'absent', [404, 404, 429], @pass, refusing($here));
    three($here, 'absent_page', [404, 404, 429], @pass, refusing($here));
    three($here, 'denied', [403, 403, 429], @pass, refusing($here));
    three($here, 'broken', [502, 502, 429], @pass, refusing($here));
});

$limits->both('no content', sub ($here) {
    three($here, 'empty', [204, 204, 429], passing($here, 1), passing($here, 0), refusing($here));
});

$limits->both('handed on', sub ($here) {
    my @pass = (passing($here, 1), passing($here, 0));
    three($here, 'proxied', [200, 200, 429], @pass, refusing($here));
    three($here, 'accel', [200, 200, 429], @pass, refusing($here));
    is_deeply [map { $limits->passed("/$here/proxied_limit?k=twice", 1) } 1 .. 2], [1, 0],
        'a request to itself is another client\'s';
});

# What an upstream says of its own limits.
$limits->both('fields of an upstream', sub ($here) {
    my $said = sub ($place) {
        my $headers = $nginx->get("/$here/$place?k=$place")->{headers};
        return { map { ($_ => join ' ', map { s/\A\d{3,4}\z/S/r =~ s/;.*//r } $headers->{$_}->@*) }
                grep { /rate-?limit|retry/ } keys %$headers };
    };
    my %other = ('x-ratelimited' => 'theirs', 'retry-after' => 'theirs');
    is_deeply $said->('upstream_draft'), { %other, map { ($_ => "\"two_$here\"") } qw(ratelimit-policy ratelimit) },
        'draft: all its forms make way';
    is_deeply $said->('upstream_legacy'), { %other, 'x-ratelimit-limit' => 2, 'x-ratelimit-remaining' => 1,
        'x-ratelimit-reset' => 'S' }, 'legacy, too';
    is_deeply [sort keys $said->('upstream_off')->%*], [qw(ratelimit ratelimit-limit ratelimit-policy ratelimit-reset
        retry-after x-rate-limit-limit x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset x-ratelimit-used
        x-ratelimited)], 'off: they stay';
    $said->('upstream_page') for 1, 2;
    is_deeply $said->('upstream_page'), { %other, map { ($_ => "\"two_$here\"") } qw(ratelimit-policy ratelimit) },
        'a page of an upstream in place of the refusal';
});

$limits->both('conditions, ranges, methods', sub ($here) {
    my $uri  = "/$here/file?k";
    my $date = $nginx->get("$uri=date")->{headers}{'last-modified'}[0];
    my $same = $nginx->get("$uri=304", "If-Modified-Since: $date");
    is_deeply [$same->{status}, fields($same)], [304, passing($here, 1)], 'not modified';
    my $part = $nginx->get("$uri=206", 'Range: bytes=0-1');
    is_deeply [$part->{status}, fields($part)], [206, passing($here, 1)], 'a part';
    my $none = $nginx->get("$uri=416", 'Range: bytes=99-');
    is_deeply [$none->{status}, fields($none)], [416, passing($here, 1)], 'no such part';

    my $client = Gatehouse::Wire::client('', $nginx->file('nginx.sock'));
    my @heads  = map {
        $client->send("HEAD /$here/file?k=head HTTP/1.1\r\nHost: localhost\r\n\r\n");
        my $head = $client->take_head;
        my %headers;
        push $headers{ lc $1 }->@*, $2 while $head =~ /^([^\s:]+): *(.*?)\r$/mg;
        fields({ headers => \%headers });
    } 1 .. 3;
    $client->leave;
    is_deeply \@heads, [passing($here, 1), passing($here, 0), refusing($here)], 'HEAD';
});

done_testing;
