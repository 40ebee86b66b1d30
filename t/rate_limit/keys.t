# The key of rate_limit_zone: addresses, and text of any length with any octets in it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gatehouse::Limits;
use Test::More;

my $limits = Gatehouse::Limits->new(<<'END');
rate_limit_zone $binary_remote_addr zone=binary_HERE:1m rate=2r/1h REDIS;
rate_limit_zone $remote_addr zone=address_HERE:1m rate=2r/1h REDIS;
rate_limit_zone $binary_remote_addr zone=whole_HERE:1m rate=2r/1h ipv6_prefix=128 REDIS;
rate_limit_zone $remote_addr zone=site_HERE:1m rate=2r/1h ipv6_prefix=48 REDIS;
rate_limit_zone $remote_addr zone=odd_HERE:1m rate=2r/1h ipv6_prefix=61 REDIS;
rate_limit_zone "address $remote_addr" zone=text_HERE:1m rate=2r/1h REDIS;
rate_limit_zone $http_x_key zone=key_HERE:1m rate=2r/1h REDIS;
rate_limit_zone $http_x_key$binary_remote_addr zone=octets_HERE:4m rate=2r/1h REDIS;
rate_limit_redis tenants { server SOCKET; timeout 2s; connect_timeout 2s; database 2; prefix "tenant:{$arg_t}:"; }
rate_limit_zone $arg_k zone=tenant:1m rate=2r/1h redis=tenants;
rate_limit_zone $arg_k 'zone=t{x}:1m' rate=2r/1h algorithm=sliding_window redis=tenants;
---
location = /HERE/binary { rate_limit zone=binary_HERE; try_files /index.html =404; }
location = /HERE/address { rate_limit zone=address_HERE; try_files /index.html =404; }
location = /HERE/whole { rate_limit zone=whole_HERE; try_files /index.html =404; }
location = /HERE/site { rate_limit zone=site_HERE; try_files /index.html =404; }
location = /HERE/odd { rate_limit zone=odd_HERE; try_files /index.html =404; }
location = /HERE/text { rate_limit zone=text_HERE; try_files /index.html =404; }
location = /HERE/key { rate_limit zone=key_HERE; try_files /index.html =404; }
location = /HERE/octets { rate_limit zone=octets_HERE; try_files /index.html =404; }
location = /tenant { rate_limit zone=tenant; try_files /index.html =404; }
location = /braces { rate_limit 'zone=t{x}'; try_files /index.html =404; }
END
my $nginx = $limits->nginx;

# Whether the second counts as the first: two requests of it pass if not.
sub same ($uri, $first, $second, $name = "$first is $second") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply [map { $limits->passed($uri, $_->[0], $_->[1]) } [2, $first], [2, $second]], [2, 0], $name;
}
sub different ($uri, $first, $second, $name = "$first is not $second") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply [map { $limits->passed($uri, $_->[0], $_->[1]) } [3, $first], [3, $second]], [2, 2], $name;
}
sub addresses ($compare, $uri, @addresses) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $compare->($uri, map { "X-Real-IP: $_" } @addresses);
}

for my $zone (qw(binary address)) {
    $limits->both("addresses, $zone", sub ($here) {
        my $uri = "/$here/$zone";
        addresses(\&different, $uri, '192.0.2.1', '192.0.2.2');
        addresses(\&different, $uri, '192.0.3.1', '193.0.3.1');
        addresses(\&same, $uri, '2001:db8:0:1::1', '2001:db8:0:1:ffff:ffff:ffff:ffff');
        addresses(\&same, $uri, '2001:db8:0:9::1', '2001:0DB8::9:0:0:0:1');
        addresses(\&different, $uri, '2001:db8:0:2::1', '2001:db8:0:3::1');
        addresses(\&same, $uri, '::ffff:192.0.2.10', '192.0.2.10');
        addresses(\&same, $uri, '192.0.2.11', '::ffff:c000:20b');
        addresses(\&different, $uri, '::ffff:192.0.2.12', '::ffff:192.0.2.13');
        addresses(\&different, $uri, '::192.0.2.14', '192.0.2.14');
        is $limits->passed($uri, 3), 2, 'a client without an address has a key, too';
    });
}

$limits->both('ipv6_prefix', sub ($here) {
    addresses(\&different, "/$here/whole", '2001:db8::1', '2001:db8::2');
    addresses(\&same, "/$here/whole", '2001:db8::3', '2001:db8:0:0::3');
    addresses(\&same, "/$here/whole", '::ffff:192.0.2.1', '192.0.2.1');
    addresses(\&same, "/$here/site", '2001:db8:1:0::1', '2001:db8:1:ffff::2');
    addresses(\&different, "/$here/site", '2001:db8:2::1', '2001:db8:3::1');
    addresses(\&different, "/$here/site", '192.0.2.1', '192.0.2.2');
    addresses(\&same, "/$here/odd", '2001:db8:0:10::1', '2001:db8:0:17::1');
    addresses(\&different, "/$here/odd", '2001:db8:0:20::1', '2001:db8:0:28::1');
    addresses(\&different, "/$here/text", '2001:db8::1', '2001:db8::2');
});

$limits->both('text', sub ($here) {
    my $uri = "/$here/key";
    is $limits->passed($uri, 4), 4, 'a variable without a value';
    is $limits->passed($uri, 4, 'X-Key:'), 4, 'an empty one';
    different($uri, 'X-Key: alice', 'X-Key: Alice');
    different($uri, 'X-Key: 0', 'X-Key: 00');
    different($uri, 'X-Key: 192.0.2.1', 'X-Key: ::ffff:192.0.2.1');
    different($uri, "X-Key: \xff\xfe", "X-Key: \xff\xff", 'octets that are no text');
    same($uri, 'X-Key: a b', 'X-Key:  a b ', 'what nginx trims');
});

# Keys of limit_req are cut at 64 KB, and those that end in C strings at the first NUL.
$limits->both('long keys', sub ($here) {
    my $long = 'x' x 65_535;
    different("/$here/key", "X-Key: $long", "X-Key: ${long}y", 'one octet more');
    different("/$here/key", "X-Key: ${long}1", "X-Key: ${long}2", 'the last octet');
    different("/$here/key", "X-Key: 1$long", "X-Key: 2$long", 'the first octet');
    same("/$here/key", "X-Key: a$long", "X-Key: a$long", 'the same');
});

# The octets of addresses bring the NULs.
$limits->both('NUL octets', sub ($here) {
    my ($uri, $long) = ("/$here/octets", 'x' x 65_000);
    my $compare = sub ($how, $key, $first, $second, $name) {
        is_deeply [map { $limits->passed($uri, $_->[0], "X-Key: $_->[1]", "X-Real-IP: $_->[2]") }
                [3, $key, $first], [3, $key, $second]], [2, $how eq 'same' ? 0 : 2], $name;
    };
    $compare->('different', 'a',   '0.0.0.1', '0.0.0.2', 'what is behind NULs');
    $compare->('different', 'a',   '0.0.0.3', '1.0.0.3', 'what is before them');
    $compare->('different', 'b',   '1.0.0.0', '1::',     'their number');
    $compare->('different', $long, '0.0.0.1', '0.0.0.2', 'behind 65000 octets and NULs');
    $compare->('same',      $long, '0.0.0.5', '0.0.0.5', 'the same');
});

subtest 'prefix' => sub {
    is $limits->passed('/tenant?t=1&k=a', 3), 2, 'a tenant';
    is $limits->passed('/tenant?t=2&k=a', 3), 2, 'another one, the same key';
    is $limits->passed('/tenant?k=a', 3), 2, 'none';
    is $limits->passed('/braces?t=1&k=a', 3), 2, 'another zone';
    my $client = $limits->redis->connect;
    $client->command('SELECT', 2);
    my @keys = map { s/[0-9a-f]{32}\z/HASH/r } @{ $client->command('KEYS', '*') };
    is_deeply [sort @keys], [sort 'tenant:_1_:t_x_:s:HASH', map { "tenant:_${_}_:tenant:g:HASH" } '', 1, 2],
        'the names of keys, no hash tags in them';
};

subtest 'what is in Redis' => sub {
    my @keys = @{ $limits->redis->command('KEYS', '*') };
    cmp_ok scalar @keys, '>', 40, 'keys of all these zones';
    is_deeply [grep { !/\Agatehouse:[a-z]+_redis:g:[0-9a-f]{32}\z/ } @keys], [], 'all of this form';
    is_deeply [$limits->redis->keys_without_ttl], [], 'and with a time to live';
};

done_testing;
