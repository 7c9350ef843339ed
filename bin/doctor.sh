#!/usr/bin/env bash
# Checks every need of this machine and says how to mend what is missing. Changes nothing. Status 1 when something is missing.
# --attack: instead, tries to break out of real sandboxes. Status 1 when anything broke.
set -uo pipefail
: "${ATHENIC_HOME:=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)}"
. "$ATHENIC_HOME/bin/common.sh"

take_data "$@"
if [ "${arguments[0]:-}" = --attack ]; then
  as_root "${PYTHON[@]}" "$GUEST/attack.py" --data "$data" "${arguments[@]:1}"
  status=$?
  [ "$status" -ne 126 ] || die "doctor --attack makes real sandboxes and needs root's rights: sudo ./athenic doctor --attack"
  exit "$status"
fi
[ ${#arguments[@]} -eq 0 ] || die "doctor: unknown option: ${arguments[0]}"
failed=0
ok() { printf '  ok    %-22s %s\n' "$1" "$2"; }
note() { printf '  note  %-22s %s\n        %-22s → %s\n' "$1" "$2" '' "$3"; }
bad() { printf '  FAIL  %-22s %s\n        %-22s → %s\n' "$1" "$2" '' "$3"; failed=1; }

echo "Build"
if find_java; then ok "JDK 25" "$JAVA_HOME"; else bad "JDK 25" "not found" "install a JDK 25 (Debian 13: openjdk-25-jdk-headless) or set JAVA_HOME"; fi
if command -v mvn >/dev/null; then ok "Maven" "$(mvn --version 2>/dev/null | sed -n 's/.*Apache Maven \([0-9.]*\).*/\1/p' | head -n 1) (an older one than 3.9 is only used to fetch $MAVEN_VERSION)"
else bad "Maven" "not found" "apt-get install maven (./athenic run does it)"; fi
if command -v node >/dev/null && command -v npm >/dev/null; then
  version=$(node --version | tr -d v)
  if version_at_least "$version" 20.19; then ok "Node.js" "$version"; else note "Node.js" "$version is too old for the web build" "./athenic run fetches Node.js 22 through npm"; fi
else bad "Node.js" "not found" "apt-get install nodejs npm (./athenic run does it)"; fi

echo "Sandboxes"
if is_root; then ok "root" "roomd runs as root, the server as the user '$ATHENIC_USER'"
elif [ -z "$rootless" ] && command -v sudo >/dev/null && { sudo -n true 2>/dev/null || made_by_root; }; then
  rights=sudo
  note "root" "you are $(id -un)" "roomd is started through sudo"
else
  rights=rootless
  if problem=$("${PYTHON[@]}" "$GUEST/rootless.py" check 2>&1); then
    ok "rootless" "roomd runs in a user namespace of $(id -un)'s own; what is weaker than with root's rights (sudo ./athenic run):"
    "${PYTHON[@]}" "$GUEST/rootless.py" notes | fold -s -w 120 | sed 's/^rootless: /        - /; t; s/^/          /'
  else bad "rootless" "you are $(id -un), without root's rights" "${problem#rootless: }"; fi
fi
tools=(mkfs.ext4)
[ "${rights:-}" = rootless ] && tools=(newuidmap newgidmap)
for program in "${PYTHON[0]}" mmdebstrap "${tools[@]}" setpriv flock; do
  if path=$(command -v "$program" || PATH=$PATH:/usr/sbin:/sbin command -v "$program"); then ok "$(basename "$program")" "$path"
  else bad "$(basename "$program")" "not found" "apt-get install python3 mmdebstrap e2fsprogs util-linux uidmap (./athenic run does it where it may)"; fi
done
if ldconfig -p 2>/dev/null | grep -q libseccomp.so.2 || PATH=$PATH:/sbin ldconfig -p | grep -q libseccomp.so.2; then ok "libseccomp" "found"
else bad "libseccomp" "not found" "apt-get install libseccomp2"; fi
kernel=$(uname -r)
if version_at_least "${kernel%%-*}" 5.19; then ok "kernel" "$kernel"; else bad "kernel" "$kernel" "5.19 or newer is needed (overlay on id-mapped layers): Debian 12 and Ubuntu 24.04 have it"; fi
if unshare --user --map-root-user true 2>/dev/null; then ok "user namespaces" "allowed"
else bad "user namespaces" "refused" "sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; in a container: run it with the right to make them"; fi
grep -qw overlay /proc/filesystems && ok "overlay" "in the kernel" || { modprobe -n overlay 2>/dev/null && ok "overlay" "as a module" || bad "overlay" "missing" "a kernel with CONFIG_OVERLAY_FS is needed"; }
if [ "${rights:-}" != rootless ]; then # which uses neither
  if [ -e /dev/loop-control ]; then ok "loop devices" "the disk of a sandbox is a bounded image"
  else note "loop devices" "missing" "modprobe loop; until then a sandbox's files are kept in memory (tmpfs), bounded as well"; fi
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in memory cpu pids; do
      grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers && ok "cgroup v2 $controller" "there" || bad "cgroup v2 $controller" "missing" "boot with cgroup_enable=$controller"
    done
  else
    for controller in memory cpu pids freezer; do
      grep -q " cgroup .*\b$controller\b" /proc/mounts && ok "cgroup v1 $controller" "mounted" || bad "cgroup v1 $controller" "not mounted" "mount the v1 controller, or use cgroup v2"
    done
  fi
fi

echo "Data in $data"
if [ -d "$data/templates/code-interpreter" ]; then ok "template" "code-interpreter, $(du -sh "$data/templates/code-interpreter" 2>/dev/null | cut -f1)"
else note "template" "not built yet" "./athenic run builds it (about two minutes)"; fi
parent=$data; while [ ! -d "$parent" ]; do parent=$(dirname "$parent"); done
free=$(df -Pk "$parent" | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -ge 4096 ]; then ok "disk" "$free MB free"; else bad "disk" "$free MB free" "4 GB are needed for the template and a few sandboxes"; fi
memory=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
if [ "$memory" -ge 1500 ]; then ok "memory" "$memory MB available"; else bad "memory" "$memory MB available" "1.5 GB are needed"; fi

echo "Server"
runtime=$(runtime_of "$data")
if [ -S "$runtime/roomd.sock" ]; then ok "roomd" "$runtime"; else note "roomd" "not running" "./athenic run starts it"; fi
port=4000
[ -r "$data/app/server.json" ] && port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$data/app/server.json")
if command -v curl >/dev/null && status=$(curl -fsS --max-time 5 "http://127.0.0.1:$port/health" 2>/dev/null); then ok "http://127.0.0.1:$port" "$status"
else note "http://127.0.0.1:$port" "no answer" "./athenic run starts the server"; fi
found=''
for key in ANTHROPIC_API_KEY OPENAI_API_KEY OPENAI_BASE_URL GEMINI_API_KEY OLLAMA_BASE_URL; do [ -n "${!key:-}" ] && found="$found $key"; done
if [ -n "$found" ]; then ok "model" "set:$found"
else note "model" "none configured: messages that carry code or a command run, the rest needs a model" "set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_BASE_URL before ./athenic run"; fi
exit $failed
