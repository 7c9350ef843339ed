#!/usr/bin/env bash
# Builds everything and runs every test: guest (Python), Java, web, browser, E2B's SDKs. Fails on the first part that fails.
set -euo pipefail
: "${ATHENIC_HOME:=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)}"
. "$ATHENIC_HOME/bin/common.sh"

take_data "$@"
[ ${#arguments[@]} -eq 0 ] || die "test: unknown option: ${arguments[0]}"
is_root || die "the tests make real sandboxes and need root's rights: sudo ./athenic test"

need_java
need_maven
need_node
need_sandbox_tools
need_packages "the rootless tests" uidmap passwd
need_packages "the browser tests" chromium fonts-dejavu-core
need_template "$data"
export ATHENIC_TEST_DATA=$data

cd "$ATHENIC_HOME"
# brief: of unittest's output only the failures, the count and the verdict; of a run that broke off its last lines.
brief() {
  awk 'index($0, "====================") == 1 { told = 1 }
    told || /^(Ran |OK|FAILED)/ { if (shown++ < 250) print; ended = ended || /^Ran /; next }
    { last[NR % 40] = $0 }
    END { if (!ended) for (n = NR + 1; n <= NR + 40; n++) if (n % 40 in last) print last[n % 40] }'
}

say "Guest tests (Python, real rooms) ..."
if ! (cd engine/src/test/guest && PYTHONPATH="$GUEST" PYTHONDONTWRITEBYTECODE=1 "${PYTHON[0]}" -m unittest discover -v -p 'test_*.py') 2>&1 | brief; then
  die "guest tests failed"
fi

say "Java and browser tests ..."
"$MVN" -B -ntp verify

say "Web tests ..." # Maven has installed what they need
npm --prefix web run --silent test
