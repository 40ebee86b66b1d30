# shellcheck shell=bash
# Sourced by every script: where the repository is, how to speak and how to stop.

# shellcheck disable=SC2034 # for those who source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C.UTF-8

# nginx is there, and ordinary users do not look there.
PATH=$PATH:/usr/sbin

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null; }

# The comment at the head of a script is its manual.
usage() {
    sed -n '2,/^$/{s/^# \{0,1\}//p}' "$0"
    exit "${1:-0}"
}

# Runs a command as root: as it is for root, through sudo for everybody else. Without a terminal
# sudo must not ask for a password, because nobody is there to type it.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif have sudo; then
        if [[ -t 0 ]]; then sudo -- "$@"; else sudo -n -- "$@"; fi
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

