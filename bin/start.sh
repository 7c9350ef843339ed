#!/usr/bin/env bash
# run, ask, exec, env and template: build what is missing, start roomd (root, or in a user namespace) and the server (never root), clean up at the end.
# train is this script's own: see learn.
set -euo pipefail
: "${ATHENIC_HOME:=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)}"
. "$ATHENIC_HOME/bin/common.sh"
. "$ATHENIC_HOME/bin/supervise.sh"

command=$1
shift
take_data "$@"
app=$data/app             # owned by the server's user: database, spilled output, key, logs

# as_server COMMAND...: with the server's account, without any privilege, ended when this script ends.
as_server() {
  if is_root; then
    exec setpriv --reuid="$ATHENIC_USER" --regid="$ATHENIC_USER" --clear-groups --inh-caps=-all --bounding-set=-all \
      --no-new-privs --pdeathsig=TERM -- "$@"
  else
    exec setpriv --pdeathsig=TERM -- "$@"
  fi
}

prepare_data() {
  if is_root; then
    getent passwd "$ATHENIC_USER" >/dev/null ||
      useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$ATHENIC_USER"
    install -d -m 0711 "$data" "$data/lib"
    install -d -m 0700 -o "$ATHENIC_USER" -g "$ATHENIC_USER" "$app" "$app/tmp"
    server_uid=$(id -u "$ATHENIC_USER") server_gid=$(id -g "$ATHENIC_USER")
  else
    [ -d "$data" ] || mkdir -p "$data" 2>/dev/null || as_root mkdir -p "$data" || die "cannot make $data"
    [ -w "$data" ] || as_root chown "$(id -u):$(id -g)" "$data"
    mkdir -p "$data/lib" && mkdir -p -m 0700 "$app" "$app/tmp"
    server_uid=$(id -u) server_gid=$(id -g)
  fi
  if [ ! -s "$app/api-key" ]; then
    (umask 077 && printf 'e2b_%s\n' "$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')" >"$app/api-key")
    is_root && chown "$ATHENIC_USER:$ATHENIC_USER" "$app/api-key"
  fi
  return 0
}

# The running server of this data directory, if there is one: prints its file (JSON) and returns 0.
running_server() {
  local file=$app/server.json pid
  [ -r "$file" ] || return 1
  pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$file")
  [ -n "$pid" ] && [ -d "/proc/$pid" ] && grep -qa athenic "/proc/$pid/cmdline"
}
server_field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$app/server.json"; }

# The server runs a copy of the jar that its account can read and that a rebuild does not change under it.
install_jar() {
  jar=$data/lib/athenic.jar
  if [ ! -f "$jar" ] || [ "$JAR" -nt "$jar" ]; then
    rm -f "$data/lib/athenic.aot"
    cp "$JAR" "$jar.new" && touch -r "$JAR" "$jar.new" && chmod 0644 "$jar.new" && mv "$jar.new" "$jar"
  fi
}

# What the JVM learns in a short run of its own (JEP 483, JEP 515) halves the time to the next starts and the work for the first requests.
# That depends on the jar and on the JDK, so it is kept beside the jar, for all data folders.
learn() {
  local kept log=$data/lib/learn.log school=$data/lib/school
  kept=${JAR%.jar}-$(cksum <"$JAVA_HOME/release" | cut -d ' ' -f 1).aot
  if [ ! "$kept" -nt "$JAR" ]; then
    [ -w "$(dirname "$JAR")" ] || return 0
    say "Learning to start fast (once for each build) ..."
    leave_school # of a launcher that was killed
    mkdir -p "$school/templates"
    chmod 0711 "$school"
    ln -sfn "$(realpath "$data/templates/code-interpreter")" "$school/templates/code-interpreter"
    # Of the environment nothing: neither somebody's model nor E2B itself has a part in this.
    env -i PATH="$PATH" HOME="$HOME" JAVA_HOME="$JAVA_HOME" "$ATHENIC_HOME/bin/start.sh" train --data "$school" ${rootless:+--rootless} >"$log" 2>&1 9>&- &
    school_pid=$!
    if wait "$school_pid"; then
      school_pid=''
      cp "$school/app/tmp/athenic.aot" "$kept.$$" && mv "$kept.$$" "$kept"
    else
      school_pid=''
      say "The server could not learn: it starts more slowly. $log says why."
    fi
    leave_school
  fi
  if [ "$kept" -nt "$data/lib/athenic.aot" ]; then
    cp "$kept" "$data/lib/athenic.aot.new" && chmod 0644 "$data/lib/athenic.aot.new" && mv "$data/lib/athenic.aot.new" "$data/lib/athenic.aot"
  fi
  return 0
}

leave_school() {
  [ -n "$school_pid" ] && kill -TERM "$school_pid" 2>/dev/null && wait "$school_pid" 2>/dev/null
  [ -d "$data/lib/school" ] && { as_root rm -rf "$data/lib/school" 2>/dev/null || rm -rf "$data/lib/school" || true; }
  school_pid=''
  return 0
}

java_command() {
  local aot=$data/lib/athenic.aot
  # What a request leaves is garbage soon, so a small young generation does: with the JVM's own choice the process grew by 100 MB in 1,000 creates.
  # The compilers begin early, and give way to requests: at the same priority one that came found a processor busy compiling, often for its whole slice.
  printf '%s\n' "$JAVA_HOME/bin/java" -XX:CompileThresholdScaling=0.5 -XX:ThreadPriorityPolicy=1 -XX:CompilerThreadPriority=10 -XX:-PrintWarnings
  printf '%s\n' -Xmx768m -XX:MaxNewSize=48m -XX:+ExitOnOutOfMemoryError -XX:+UseCompactObjectHeaders -Xlog:disable -Xlog:all=warning:stderr
  if [ "$command" = train ]; then printf '%s\n' "-XX:AOTCacheOutput=$app/tmp/athenic.aot"; elif [ -f "$aot" ]; then printf '%s\n' "-XX:AOTCache=$aot"; fi
  printf '%s\n' \
    --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    "-Djava.io.tmpdir=$app/tmp" -Dfile.encoding=UTF-8 -jar "$jar"
}

roomd_pid='' server_pid='' pause_pid='' school_pid=''
stop_all() {
  trap '' INT TERM HUP
  set +e # a process that is gone already, or ends with a status, must not end the clean-up
  leave_school
  [ -n "$pause_pid" ] && kill "$pause_pid" 2>/dev/null
  # A JVM that is asked to end would first write down what it has learnt.
  [ -n "$server_pid" ] && kill -"$([ "$command" = train ] && echo KILL || echo TERM)" "$server_pid" 2>/dev/null
  [ -n "$server_pid" ] && wait "$server_pid" 2>/dev/null
  # roomd ends by itself when the server says so; TERM is for the case that there is none.
  [ -n "$roomd_pid" ] && if [ "${rights:-}" = rootless ]; then kill -TERM "$roomd_pid"; else as_root kill -TERM "$roomd_pid"; fi 2>/dev/null
  [ -n "$roomd_pid" ] && wait "$roomd_pid" 2>/dev/null
  rm -f "$app/server.json" 2>/dev/null
  [ "${rights:-}" = rootless ] && rmdir "$(dirname "$runtime")" 2>/dev/null # when no other Athenic of this user runs
  return 0
}

start_roomd() {
  if [ "${rights:-}" = rootless ]; then
    make_rootless_runtime
    local scope=()
    delegates_groups && scope=(systemd-run --user --scope --quiet --collect -p Delegate=yes --)
    # 0 is this user there, the only one who may connect.
    ${scope[@]+"${scope[@]}"} env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "${PYTHON[@]}" "$GUEST/rootless.py" roomd -- "${PYTHON[@]}" "$GUEST/roomd.py" \
      --data "$data" --runtime "$runtime" --uid 0 --gid 0 --rootless 9>&- >>"$app/roomd.log" 2>&1 &
    roomd_pid=$!
    return
  fi
  as_root install -d -m 0711 /run/athenic "$runtime"
  local roomd=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "${PYTHON[@]}" "$GUEST/roomd.py" --data "$data" --runtime "$runtime" --uid "$server_uid" --gid "$server_gid")
  is_root || roomd=(sudo "${roomd[@]}")
  "${roomd[@]}" 9>&- >>"$app/roomd.log" 2>&1 &
  roomd_pid=$!
}

# One launcher for one data directory: the lock ends with this script, however it ends.
lock_data() {
  exec 9>"$data/lib/lock"
  flock -n 9 || die "Athenic already runs with $data$(running_server && printf ' at http://127.0.0.1:%s' "$(server_field port)"). Stop it first, or choose another folder with --data."
}

# The client runs as whoever called: it reads their files. It knows the server by E2B's variables.
template_client() {
  E2B_API_URL=http://127.0.0.1:$(server_field e2bPort) E2B_API_KEY=$(cat "$app/api-key") exec "$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -jar "$jar" \
    template "${arguments[@]}"
}

# A definition that starts from debian needs that base.
need_base() {
  [ "${arguments[0]}" = build ] || return 0
  local argument
  for argument in "${arguments[@]:1}"; do
    if [ -f "$argument" ] && grep -Eq "^[[:space:]]*from[[:space:]]*=[[:space:]]*[\"']debian[\"']" "$argument"; then
      choose_rights
      need_sandbox_tools
      need_template "$data" debian
      return
    fi
  done
}

case $command in
  env)
    prepare_data
    port=4002
    running_server && port=$(server_field e2bPort)
    key=$(cat "$app/api-key")
    printf 'export E2B_API_KEY=%s\nexport E2B_API_URL=http://127.0.0.1:%s\nexport E2B_SANDBOX_URL=http://127.0.0.1:%s\n' "$key" "$port" "$port"
    exit 0
    ;;
  ask | exec)
    [ ${#arguments[@]} -gt 0 ] || die "$command: nothing to ${command}. ./athenic help shows how it is called."
    if [ "$command" = exec ]; then # the server's account may not read the user's file: pass its text
      file='' rest=()
      for argument in "${arguments[@]}"; do
        if [ -z "$file" ] && { [ "$argument" = - ] || [ -e "$argument" ]; }; then file=$argument; else rest+=("$argument"); fi
      done
      [ -n "$file" ] || die "exec: no such file: ${arguments[0]}"
      arguments=(--name "$(basename -- "$file")" ${rest[@]+"${rest[@]}"})
      [ "$file" = - ] || exec <"$file"
    fi
    need_jar
    prepare_data
    install_jar
    mapfile -t java < <(java_command)
    if running_server; then
      exec "${java[@]}" "$command" --url "http://127.0.0.1:$(server_field port)" "${arguments[@]}"
    fi
    ;;
  template)
    [ ${#arguments[@]} -gt 0 ] || die "template: build FILE, list, or delete NAME"
    need_jar
    prepare_data
    install_jar
    mapfile -t java < <(java_command)
    need_base
    if running_server; then template_client; fi
    ;;
  run | train) ;;
  *) die "unknown command: $command" ;;
esac

choose_rights
runtime=$(runtime_of "$data")
need_jar
need_sandbox_tools
need_template "$data"
prepare_data
install_jar
lock_data
trap 'stop_all; exit 130' INT
trap 'stop_all; exit 143' TERM HUP
trap stop_all EXIT
if [ "$command" = run ]; then learn; fi
find "$app/tmp" -mindepth 1 -delete # what a killed server left
mapfile -t java < <(java_command)
start_roomd
if [ "$command" = template ]; then
  (as_server "${java[@]}" serve --data "$app" --templates "$data/templates" --roomd "$runtime/roomd.sock" --port 0 --e2b-port 0 9>&- >/dev/null 2>>"$app/server.log") &
  server_pid=$!
  until running_server; do
    kill -0 "$server_pid" 2>/dev/null && kill -0 "$roomd_pid" 2>/dev/null || die "the server did not start: $app/server.log and roomd.log say why"
    sleep 0.1
  done
  status=0
  (template_client 9>&-) || status=$?
  exit "$status"
fi
if [ "$command" = run ]; then
  supervise
else
  # An asynchronous command would read from /dev/null: hand it this script's own input.
  exec 8<&0
  (as_server "${java[@]}" "$command" --data "$app" --templates "$data/templates" --roomd "$runtime/roomd.sock" "${arguments[@]}" <&8 8<&- 9>&-) &
fi
server_pid=$!
status=0
wait -n -p ended "$server_pid" "$roomd_pid" || status=$?
if [ "${ended:-}" = "$roomd_pid" ]; then # the server notices by itself, and ends: its status counts
  roomd_ended "$status"
  roomd_pid=''
  status=0
  wait "$server_pid" || status=$?
  ended=$server_pid
fi
[ "${ended:-}" = "$server_pid" ] && server_pid=''
exit "$status"
