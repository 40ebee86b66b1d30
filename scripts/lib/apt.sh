# shellcheck shell=bash
# Packages of Debian suites other than the machine's own, without letting those suites anywhere
# near the system: every suite gets an apt state of its own below out/apt, so nothing can be
# installed or upgraded from it by accident. Mirror and proxy are those the machine uses.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Debian's suites, oldest first.
debian_suites=(bookworm trixie forky sid)

# What modules are compiled against: nginx's headers, and those of the libraries.
# shellcheck disable=SC2034 # for those who source this
header_packages=(nginx-dev libssl-dev libjansson-dev libpcre2-dev libhiredis-dev libmodsecurity-dev
    libcurl4-gnutls-dev)

machine_suite() {
    (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-}")
}

# Suites after the machine's own, oldest first.
newer_suites() {
    local suite own found=""
    own=$(machine_suite)
    for suite in "${debian_suites[@]}"; do
        [[ -z $found ]] || printf '%s\n' "$suite"
        [[ $suite != "$own" ]] || found=1
    done
    return 0
}

# The URI that the machine's own suite comes from. apt itself is asked, because sources are
# written in two formats and in any number of files.
machine_mirror() {
    local own
    own=$(machine_suite)
    # shellcheck disable=SC2016 # the placeholders are apt's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT)' \
        'Created-By: Packages' |
        awk -v own="$own" '($2 == own || $3 == own) && $4 == "main" && !seen { print $1; seen = 1 }'
}

# private_apt SUITE COMMAND...: apt-get COMMAND in that suite's own state.
private_apt() {
    local suite=$1 state=$root/out/apt/$1
    shift
    apt-get -q \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
        -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Makes or renews the state of a suite; false if the mirror does not carry it.
private_apt_update() {
    local suite=$1 state=$root/out/apt/$1 mirror keyring options=""
    mirror=$(machine_mirror)
    [[ -n $mirror ]] || die "apt knows no source of $(machine_suite): run apt-get update"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ ! -e $keyring ]] || options="[signed-by=$keyring] "
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    printf 'deb %s%s %s main\ndeb-src %s%s %s main\n' \
        "$options" "$mirror" "$suite" "$options" "$mirror" "$suite" >"$state/sources.list"
    # A day is fresh enough.
    if [[ -e $state/updated && -n $(find "$state/updated" -mmin -1440) ]]; then
        return
    fi
    local update=(private_apt "$suite" update -o APT::Update::Error-Mode=any)
    if ! "${update[@]}" >"$state/update.log" 2>&1; then
        # Frozen mirrors keep indexes past their date. The signatures are checked all the same, and
        # nothing from here but a test library is ever installed.
        grep -q 'is expired' "$state/update.log" || return
        say "the index of $suite on this machine's mirror has expired: going on with it"
        "${update[@]}" -o Acquire::Check-Valid-Until=false >"$state/update.log" 2>&1 || return
    fi
    touch "$state/updated"
}

# private_download SUITE PACKAGE DIR: leaves the package's .deb, and no other, in DIR.
private_download() {
    local suite=$1 package=$2 directory=$3
    mkdir -p "$directory"
    rm -f "$directory/$package"_*.deb
    (cd "$directory" && private_apt "$suite" download "$package") >&2
}
