package Gatehouse::Redis::Tls;

# Certificates for both sides of TLS, made with the openssl command and shared by a whole test run.
#
#   my $redis = Gatehouse::Redis->new(port => 1, tls => { %{ certificate('server') }, clients => 'yes' });
#   my $mine  = certificate('client');    # ->{certificate}, ->{key}: paths
#   ... tls_ca $path of ca_file(); tls_name redis.test; ...
#
#   server          redis.test and 127.0.0.1, by the authority that ca_file() is of
#   client          for a client
#   wrong_name      other.test only
#   expired         redis.test, until years ago
#   unknown         redis.test, by the authority of ca_file('unknown_ca')
#   unknown_client  for a client, by that authority

use v5.36;
use Carp 'croak';
use Exporter 'import';
use File::Path qw(make_path remove_tree);
use Gatehouse::Jose::Keys qw(openssl spew test_dir);

our @EXPORT_OK = qw(certificate ca_file);

my $site    = 'DNS:redis.test,IP:127.0.0.1';
my %options = (
    ca             => {},
    unknown_ca     => {},
    server         => { by => 'ca',         names => $site },
    client         => { by => 'ca',         names => 'DNS:gateway.test' },
    wrong_name     => { by => 'ca',         names => 'DNS:other.test' },
    expired        => { by => 'ca',         names => $site, dates => [qw(-startdate 20200101000000Z -enddate 20200102000000Z)] },
    unknown        => { by => 'unknown_ca', names => $site },
    unknown_client => { by => 'unknown_ca', names => 'DNS:gateway.test' },
);

# Paths; "ca" is that of the known authority, for a server that asks clients for certificates.
sub certificate ($name) {
    croak "no certificate \"$name\"" unless $options{$name};
    my $directory = directory();
    return { certificate => "$directory/$name.pem", key => "$directory/$name.key", ca => ca_file() };
}

sub ca_file ($name = 'ca') { return directory() . "/$name.pem" }

# Several test files may want it at once: each makes one, rename(2) lets the first win.
sub directory () {
    state $directory = do {
        my $path = test_dir() . '/tls';
        if (!-d $path) {
            my $made = "$path.$$";
            make_path($made);
            make($made, $_) for sort { !!$options{$a}{by} <=> !!$options{$b}{by} } keys %options;
            rename $made, $path or $!{ENOTEMPTY} or $!{EEXIST} or croak "rename $made: $!";
            remove_tree($made);
        }
        $path;
    };
    return $directory;
}

sub make ($directory, $name) {
    my ($by, $names, $dates) = $options{$name}->@{qw(by names dates)};
    my ($key, $certificate) = map { "$directory/$name.$_" } qw(key pem);
    openssl('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256), '-out', $key);
    chmod 0644, $key or croak "chmod $key: $!";    # for servers that are not root
    my @request = (qw(req -new -batch), '-key', $key, '-subj', "/CN=$name");
    if (!$by) {
        openssl('', @request, qw(-x509 -days 30), '-out', $certificate);
        return;
    }
    my $request = openssl('', @request, '-addext', "subjectAltName=$names");
    openssl($request, qw(ca -batch -notext -config), authority($directory), '-in', '/dev/stdin',
        '-cert', "$directory/$by.pem", '-keyfile', "$directory/$by.key",
        $dates ? @$dates : qw(-days 30), '-out', $certificate);
    return;
}

# What `openssl ca` wants to have; `openssl x509` makes no certificate of the past.
sub authority ($directory) {
    my $path = "$directory/ca.conf";
    if (!-e $path) {
        spew("$directory/issued", '');
        spew($path, <<~"END");
            [ca]
            default_ca = authority
            [authority]
            database = $directory/issued
            new_certs_dir = $directory
            rand_serial = yes
            unique_subject = no
            default_md = sha256
            policy = names
            copy_extensions = copyall
            [names]
            commonName = supplied
            END
    }
    return $path;
}

1;
