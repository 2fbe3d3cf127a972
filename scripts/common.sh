# Sourced by the scripts of this folder: where the tree is, and lines that say what takes how long.
# Callers use bash with `set -euo pipefail`.

started_in="$PWD"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

# Clones in different folders share what ccache holds.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
# Without these ccache keeps nothing that uses a precompiled header.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

# How many compilers and tests at once: one for each processor.
jobs="${REEVE_JOBS:-$(nproc)}"

say() { printf '%s\n' "== $*"; }

fail() {
  printf '%s\n' "reeve: $*" >&2
  exit 3
}

# stage NAME COMMAND…: runs the command and says how long it took; leaves with its exit code.
stage() {
  local name="$1" begin="$SECONDS" code=0
  shift
  say "$name"
  "$@" || code=$?
  if ((code != 0)); then
    printf '%s\n' "reeve: $name failed after $((SECONDS - begin)) s (exit code $code)" >&2
    exit "$code"
  fi
  say "$name: done in $((SECONDS - begin)) s"
}

# npm_packages NAME PACKAGE@VERSION…: prints the folder whose node_modules has them: in the cache, made once.
npm_packages() {
  local kept="${XDG_CACHE_HOME:-$HOME/.cache}/reeve/$1" made
  shift
  if [[ ! -d "$kept/node_modules" ]]; then
    mkdir -p "$(dirname "$kept")"
    made="$(mktemp -d "$kept.XXXXXX")"
    printf '{"private": true}\n' >"$made/package.json"
    if ! (cd "$made" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error "$@") >&2; then
      rm -rf "$made"
      return 1
    fi
    # Somebody else may have been quicker.
    mv -T "$made" "$kept" 2>/dev/null || rm -rf "$made"
  fi
  printf '%s' "$kept"
}

# from_where_started PATH: the path as the caller of the script meant it.
from_where_started() {
  if [[ "$1" == /* ]]; then printf '%s' "$1"; else printf '%s' "$started_in/$1"; fi
}

# configure_and_build PRESET [TARGET…]
configure_and_build() {
  local preset="$1"
  shift
  local log
  log="$(cmake --preset "$preset" 2>&1)" || {
    printf '%s\n' "$log" >&2
    return 1
  }
  cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
}
