# Shared by the commands of ./athenic: where things are, and how to get what is missing.
# Sourced, never executed. Expects ATHENIC_HOME.

ATHENIC_USER=athenic   # the server's account where the launcher is root
MAVEN_VERSION=3.9.12   # bootstrapped where the system's Maven is older than 3.9

rights='' # see choose_rights
. "$ATHENIC_HOME/bin/rootless.sh"

say() { printf '%s\n' "$*" >&2; }
die() { say "athenic: $*"; exit 1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# as_root COMMAND...: runs it with root's rights, or says that it cannot.
as_root() {
  if is_root; then "$@"
  elif [ "${rights:-}" != rootless ] && command -v sudo >/dev/null; then sudo "$@"
  else return 126
  fi
}

default_data() {
  if [ -n "${ATHENIC_DATA:-}" ]; then echo "$ATHENIC_DATA"
  elif is_root; then echo /var/lib/athenic
  else echo "${XDG_DATA_HOME:-$HOME/.local/share}/athenic"
  fi
}

# take_data ARGUMENT...: sets `data` (its real path) from --data or the default, `rootless` by --rootless, and `arguments` to all others.
take_data() {
  data=$(default_data)
  rootless=''
  arguments=()
  while [ $# -gt 0 ]; do
    case $1 in
      --data)
        [ $# -ge 2 ] || die "--data needs a folder"
        data=$2
        shift
        ;;
      --data=*) data=${1#--data=} ;;
      --rootless) rootless=yes ;;
      --)
        arguments+=("$@")
        break
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  data=$(realpath -m "$data")
}

runtime_base() { if [ "${rights:-}" = rootless ]; then rootless_runtime; else printf /run/athenic; fi; }

# The socket folder of a data directory; docs/PROTOCOL.md, section 2. Short, since a unix socket's path has 107 bytes.
runtime_of() { printf '%s/%s' "$(runtime_base)" "$(printf %s "$(realpath -m "$1")" | sha256sum | cut -c1-12)"; }

cache_dir() {
  local dir
  if is_root; then dir=/var/cache/athenic; else dir="${XDG_CACHE_HOME:-$HOME/.cache}/athenic"; fi
  mkdir -p "$dir" && echo "$dir"
}

# need_packages "why" PACKAGE...: installs Debian packages, or says exactly what to install.
need_packages() {
  local why=$1
  shift
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "$why needs: ${missing[*]}. This is not a Debian or Ubuntu machine: install them with its package manager."
  say "Installing ${missing[*]} ($why) ..."
  local log
  log=$(mktemp)
  if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
    { as_root apt-get update >>"$log" 2>&1
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; }; }; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    die "could not install ${missing[*]}. Install them yourself:  sudo apt-get install ${missing[*]}"
  fi
  rm -f "$log"
}

java_major() { "$1/bin/java" -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = //p'; }

# find_java: sets JAVA_HOME to a JDK 25, or returns 1.
find_java() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*25* /opt/*jdk*25*; do
    if [ -x "$home/bin/javac" ] && [ "$(java_major "$home")" = 25 ]; then
      export JAVA_HOME=$home
      return 0
    fi
  done
  return 1
}

need_java() {
  find_java && return 0
  if command -v apt-cache >/dev/null && { apt-cache show openjdk-25-jdk-headless >/dev/null 2>&1 ||
    { as_root apt-get update >/dev/null 2>&1 && apt-cache show openjdk-25-jdk-headless >/dev/null 2>&1; }; }; then
    need_packages "JDK 25" openjdk-25-jdk-headless
    find_java && return 0
  fi
  die "no JDK 25 was found (looked at JAVA_HOME and /usr/lib/jvm), and this system's packages have none.
  Install one, for example Eclipse Temurin 25 (https://adoptium.net), and set JAVA_HOME to its folder."
}

version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# need_maven: sets MVN to a Maven of at least 3.9. An older one is only used to fetch the newer.
need_maven() {
  command -v mvn >/dev/null || need_packages "the build" maven
  local version own
  version=$(mvn --version 2>/dev/null | sed -n 's/.*Apache Maven \([0-9.]*\).*/\1/p' | head -n 1)
  if version_at_least "${version:-0}" 3.9; then
    MVN=$(command -v mvn)
    return 0
  fi
  own=$(cache_dir)/apache-maven-$MAVEN_VERSION
  if [ ! -f "$own/bin/mvn" ]; then
    say "Fetching Maven $MAVEN_VERSION (this machine has ${version:-none}; the build needs 3.9) ..."
    mvn -q -B dependency:unpack -Dartifact="org.apache.maven:apache-maven:$MAVEN_VERSION:zip:bin" -DoutputDirectory="$(dirname "$own")" >/dev/null 2>&1 ||
      die "could not fetch Maven $MAVEN_VERSION. Install Maven 3.9 or newer and put it on the PATH."
  fi
  chmod +x "$own/bin/mvn"
  MVN=$own/bin/mvn
}

# need_node: puts a Node.js that Vite accepts (>= 20.19) first on the PATH.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || need_packages "the web UI" nodejs npm
  local version
  version=$(node --version | tr -d v)
  if version_at_least "$version" 20.19; then return 0; fi
  local own
  own=$(cache_dir)/node22
  if [ ! -x "$own/node_modules/node/bin/node" ]; then
    say "Fetching Node.js 22 through npm (this machine has $version; the web UI's build needs 20.19) ..."
    npm install --prefix "$own" --no-audit --no-fund --loglevel=error node@22 >/dev/null ||
      die "could not fetch Node.js 22 through npm. Install Node.js 20.19 or newer."
  fi
  export PATH=$own/node_modules/node/bin:$PATH
}

need_sandbox_tools() {
  if [ "${rights:-}" = rootless ]; then
    need_namespaces
    return
  fi
  need_packages "sandboxes" python3 mmdebstrap e2fsprogs libseccomp2 util-linux
}

JAR=$ATHENIC_HOME/server/target/athenic.jar

# Is any file that the jar is made of newer than the jar?
jar_is_stale() {
  [ -f "$JAR" ] || return 0
  [ -n "$(find "$ATHENIC_HOME/pom.xml" "$ATHENIC_HOME"/*/pom.xml "$ATHENIC_HOME"/*/src/main "$ATHENIC_HOME"/web/src \
    "$ATHENIC_HOME"/web/package-lock.json "$ATHENIC_HOME"/web/index.html \
    -name __pycache__ -prune -o -type f -newer "$JAR" -print -quit 2>/dev/null)" ]
}

# bar PERCENT: twenty cells.
bar() {
  local full=$(($1 / 5)) cells='####################' empty='....................'
  printf '[%s%s] %3d %%' "${cells:0:full}" "${empty:0:20-full}" "$1"
}

# progress LABEL LOG COMMAND...: runs a Maven build with its output in LOG; on a terminal a bar moves with Maven's own "[3/10]".
progress() {
  local label=$1 log=$2
  shift 2
  "$@" >"$log" 2>&1 &
  local pid=$! start=$SECONDS step
  if [ -t 2 ]; then
    while kill -0 $pid 2>/dev/null; do
      step=$(grep -o '\[[0-9]*/[0-9]*\]' "$log" | tail -n 1 | tr -d '[]')
      step=${step:-1/1}
      printf '\r\033[K%s  %s  %d s' "$label" "$(bar $(((${step%/*} - 1) * 100 / ${step#*/})))" $((SECONDS - start)) >&2
      sleep 0.3
    done
    printf '\r\033[K' >&2
  else
    say "$label ..."
  fi
  if wait $pid; then
    say "$label: done in $((SECONDS - start)) s"
  else
    tail -n 30 "$log" >&2
    die "$label failed; the whole log is $log"
  fi
}

need_jar() {
  need_java
  jar_is_stale || return 0
  if [ -f "$JAR" ] && [ ! -w "$ATHENIC_HOME/server/target" ]; then
    [ -n "${told_stale:-}" ] || say "Not building: $ATHENIC_HOME is not yours. Its jar is older than its sources."
    told_stale=yes
    return 0
  fi
  need_maven
  need_node
  mkdir -p "$ATHENIC_HOME/server/target"
  progress "Building Athenic" "$ATHENIC_HOME/server/target/build.log" \
    "$MVN" -B -ntp -f "$ATHENIC_HOME/pom.xml" -pl server -am package -DskipTests
  touch "$JAR"
}

GUEST=$ATHENIC_HOME/engine/src/main/guest
# The system's own: a user's pyenv or conda must not decide what runs as root. -B: nothing is written into the clone.
PYTHON=(/usr/bin/python3 -I -B)

# The template of that name in the data folder, made at its first use.
need_template() {
  local name=${2:-code-interpreter}
  if [ "${rights:-}" = rootless ]; then
    mkdir -p "$1"
    in_namespace build "${PYTHON[@]}" "$GUEST/template.py" build --data "$1" --name "$name" >/dev/null || die "the template could not be built (see above); running the same command again goes on where it stopped"
    return
  fi
  as_root mkdir -p "$1"
  as_root "${PYTHON[@]}" "$GUEST/template.py" build --data "$1" --name "$name" >/dev/null || die "the template could not be built (see above); running the same command again goes on where it stopped"
}
