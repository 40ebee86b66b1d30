# shellcheck shell=bash
# Redis 8 and Valkey, where the machine's own suite has an older Redis and no Valkey: the packages of
# the first suite that has both, unpacked below out/redis. Nothing is installed. Of Redis 6.2 there is
# no package: suites went from 6.0 to 7.0.
#
#   servers=$(other_redis_servers)
#   while read -r server; do
#       GATEHOUSE_REDIS_SERVER=$server suite "$root/out/modules" t/rate_limit/*.t
#   done <<<"$servers"

. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# Prints the path of a command for each.
other_redis_servers() {
    local suite name
    for suite in $(machine_suite && newer_suites); do
        if [[ -x $root/out/redis/$suite/valkey-server ]] ||
            { private_apt_update "$suite" && unpack_redis "$suite"; } >&2; then
            for name in redis valkey; do
                printf '%s\n' "$root/out/redis/$suite/$name-server"
            done
            return
        fi
    done
    die "no suite of this machine's mirror has valkey-server"
}

# unpack_redis SUITE: false if the suite lacks one. What the server packages call their programs is
# in the tools' packages; the C library comes along, because theirs is newer than the machine's.
# Other libraries are those of the redis-server that is installed.
unpack_redis() {
    local suite=$1 work=$root/out/redis/$1 package
    rm -rf "$work"
    for package in valkey-tools valkey-server redis-tools redis-server libc6 libstdc++6 libgcc-s1; do
        private_download "$suite" "$package" "$work/debs" || return
        dpkg-deb -x "$work/debs/$package"_*.deb "$work/root" || return
    done
    start_by_own_loader "$work" redis-server && start_by_own_loader "$work" valkey-server
}

# start_by_own_loader WORK NAME: writes WORK/NAME, which becomes the server.
start_by_own_loader() {
    local work=$1 name=$2 loader
    loader=$(find "$work/root/usr/lib" -name 'ld-linux*.so.*' -type f)
    [[ -n $loader ]] || return
    printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' \
        "$loader" "${loader%/*}" "$work/root/usr/bin/$name" >"$work/$name"
    chmod 755 "$work/$name"
    "$work/$name" --version
}
