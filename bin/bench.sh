#!/usr/bin/env bash
# Runs the whole-system benchmarks on a server of their own and prints medians and p95. Results: benchmarks/results/.
set -euo pipefail
: "${ATHENIC_HOME:=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)}"
. "$ATHENIC_HOME/bin/common.sh"

take_data "$@"
is_root || die "the benchmarks make real sandboxes and need root's rights: sudo ./athenic bench"

need_java
need_maven
need_node
need_sandbox_tools
need_template "$data"
progress "Building the benchmarks" "$ATHENIC_HOME/benchmarks/build.log" \
  "$MVN" -B -ntp -f "$ATHENIC_HOME/pom.xml" -pl benchmarks -am package -DskipTests
mkdir -p "$ATHENIC_HOME/benchmarks/results"
exec env -C "$ATHENIC_HOME" ATHENIC_TEST_DATA="$data" "$JAVA_HOME/bin/java" -Xmx1g --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
  -jar "$ATHENIC_HOME/benchmarks/target/benchmarks.jar" ${arguments[@]+"${arguments[@]}"}
