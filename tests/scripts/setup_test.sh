#!/usr/bin/env bash
# scripts/setup with a stand-in for the package tools, so that nothing is installed: what it asks
# for, when it asks for nothing, and what it says when asking fails.
set -euo pipefail

setup="$(cd "$(dirname "$0")/../.." && pwd)/scripts/setup"
box="$(mktemp -d)"
trap 'rm -rf "$box"' EXIT
mkdir "$box/bin"

# The stand-ins: a package is installed when a file of its name is in $box/installed.
mkdir "$box/installed"
cat >"$box/bin/dpkg-query" <<TEXT
#!/bin/sh
for last; do :; done
if [ -e "$box/installed/\$last" ]; then printf installed; else exit 1; fi
TEXT
cat >"$box/bin/apt-get" <<TEXT
#!/bin/sh
echo "\$*" >>"$box/calls"
case "\$*" in
  *update*) [ ! -e "$box/update-fails" ] || exit 100 ;;
  *install*)
    [ ! -e "$box/install-fails" ] || exit 100
    echo "frontend=\$DEBIAN_FRONTEND" >>"$box/calls"
    [ ! -x "$box/policy-rc.d" ] || "$box/policy-rc.d" || echo "services=\$?" >>"$box/calls"
    for word; do touch "$box/installed/\$word"; done ;;
esac
TEXT
# As sudo would: runs the command, and says that it was asked.
cat >"$box/bin/sudo" <<TEXT
#!/bin/sh
echo sudo >>"$box/calls"
[ "\$1" != -n ] || shift
exec "\$@"
TEXT
cat >"$box/bin/systemctl" <<TEXT
#!/bin/sh
echo "systemctl \$*" >>"$box/calls"
TEXT
chmod +x "$box"/bin/*
export REEVE_POLICY_RC="$box/policy-rc.d"
export PATH="$box/bin:$PATH"

failures=0
expect() {  # expect WHAT CONDITION…
  local what="$1"
  shift
  if ! "$@"; then
    echo "FAILED: $what; output was:"
    cat "$box/output"
    failures=$((failures + 1))
  fi
}
run() {  # run ARGUMENTS…; sets $code
  : >"$box/calls"
  code=0
  "$setup" "$@" >"$box/output" 2>&1 </dev/null || code=$?
}
says() { grep -q -- "$1" "$box/output"; }
called() { grep -q -- "$1" "$box/calls"; }
not() { ! "$@"; }

run --check
expect "--check finds what is missing" test "$code" -eq 1
expect "--check names it" says cmake
expect "--check installs nothing" not test -s "$box/calls"

run --nonsense
expect "an unknown option is a usage error" test "$code" -eq 2

touch "$box/install-fails" "$box/update-fails"
run
expect "a failing install fails" test "$code" -eq 3
expect "and points at the failed update" says "sources.list"
rm "$box/install-fails"

run
expect "a failing update alone is survived" test "$code" -eq 0
expect "with a warning" says "warning: apt-get update failed"
expect "without questions" called "frontend=noninteractive"
expect "without recommended packages" called "--no-install-recommends"
expect "what it will do is said first" says "will install"
rm "$box/update-fails"

run
expect "a second run has nothing to do" test "$code" -eq 0
expect "a second run calls no apt-get" not test -s "$box/calls"

run --dev
expect "--dev installs more" test "$code" -eq 0
expect "--dev installs clang" called clang
expect "--dev does not ask for what is there" not called cmake
expect "--dev lets no service start meanwhile" called "services=101"
expect "--dev takes that back" not test -e "$box/policy-rc.d"
expect "--dev leaves no service for the next start" called "systemctl disable -q prometheus.service"
rm "$box/installed/prometheus"
printf '#!/bin/sh\nexit 0\n' >"$box/policy-rc.d"
chmod +x "$box/policy-rc.d"
run --dev
expect "a policy of the machine's own stays" test -e "$box/policy-rc.d"

if ((failures > 0)); then exit 1; fi
echo "setup: all expectations hold"
