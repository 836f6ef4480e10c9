# lib.sh - what `run` and the tests share: packages, builds, and how a check is counted. Sourced by bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
thingwarden=$top/build/release/thingwarden

build_packages=(gcc libc6-dev cmake ninja-build pkg-config libpcap-dev libndpi-dev libyajl-dev libcyaml-dev
	libyaml-dev libpcre2-dev libssl-dev libhtp-dev libmaxminddb-dev zlib1g-dev libcurl4-openssl-dev librdkafka-dev
	libxxhash-dev uthash-dev libcmocka-dev)
test_packages=(clang libclang-rt-14-dev mosquitto mosquitto-clients tshark rsyslog rsyslog-openssl openssl tcpdump
	iproute2 python3 python3-jsonschema python3-yaml logrotate)
# Without these a test says what it skips. Whoever has an npm from elsewhere keeps it.
optional_packages=(chromium rabbitmq-server)
command -v npm >/dev/null || optional_packages+=(npm)

fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# packages_missing NAME... prints those that are not installed.
packages_missing() {
	local name installed
	# dpkg-query fails for a package that it never heard of, which is what is asked: no reason to end under `set -e`.
	installed=$( (dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true) | sed -n 's/^installed //p')
	for name; do
		grep -qxF "$name" <<<"$installed" || echo "$name"
	done
}

# packages_install NAME... installs what is missing, and only then asks apt or for rights.
packages_install() {
	local missing log as_root=()
	command -v dpkg-query >/dev/null || fail "this is no Debian: install the equivalents of: $*"
	mapfile -t missing < <(packages_missing "$@")
	((${#missing[@]})) || return 0
	if ((EUID != 0)); then
		command -v sudo >/dev/null || fail "run as root, or install: ${missing[*]}"
		as_root=(sudo)
	fi
	echo "installing ${missing[*]}" >&2
	log=$(mktemp)
	# Services that a package would start (a broker, a syslog daemon) stay down: 101 is policy-rc.d's "not allowed".
	local policy=/usr/sbin/policy-rc.d made_policy=
	if [[ ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null && made_policy=yes
		"${as_root[@]}" chmod +x $policy
	fi
	local status=0
	{ "${as_root[@]}" apt-get -qq update ||
		true; # another source may be out of reach; the install tells
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
			"${missing[@]}"; } >"$log" 2>&1 </dev/null || status=1
	[[ -z $made_policy ]] || "${as_root[@]}" rm -f $policy
	if ((status)); then
		tail -n 20 "$log" >&2
		rm -f "$log"
		fail "apt-get could not install: ${missing[*]}"
	fi
	rm -f "$log"
}

# package_beside FOLDER NAME... unpacks packages without installing them, for one that cannot stand beside another.
package_beside() {
	local folder=$1 name
	shift
	[[ -e $folder/.whole ]] && return 0
	mkdir -p "$folder/.deb" && (cd "$folder/.deb" && apt-get -qq download "$@" >/dev/null 2>&1) || return 1
	for name in "$folder"/.deb/*.deb; do
		dpkg -x "$name" "$folder" || return 1
	done
	touch "$folder/.whole"
}

# build PRESET configures once and builds what has changed; silent unless it fails.
build() {
	local preset=$1 log
	log=$(mktemp)
	if ! { { [[ -e $top/build/$preset/build.ninja ]] || (cd "$top" && cmake --preset "$preset"); } &&
		cmake --build "$top/build/$preset"; } >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		fail "the $preset build failed"
	fi
	rm -f "$log"
}

# A free TCP port on loopback. Taken by bind(), not by a guess.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A folder that goes when the script ends. Scripts that need more cleaning define clean().
scratch_open() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/thingwarden-test.XXXXXX")
	trap 'declare -F clean >/dev/null && clean; rm -rf "$scratch"' EXIT
	trap 'exit 130' INT TERM
}

passed=0 failed=0 skipped=0

ok() {
	passed=$((passed + 1))
	echo "ok    $*"
}

not_ok() {
	failed=$((failed + 1))
	echo "FAIL  $*"
}

skip() {
	skipped=$((skipped + 1))
	echo "skip  $*"
}

# check NAME COMMAND... counts what the command answers.
check() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# The last line of every step; its status is the step's.
finish() {
	local line="$passed passed, $failed failed"
	((skipped == 0)) || line+=", $skipped skipped"
	echo "$line"
	((failed == 0))
}
