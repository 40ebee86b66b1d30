# Passwords, users, databases and unix sockets of Redis: username, password_file, password_env,
# database, server unix:.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Jose::Keys qw(slurp spew test_dir);
use Gatehouse::Redis;
use File::Temp ();
use Test::More;

my $password = 'pass "word" {of} $one;';
my $times    = 'timeout 2s; connect_timeout 2s;';

# What README.md gives a user who can do what is needed and nothing else.
my ($rules) = slurp("$FindBin::Bin/../../modules/rate_limit/README.md")
    =~ /ACL SETUSER gatehouse on >\.\.\. (.*?)\n\n/s or die 'no rules in README.md';
$rules =~ s/\s+/ /g;

my $files = File::Temp->newdir('password-XXXXXX', DIR => test_dir());
chmod 0755, "$files" or die "chmod: $!";
my %file = map { ($_->[0] => spew("$files/$_->[0]", $_->[1])) } ['plain', $password], ['lf', "$password\n"],
    ['crlf', "$password\r\n"], ['wrong', 'another password'];
$ENV{GATE_PASSWORD} = $password;
$ENV{GATE_WRONG}    = 'another password';

# By commands: configuration files would have to quote it.
my $redis = Gatehouse::Redis->new->start;
$redis->command('ACL', 'SETUSER', 'gatehouse', 'on', ">$password", split ' ', $rules);
$redis->command('ACL', 'SETUSER', 'default', 'on', 'resetpass', ">$password");

sub gate ($backend) { return Gatehouse::Faults->new('unix:' . $redis->socket, backend => "$times $backend") }

my %right = (
    'password_file'                   => "password_file $file{plain};",
    'password_file with a newline'    => "password_file $file{lf};",
    'password_file with a CRLF'       => "password_file $file{crlf};",
    'password_env'                    => 'password_env GATE_PASSWORD;',
    'a user, password_file'           => "username gatehouse; password_file $file{lf};",
    'a user, password_env'            => 'username gatehouse; password_env GATE_PASSWORD;',
);

for my $what (sort keys %right) {
    subtest $what => sub {
        my $gate = gate($right{$what})->start;
        is_deeply $gate->ask_all($what), $gate->with_redis, 'Redis decides';
        is $gate->ask("/$_", $what), $_ eq 'lease' ? '200 lease' : '200 redis', $_ for qw(lease optimistic);
        my ($user) = $what =~ /user/ ? 'gatehouse' : 'default';
        like $redis->command('CLIENT', 'LIST'), qr/ user=$user /, "as the user $user";
        unlike $gate->nginx->log, qr/refuse|NOPERM/, 'which may do all that is needed';
        unlike $gate->nginx->log, qr/\Qpass "word/, 'the password is not in the log';
        $gate->check_survived($redis, fast => 1);
    };
}

my %wrong = (
    'a wrong password_file' => ["password_file $file{wrong};", qr/AUTH was refused: WRONGPASS/],
    'a wrong password_env'  => ['password_env GATE_WRONG;', qr/AUTH was refused: WRONGPASS/],
    'a wrong user'          => ["username nobody; password_file $file{plain};", qr/AUTH was refused: WRONGPASS/],
    'no password'           => ['', qr/[A-Z ]+ was refused: NOAUTH/],
    'too high a database'   => ["password_file $file{plain}; database 99;",
        qr/SELECT was refused: ERR DB index is out of range/],
);

for my $what (sort keys %wrong) {
    subtest $what => sub {
        my ($backend, $says) = $wrong{$what}->@*;
        my $gate = gate($backend)->start(without_redis => 1);
        is_deeply $gate->ask_all($what), $gate->without_redis, 'on_error';
        $gate->nginx->until(sub { $gate->redis_lines }, 'message');
        my ($line) = $gate->redis_lines;
        like $line, qr/\[error\] .* is down: $says$/, 'the log says why';
        unlike $gate->nginx->log, qr/\Qpass "word\E|another password/, 'but not the password';
        $gate->check_survived($redis, fast => 1);
    };
}

subtest 'database' => sub {
    my @gates = map { gate("password_env GATE_PASSWORD; database $_;")->start } 0, 5;
    is $_->ask('/open', 'shared'), '200 redis', 'asked' for @gates, @gates;
    my $client = $redis->connect;
    my %keys;
    for my $database (0, 5) {
        $client->command('SELECT', $database);
        $keys{$database} = scalar grep { /^gatehouse:open:/ } $client->command('KEYS', '*')->@*;
        cmp_ok $keys{$database}, '>', 0, "keys in $database";
    }
    is $_->nginx->get('/open', 'X-Key: shared')->{headers}{'x-remaining'}[0], 7, 'which are counted apart' for @gates;
    $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for my $gate (@gates) {
        $gate->wait_recovered;
        is $gate->nginx->get('/open', 'X-Key: shared')->{headers}{'x-remaining'}[0], 6, 'after connecting anew, too';
        $gate->check_survived($redis, fast => 1);
    }
};

# A socket that is not there yet, is there, goes away, and comes back.
subtest 'a unix socket' => sub {
    my $late = Gatehouse::Redis->new;
    my $gate = Gatehouse::Faults->new('unix:' . $late->socket)->start(without_redis => 1);
    $gate->wait_down;
    like +($gate->redis_lines)[0], qr/server unix:\S+ is down: connect\(\) .*failed \(2: No such file or directory\)$/,
        'the log says why';
    for my $what (qw(first second)) {
        is_deeply $gate->ask_all("$what, before"), $gate->without_redis, 'on_error';
        $late->start;
        $gate->wait_recovered;
        is_deeply $gate->ask_all("$what, after"), $gate->with_redis, 'Redis decides';
        $late->stop;
        $gate->wait_down;
    }
    $gate->check_survived;
};

done_testing;
