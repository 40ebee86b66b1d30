# shellcheck shell=bash
# The machine's nginx once more, with AddressSanitizer: out/asan/nginx/sbin/nginx.

. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# nginx_source SUITE DIR: with the suite's patches; without them where its mirror has lost these.
nginx_source() {
    local suite=$1
    cd "$2" || return
    private_apt "$suite" source nginx && return
    rm -rf nginx-*
    private_apt "$suite" source --tar-only nginx && tar -xf nginx_*.orig.tar.*
}

# Builds Debian's source package of the machine's suite with the packaged nginx's own flags.
# NGX_DEBUG_PALLOC makes every pool allocation a malloc of its own: inside nginx's pool blocks
# AddressSanitizer would see nothing. The dynamic modules are left out with what they need. The C++
# runtime must be there when the sanitizer starts: what a library of a module throws later goes
# through it.
build_asan_nginx() {
    local suite prefix=$root/out/asan/nginx work=$root/out/asan/src
    local arguments argument flags=()
    local stamp=$prefix/built version
    version=$(nginx -v 2>&1)
    if [[ -e $stamp && $(<"$stamp") == "$version" ]]; then
        return
    fi
    suite=$(machine_suite)
    private_apt_update "$suite" || die "cannot read the package lists of $suite"
    rm -rf "$work" "$prefix"
    mkdir -p "$work" "$prefix"
    (nginx_source "$suite" "$work") >"$work/source.log" 2>&1 ||
        die "cannot fetch the source of nginx: see $work/source.log"

    # nginx -V quotes as a shell does.
    arguments=$(nginx -V 2>&1 | sed -n 's/^configure arguments: //p')
    eval "set -- $arguments"
    for argument; do
        case $argument in
            --with-cc-opt=* | --with-ld-opt=* | --prefix=* | --*-path=* | *=dynamic) ;;
            *) flags+=("$argument") ;;
        esac
    done
    (
        cd "$work"/nginx-*/
        # configure's probes are programs that leak, and must not fail for it.
        export ASAN_OPTIONS=detect_leaks=0
        ./configure --prefix="$prefix" --sbin-path=sbin/nginx --error-log-path=stderr \
            "${flags[@]}" --with-ld-opt='-fsanitize=address -Wl,--no-as-needed -lstdc++' \
            --with-cc-opt='-O1 -g -fno-omit-frame-pointer -fsanitize=address -DNGX_DEBUG_PALLOC=1 -Wno-error'
        make -j"$(nproc)"
        make install
    ) >"$work/build.log" 2>&1 || die "cannot build nginx with AddressSanitizer: see $work/build.log"
    printf '%s\n' "$version" >"$stamp"
}

# sanitizer_reports DIR: what the sanitizers wrote to DIR and concerns us; false if that is
# anything. nginx ends with exit() and leaves pools to the system, with all that hangs on them
# (indirect leaks): of the leaks only those count that nothing points to and that one of our
# functions had a hand in. A suppressions file cannot say that. What libmodsecurity's parser drops
# of a file that it refuses is its own, and a leak check that breaks down says nothing of nginx.
sanitizer_reports() {
    [[ -n $(ls -A "$1") ]] || return 0
    awk -v RS= '
        /^Indirect leak/ || /^Direct leak/ && !/gatehouse::|ngx_http_gatehouse_/ { next }
        /^Direct leak/ && / in yy_(scan|create)_buffer/ { next }
        /^Direct leak/ && /#1 [^ ]+ in yy::seclang_parser::parse\(\)/ { next }
        /^Tracer caught signal [0-9]+.*LeakSanitizer has encountered a fatal error/ { next }
        /ERROR: LeakSanitizer|^SUMMARY: AddressSanitizer: [0-9]+ byte\(s\) leaked/ { next }
        { print FILENAME ":\n" $0 "\n"; found = 1 }
        END { exit found }
    ' "$1"/*
}
