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
say "Guest tests (Python, real rooms) ..."
(cd engine/src/test/guest && PYTHONPATH="$GUEST" PYTHONDONTWRITEBYTECODE=1 "${PYTHON[0]}" -m unittest discover -v -p 'test_*.py' 2>&1 |
  grep -v ' \.\.\. ok$')
[ "${PIPESTATUS[0]}" -eq 0 ] || die "guest tests failed"

say "Java and browser tests ..."
"$MVN" -B -ntp verify

say "Web tests ..." # Maven has installed what they need
npm --prefix web run --silent test
