# What every script shares: the project's root, a current virtual environment, apt and the server choice.
# Sourced, never run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
venv=.venv
python=$root/$venv/bin/python

# use_lowest: makes everything run in an environment with the lowest versions of what pyproject.toml names.
use_lowest() {
  venv=.venv-lowest
  python=$root/$venv/bin/python
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# apt_install PACKAGE...: installs them, or says which command does and fails.
apt_install() {
  local sudo=() output
  if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
  say "installing $* with apt"
  if ! output=$({ "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@"; } 2>&1); then
    printf '%s\n' "$output" | tail -n 5 >&2
    say "could not install $*; this does: sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    return 1
  fi
}

# find_python: the first interpreter that is new enough.
find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# setup_venv: makes the virtual environment and installs the project into it, when what it depends on changed.
setup_venv() {
  local base stamp
  base=$(find_python) || { apt_install python3 python3-venv && base=$(find_python); } ||
    { say "Python 3.11 or later is needed; PYTHON=/path/to/python3 names one"; return 1; }
  stamp=$({ cat pyproject.toml; "$base" -VV; echo "$root"; } | cksum)
  exec 9<pyproject.toml # one script at a time; a second waits for what the first installs
  if command -v flock >/dev/null; then flock 9; fi
  if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing the project and its tools into $venv, with $("$base" -V)"
    if [ "$("$python" -VV 2>/dev/null)" != "$("$base" -VV)" ] || ! "$python" -m pip --version &>/dev/null; then
      if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "$("$base" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
      fi
      "$base" -m venv --clear "$venv"
    fi
    if [ "$venv" = .venv-lowest ]; then
      "$python" -m pip install -qq --disable-pip-version-check 'uv>=0.9,<1'
      "$python" -m uv pip install -q --python "$python" --resolution lowest-direct --editable '.[dev,async,cli,testing]'
    else
      "$python" -m pip install -qq --disable-pip-version-check --editable '.[dev,async,cli,testing]'
    fi
    echo "$stamp" >"$venv/stamp"
  fi
  exec 9<&-
}

# choose_server CHOICE: settles which server to use into EVENTFLOW_TEST_SERVER; installs one when there is none.
choose_server() {
  local status=0
  EVENTFLOW_TEST_SERVER=$("$python" -m eventflow_db.testing "$1") || status=$?
  if [ "$status" = 4 ]; then # neither URL nor Docker nor a local server
    say "no database server here: taking Debian's MariaDB"
    apt_install mariadb-server-core mariadb-client-core
    EVENTFLOW_TEST_SERVER=local
  elif [ "$status" != 0 ]; then
    return "$status"
  fi
  export EVENTFLOW_TEST_SERVER
}

# run_on_cluster KIND COMMAND...: runs it on the primary of a cluster of three nodes, brought up for the run.
run_on_cluster() {
  local kind=$1 environment status=0
  shift
  make_cluster_image "$kind"
  environment=$("$python" scripts/cluster.py up "$kind" -- --local-infile=1)
  # the tests set their own
  eval "$(sed -n /EVENTFLOW_TEST_/p <<<"$environment")"
  trap '"$python" scripts/cluster.py down "$EVENTFLOW_TEST_CLUSTER"' EXIT
  "$python" "$@" || status=$?
  return "$status"
}

# run_on_server COMMAND... -- ARGUMENTS...: takes --server out of the arguments, sets everything up and
# runs COMMAND with the rest of them.
run_on_server() {
  local choice=${EVENTFLOW_TEST_SERVER:-auto}
  local usage="--server takes auto, local, docker, an image, a URL, cluster:mysql or cluster:mariadb"
  local command=() arguments=()
  while [ "$1" != -- ]; do command+=("$1"); shift; done
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --server) choice=${2:?$usage}; shift 2 ;;
      --server=*) choice=${1#*=}; shift ;;
      -h | --help) sed -n '2,/^source/s/^# \{0,1\}//p' "$0"; exit ;;
      *) arguments+=("$1"); shift ;;
    esac
  done
  setup_venv
  case $choice in
    cluster:*) run_on_cluster "${choice#*:}" "${command[@]}" ${arguments[@]+"${arguments[@]}"} ;;
    *)
      choose_server "$choice"
      exec "$python" "${command[@]}" ${arguments[@]+"${arguments[@]}"}
      ;;
  esac
}

# make_image IMAGE SUITE PACKAGES: a Docker image of Debian's packages, from the mirror that apt uses.
make_image() {
  local log mirror=()
  if docker image inspect "$1" &>/dev/null; then return; fi
  command -v mmdebstrap >/dev/null || apt_install mmdebstrap debian-archive-keyring
  if grep -q '^ID=debian' /etc/os-release; then
    # one of the two files is there
    mapfile -t mirror < <({ cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true; } |
      sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\).*/\2/p' | sed -n 1p)
  fi
  log=$(mktemp)
  say "making $1 of Debian's packages"
  if ! mmdebstrap --quiet --variant=apt --include="$3,iptables" --aptopt='Acquire::Check-Valid-Until "false"' \
    --essential-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
    --customize-hook='grep -q ^mysql: "$1/etc/passwd" || {
      echo "mysql:x:970:970::/nonexistent:/bin/false" >>"$1/etc/passwd"; echo "mysql:x:970:" >>"$1/etc/group"; }' \
    --customize-hook='rm -rf "$1/var/lib/mysql"' \
    "$2" - ${mirror[@]+"${mirror[@]}"} 2>"$log" | docker import - "$1" >/dev/null; then
    tail -n 5 "$log" >&2
    return 1
  fi
}

# make_cluster_image mysql|mariadb: the image that the nodes of a cluster run in, once.
make_cluster_image() {
  docker info &>/dev/null || { say "no Docker engine answers (sudo systemctl start docker)"; return 3; }
  case $1 in
    mysql) make_image eventflow-cluster:mysql-9.7 sid mysql-server-core ;;
    mariadb) make_image eventflow-cluster:mariadb-11.8 trixie mariadb-server,galera-4,rsync,mariadb-backup ;;
  esac
}
