package Gatehouse::Waf;

# An nginx of one worker with the WAF, and an application behind it.
#
#   my $waf = Gatehouse::Waf->new(<<'END');
#   modsecurity on;
#   modsecurity_rules 'SecRuleEngine On
#       SecRule ARGS:q "@streq bad" "id:1,phase:1,deny"';
#   location / { proxy_pass APPLICATION; }
#   END
#   is $waf->status('/?q=bad'), 403;
#   is $waf->post('/', 'the body', 'Content-Type: text/plain')->{status}, 200;
#   is $waf->status('/half'), 'cut';                    # the connection ended too early
#   $waf->wait_log(qr/\[id "1"\]/);
#   is_deeply [$waf->differing('/' => 200, '/?q=bad' => 403)], [];
#
# What is given is the inside of a server block. Options: http => "...", before it; files => { NAME
# => CONTENT }, beside nginx.conf; modules => [...], more of them; main => "..."; workers => 1;
# connector => 1, the usual connector in place of the module.
#
#   for my $waf (Gatehouse::Waf->beside($server, %options)) {
#       is $waf->status('/'), { module => 200, connector => 500 }->{ $waf->name };
#   }
#
# The same configuration with the module, and with the usual connector where that can be loaded.
# Directives that it does not know are left out.
#
# The application answers with "It works!", as text/html; /secret with "a top secret page", /header
# with a field X-Secret, /fails with 500, /files/ with what is in html.

use v5.36;
use Carp 'croak';
use Gatehouse::Jose::Keys 'slurp';
use Gatehouse::Server ();
use Gatehouse::Wire ();
use JSON::PP ();

our @CARP_NOT = qw(Gatehouse::Server Gatehouse::Wire::Peer);

my $connector = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so';
my $release   = 'ModSecurity-nginx v1.0.3';    # what is said about it is said about this one

my $application = <<'END';
server {
    listen unix:$PREFIX/application.sock;
    default_type text/html;
    client_max_body_size 0;
    location / { return 200 "It works!\n"; }
    location = /secret { return 200 "a top secret page"; }
    location = /header { add_header X-Secret yes; return 200 "It works!\n"; }
    location = /fails { return 500; }
    location /files/ { alias $PREFIX/html/; }
}
END

sub new ($class, $server, %options) {
    my $self = bless {
        http => '', modules => [], main => '', workers => 1, connector => 0, %options, server => $server,
    }, $class;
    $self->{nginx} = Gatehouse::Server->new($self->{connector} ? () : 'waf', $self->{modules}->@*);
    my %files = ($options{files} // {})->%*;
    $self->file($_, $files{$_}) for sort keys %files;
    $self->configure;
    $self->nginx->start;
    return $self;
}

sub beside ($class, @what) {
    return map { $class->new(@what, connector => $_) } 0, connector_fits() ? 1 : ();
}

# It is packaged for the packaged nginx.
sub connector_fits () {
    return !$ENV{TEST_NGINX_BINARY} && -e $connector && index(slurp($connector), $release) >= 0;
}

# The release of libmodsecurity.
sub library () {
    state $release = `pkg-config --modversion modsecurity` =~ s/\s+\z//r;
    return $release;
}

sub name ($self) { return $self->{connector} ? 'connector' : 'module' }
sub nginx ($self) { return $self->{nginx} }
sub file ($self, @file) { return $self->nginx->file(@file) }
sub log ($self) { return $self->nginx->log }

# Writes nginx.conf anew, with other options if there are any, among them `server`.
sub configure ($self, %options) {
    @$self{ keys %options } = values %options;
    my $http = "$self->{http}\nserver {\nlisten unix:\$PREFIX/nginx.sock;\n$self->{server}\n}\n$application";
    my $main = $self->{main};
    if ($self->{connector}) {
        $http =~ s/\bmodsecurity_(?!rules|transaction_id)\w+[^;]*;//g;
        $main = "load_module $connector;\nworker_rlimit_core 0;\n$main";
    }
    $self->nginx->configure($http =~ s{\bAPPLICATION\b}{http://unix:\$PREFIX/application.sock}gr,
        workers => $self->{workers}, main => $main);
    return;
}

# A request on a connection of its own: lines of the header, then, as a reference, the body.
sub ask ($self, $method, $uri, @lines) {
    my $body = ref $lines[-1] ? ${ pop @lines } : undef;
    push @lines, 'Content-Length: ' . length $body if defined $body && !grep { /^Transfer-Encoding:/i } @lines;
    push @lines, 'Host: localhost' unless grep { /^Host:/i } @lines;
    return $self->raw(join "\r\n", "$method $uri HTTP/1.1", @lines, 'Connection: close', '', $body // '');
}

# The response, whose status is "cut" if the connection ends before it does; dies if nothing comes.
sub raw ($self, $text) {
    my $client = Gatehouse::Wire::client($text, $self->file('nginx.sock'));
    my $read   = $text =~ /\AHEAD / ? \&head : \&Gatehouse::Wire::Peer::response;
    my $response = eval { $read->($client) };
    my $why = $@;
    $client->leave;
    return $response if $response;
    croak $why unless $why =~ /^connection closed /;
    return { status => 'cut', body => '', headers => {} };
}

sub head ($client) {
    my $head = $client->take_head;
    return { status => $head =~ m{\AHTTP/1\.1 (\d+)}, head => $head };
}

sub get ($self, $uri, @lines) { return $self->ask('GET', $uri, @lines) }
sub status ($self, $uri, @lines) { return $self->get($uri, @lines)->{status} }
sub post ($self, $uri, $body, @lines) { return $self->ask('POST', $uri, @lines, \$body) }

# A body in chunks of that size.
sub chunked ($body, $size) {
    return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,$size})/gs), "0\r\n\r\n";
}

# Of URIs, each with the status that is due, those that have another.
sub differing ($self, @due) {
    my @differ;
    while (my ($uri, $due) = splice @due, 0, 2) {
        my $status = $self->status($uri);
        push @differ, "$uri: $status, not $due" if $status ne $due;
    }
    return @differ;
}

# Polls, as requests are logged when they are over.
sub wait_log ($self, $pattern) {
    $self->nginx->until(sub { $self->log =~ $pattern }, "$pattern in the log");
    return $self;
}

# The lines of another log, at least so many, without one that is still being written.
sub wait_lines ($self, $name, $count) {
    my $path = $self->file("logs/$name");
    my @lines;
    $self->nginx->until(sub {
        @lines = -e $path ? slurp($path) =~ /^(.*)\n/mg : ();
        return @lines >= $count;
    }, "$count lines in $name");
    return @lines;
}

# The entries of an audit log in the format JSON, at least so many.
sub wait_audit ($self, $name, $count) {
    return map { JSON::PP->new->decode($_)->{transaction} } $self->wait_lines($name, $count);
}

# Harm that a process has come to.
sub complaints ($self) {
    return $self->log =~ /^(?:\S+ \S+ \[(?:alert|crit|emerg)\]|.*(?:exited on signal|AddressSanitizer|: runtime error:)).*/mg;
}

sub stop ($self) { return $self->nginx->stop }

1;
