# auth_jwt and nginx's reload: keys that change, configurations that are wrong, requests that are
# under way, memory that is given back.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Jose qw(jwk jwks jwt);
use Gatehouse::Server;
use Gatehouse::Wire 'upstream';
use POSIX ();
use Test::More;

my %token = map { ($_ => jwt(alg => 'RS256', key => $_, claims => { sub => $_ })) } qw(rsa_old rsa_new);
my %bearer = map { ($_ => "Authorization: Bearer $token{$_}") } keys %token;

sub site ($more = '') {
    return "server { $more\n" . <<'END';
    listen unix:$PREFIX/nginx.sock;
    location = /t {
        auth_jwt site;
        auth_jwt_key_file keys.jwks;
        try_files /index.html =404;
    }
    location = /slow {
        auth_jwt site;
        auth_jwt_key_request /keys;
        try_files /index.html =404;
    }
    location = /keys {
        internal;
        proxy_pass http://unix:$PREFIX/keys.sock;
    }
    location = /cached {
        auth_jwt site;
        auth_jwt_key_cache 1h;
        auth_jwt_key_file $arg_f.jwks;
        try_files /index.html =404;
    }
}
END
}

my $nginx = Gatehouse::Server->new('jwt');
$nginx->file('keys.jwks', jwks('rsa_old'));
$nginx->configure(site());
$nginx->start;
my $keys = upstream($nginx->file('keys.sock'));

sub refused_reload () {
    my $errors = () = $nginx->log =~ /\[emerg\]/g;
    $nginx->signal('HUP');
    $nginx->until(sub { (() = $nginx->log =~ /\[emerg\]/g) > $errors }, 'message');
}
sub statuses () {
    return [map { $nginx->status('/t', $bearer{$_}) } qw(rsa_old rsa_new)];
}
is_deeply statuses(), [200, 401], 'the first keys';

subtest 'a reload with a mistake changes nothing' => sub {
    my %mistake = (
        'a wrong value'          => 'auth_jwt_leeway x;',
        'a file that is missing' => 'auth_jwt_key_file absent;',
        'no key'                 => 'location = /x { auth_jwt site; }',
    );
    for my $what (sort keys %mistake) {
        my @workers = $nginx->workers;
        $nginx->configure(site($mistake{$what}));
        refused_reload();
        is_deeply [$nginx->workers], \@workers, "$what: the workers are the same";
        is_deeply statuses(), [200, 401], "$what: and serve as before";
    }
    $nginx->file('keys.jwks', 'no JSON');
    $nginx->configure(site());
    refused_reload();
    is_deeply statuses(), [200, 401], 'a broken key file: served as before';
};

subtest 'a static key file is read at a reload, and not before' => sub {
    $nginx->file('keys.jwks', jwks('rsa_new'));
    is_deeply statuses(), [200, 401], 'before';
    $nginx->reload;
    is_deeply statuses(), [401, 200], 'after';
    $nginx->file('keys.jwks', jwks('rsa_old', 'rsa_new'));
    $nginx->reload;
    is_deeply statuses(), [200, 200], 'both';
};

subtest 'what was cached does not survive a reload' => sub {
    $nginx->file('other.jwks', jwks('rsa_old'));
    $nginx->status('/cached?f=other', $bearer{rsa_old}) for 1 .. 20;    # every worker has it
    $nginx->file('other.jwks', jwks('rsa_new'));
    $nginx->reload;
    is $nginx->status('/cached?f=other', $bearer{rsa_new}), 200, 'the new key';
    is $nginx->status('/cached?f=other', $bearer{rsa_old}), 401, 'not the old one';
};

subtest 'a request that waits for keys ends on the worker that it began on' => sub {
    my $client = $nginx->client('/slow', $bearer{rsa_old});
    my $asked  = $keys->next_request;
    my @old    = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->until(sub { Gatehouse::Server::besides(\@old, $nginx->workers) == 2 }, 'new workers');
    is_deeply statuses(), [200, 200], 'others are served meanwhile';
    $asked->answer(200, jwks('rsa_old'));
    is $client->response->{status}, 200, 'and so is this one';
    $client->leave;
    $nginx->until(sub { $nginx->workers == 2 }, 'end of the old workers');
};

# Clients in processes of their own ask as fast as they can, each request on a connection of its own.
subtest 'no request fails while reloads go on' => sub {
    my @clients = map {
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my %count;
            until (-e $nginx->file('stop')) {
                for my $name (keys %bearer) {
                    $count{ eval { $nginx->status('/t', $bearer{$name}) } // "no answer: $@" }++;
                }
                $count{ 'without a token ' . (eval { $nginx->status('/t') } // "no answer: $@") }++;
            }
            print {$write} map { "$count{$_} $_\n" } sort keys %count;
            close $write;
            POSIX::_exit(0);
        }
        close $write;
        [$pid, $read];
    } 1 .. 3;

    for my $round (1 .. 8) {
        $nginx->file('keys.jwks', jwks(jwk('ec256', kid => $round), 'rsa_old', 'rsa_new'));
        $nginx->reload;
    }
    $nginx->file('stop', '');
    my %count;
    for my $client (@clients) {
        my ($pid, $read) = @$client;
        while (<$read>) {
            /^(\d+) (.*)/ and $count{$2} += $1;
        }
        waitpid $pid, 0;
    }
    is_deeply [sort keys %count], ['200', 'without a token 401'], 'only what is right' or diag explain \%count;
    cmp_ok $count{200} // 0, '>', 100, 'and there were some';
};

subtest 'a reload gives back what the configuration before it held' => sub {
    plan skip_all => 'a sanitizer keeps freed memory' if $ENV{ASAN_OPTIONS};
    my $key = jwk('ec256');
    $nginx->file('keys.jwks', jwks((map { { %$key, kid => "key $_" } } 1 .. 1000), 'rsa_old', 'rsa_new'));
    my $before = $nginx->memory;
    $nginx->reload;
    my $one = $nginx->memory - $before;
    $nginx->reload for 1 .. 5;
    my $few = $nginx->memory;
    $nginx->reload for 1 .. 15;
    my $many = $nginx->memory;
    cmp_ok $one, '>', 500, 'a thousand keys can be told from noise';
    cmp_ok $many - $few, '<', 5 * $one, 'fifteen reloads keep less than five configurations';
};

my $log = $nginx->log;
unlike $log, qr/\[alert\]|\[crit\]|exited on signal/, 'no process came to harm';
unlike $log, qr/\Q@{[substr $_, -40]}\E/, 'no token is in the log' for values %token;
is $nginx->stop, 0, 'nginx ends by itself';

done_testing;
