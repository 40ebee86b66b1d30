# A peer whose answers are cut, run together, too long, too deep, of another kind, or none at all.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Faults;
use Gatehouse::Redis::Fake;
use Gatehouse::Redis::Resp 'reply_octets';
use Test::More;

# "One request, and nine are left."
my @good = (1, 1_700_000_000_000_000, 1, 0, 9, 360_000_000, 0, 1);
my $good = reply_octets(\@good);

sub but ($index, $value) {
    my @fields = @good;
    $fields[$index] = $value;
    return reply_octets(\@fields);
}

# What is sent in place of an answer. The text "verbatim" must not get into the log.
my %octets = (
    'HTTP'                     => "HTTP/1.1 400 verbatim\r\nServer: verbatim\r\n\r\n",
    'binary'                   => join('', map { chr($_ * 7 % 256) } 1 .. 500) . 'verbatim',
    'a huge string'            => "\$2000000000\r\nverbatim",
    'a huge array'             => "*2000000000\r\n:1\r\n",
    'an array of huge strings' => "*8\r\n\$2000000000\r\n",
    'a length beyond 64 bits'  => "\$99999999999999999999999\r\n",
    'a negative length'        => "*-7\r\n",
    'a long line'              => '+' . 'verbatim' x 200_000 . "\r\n",
    'deep nesting'             => "*1\r\n" x 1000 . ":1\r\n",
    'a map of RESP3'           => "%1\r\n+verbatim\r\n:1\r\n",
    'an attribute of RESP3'    => "|1\r\n+verbatim\r\n:1\r\n$good",
    'an integer'               => ":1\r\n",
    'a status'                 => "+verbatim\r\n",
    'nil'                      => "\$-1\r\n",
    'an empty array'           => "*0\r\n",
    'a field too few'          => reply_octets([@good[0 .. 6]]),
    'a field too many'         => reply_octets([@good, 1]),
    'an array in it'           => but(2, [1]),
    'a string in it'           => but(2, 'verbatim'),
    'nil in it'                => but(4, undef),
    'more left than there is'  => but(4, 11),
    'less than nothing left'   => but(4, -1),
    'a window that is not'     => but(3, 1),
    'no time'                  => but(1, 0),
    'granted nothing'          => but(7, 0),
    'granted too much'         => but(7, 2),
    'refused and allowed'      => but(0, 0),
    'an error with controls'   => "-ERR \e[31m\0\a\x80 'verbatim'\r\n",
    'an error without a word'  => "-\r\n",
    'MOVED to somewhere'       => "-MOVED 3999 127.0.0.1:1\r\n",
    'MOVED to nowhere'         => "-MOVED nowhere\r\n",
    'ASK'                      => "-ASK 3999 127.0.0.1:1\r\n",
    'NOSCRIPT for ever'        => "-NOSCRIPT No matching script\r\n",
);

# What is done in place of an answer.
my %does = (
    ''             => sub ($peer) { $peer->send($good) },
    'octet by octet' => sub ($peer) { $peer->pieces($good, 1) },
    'run together' => sub ($peer) { $peer->{asked}++ % 2 ? $peer->send($good) : $peer->hold($good) },
    'twice'        => sub ($peer) { $peer->send($good x 2) },
    'closes'       => sub ($peer) { $peer->close },
    'closes midway' => sub ($peer) { $peer->write(substr $good, 0, 20); $peer->close },
    'resets midway' => sub ($peer) { $peer->write(substr $good, 0, 20); $peer->reset },
    'never'        => sub ($peer) { },
    'half'         => sub ($peer) { $peer->write(substr $good, 0, 20) },
);

sub answer ($peer, @) {
    my $mode = $peer->mode;
    return $does{$mode} ? $does{$mode}->($peer) : $peer->send($octets{$mode});
}

my $fake = Gatehouse::Redis::Fake->new(port => 1, answers => { EVALSHA => \&answer, EVAL => \&answer });
my $gate = Gatehouse::Faults->new('127.0.0.1:' . $fake->port)->start;

# A new worker, for one that has met with failures waits before it connects again.
sub next_fault ($mode) {
    $fake->mode('');
    $gate->replace_worker->wait_recovered;
    $fake->mode($mode);
    return;
}

subtest 'octet by octet' => sub {
    next_fault('octet by octet');
    is_deeply $gate->ask_all('pieces'), $gate->with_redis, 'answers are put together';
};

subtest 'run together' => sub {
    next_fault('run together');
    my @clients = map { $gate->begin('/open', $_) } 1 .. 10;
    is_deeply [map { Gatehouse::Faults::seen($_->response) } @clients], [('200 redis') x 10],
        'and taken apart';
    $_->leave for @clients;
};

subtest 'an answer that nobody has asked for' => sub {
    next_fault('twice');
    is $gate->ask('/open', 'twice'), '200 redis', 'the first is taken';
    $gate->wait_down;
    $fake->mode('');
    $gate->wait_recovered;
    is_deeply $gate->ask_all('once'), $gate->with_redis, 'the second is never given to another request';
    like $gate->nginx->log, qr/is down: it sent a reply that nobody had asked for/, 'but logged';
};

for my $what (sort keys %octets) {
    subtest $what => sub {
        next_fault($what);
        my $calls = $fake->commands;
        is $gate->ask("/$_", $what), $gate->without_redis->{$_}, "on_error=$_" for qw(open closed local);
        ok $gate->serves_others(20), 'others are served';
        cmp_ok $fake->commands - $calls, '<=', 12, 'it is not asked over and over';
    };
}

for my $what ('closes', 'closes midway', 'resets midway') {
    subtest $what => sub {
        next_fault($what);
        is_deeply $gate->ask_all($what), $gate->without_redis, 'on_error';
        ok $gate->serves_others(20), 'others are served';
        $fake->mode('');
        $gate->wait_recovered;
    };
}

subtest 'no answer, or half of one' => sub {
    $gate->configure(backend => 'timeout 100ms; connect_timeout 2s;');
    $gate->nginx->reload;
    for my $what (qw(never half)) {
        $gate->wait_recovered;
        $fake->mode($what);
        my $client = $gate->begin('/open', 'half');
        is Gatehouse::Faults::seen($client->response), '200 error', "$what: on_error";
        $client->leave;
        $fake->mode('');
        $gate->wait_recovered;
        is_deeply $gate->ask_all("after $what"), $gate->with_redis, 'the rest is not waited for';
    }
    like $gate->nginx->log, qr/is down: no answer in time/, 'the log says so';
};

subtest 'NOSCRIPT: one EVAL, and no loop' => sub {
    next_fault('NOSCRIPT for ever');
    my ($evalsha, $eval) = map { scalar $fake->commands($_) } qw(EVALSHA EVAL);
    $gate->ask('/open', 'no script');
    is $fake->commands('EVALSHA') - $evalsha, 1, 'one EVALSHA';
    is $fake->commands('EVAL') - $eval, 1, 'and one EVAL';
};

my $log = $gate->nginx->log;
my @verbatim = $log =~ /(.*verbatim.*)/g;
is_deeply \@verbatim, [], 'the log has nothing of what was sent';
my @controls = $log =~ /(.*[^\x20-\x7e\n].*)/g;
is_deeply \@controls, [], 'and no control characters';
$gate->check_survived(undef, workers => 1, lines => 3 * (10 + keys %octets));

done_testing;
