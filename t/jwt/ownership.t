# An nginx that has directives of these names from elsewhere: what reads as protection must be ours.
# The other module is compiled here, against the headers that the build has configured.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::ConfTest 'jwt';
use Gatehouse::Foreign;
use Gatehouse::Jose 'jwks';

plan skip_all => 'no configured headers of this nginx: scripts/build makes them' unless foreign_headers();

sub directive ($name, @order) { return foreign('auth_jwt.c', \@order, DIRECTIVE => $name) }

my @first   = ('ngx_http_foreign_module', 'ngx_http_gatehouse_jwt_module');
my $server  = 'server { location / { auth_jwt site; auth_jwt_key_file keys.jwks; } }';
my @modules;
sub refused ($module, $directive, $http, $name) {
    my ($theirs, $ours) = qw("ngx_http_foreign_module" "ngx_http_gatehouse_jwt_module");
    conf_refused($http, qr/the "$directive" directive belongs to module $theirs of this nginx; $ours cannot be /
        . qr/loaded beside it in \S+nginx\.conf:\d+$/, $name, "load_module $module;");
}
conf_file('keys.jwks', jwks('rsa'));

push @modules, my $auth_jwt = directive('auth_jwt', @first);
conf_accepted($server, 'without the other module all is well');
refused($auth_jwt, 'auth_jwt', $server, 'another auth_jwt before ours');
refused($auth_jwt, 'auth_jwt', 'server { location / { } }', 'also where the directive is not used');
refused($auth_jwt, 'auth_jwt', 'auth_jwt anything goes here; server { }', 'also where the other one would take it');

push @modules, my $key_cache = directive('auth_jwt_key_cache', @first);
refused($key_cache, 'auth_jwt_key_cache', $server, 'another directive of ours');

push @modules, my $unrelated = directive('auth_something', @first);
conf_accepted("auth_something x; $server", 'a directive that is not ours', undef, "load_module $unrelated;");

# Behind ours it is never asked.
push @modules, my $behind = directive('auth_jwt', 'ngx_http_foreign_module');
conf_accepted($server, 'another auth_jwt behind ours', undef, "load_module $behind;");
conf_refused($server =~ s/site/site bad/r, qr/invalid parameter "bad"/, 'and it is ours that reads it',
    "load_module $behind;");

unlink @modules;
done_testing;
