# The life of ./athenic run: a server or a roomd that crashes is started again, while the other lives on. Sourced by start.sh.

MOST_RESTARTS=5 WITHIN_SECONDS=600 # more crashes in that time are no accident

# crashed STATUS: killed, or by a fault of its own; not an end that somebody asked for, nor one with a message (1, 2).
# 3 is -XX:+ExitOnOutOfMemoryError.
crashed() { case $1 in 3 | 13[4-79]) return 0 ;; *) return 1 ;; esac }

start_server() {
  (as_server "${java[@]}" serve --data "$app" --templates "$data/templates" --roomd "$runtime/roomd.sock" ${arguments[@]+"${arguments[@]}"} 9>&-) &
  server_pid=$!
}

is_alive() { [ -n "$1" ] && [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null)" != Z ]; }

# roomd_ended STATUS: says so, unless it was in order.
roomd_ended() {
  [ "$1" -ne 0 ] || return 0
  say "athenic: roomd ended (status $1). Its last words ($app/roomd.log):"
  tail -n 5 "$app/roomd.log" >&2
}

# Clients know the ports of the first life.
keep_ports() {
  local port e2b_port kept=() skip=''
  [ -r "$app/server.json" ] || return 0
  port=$(server_field port) e2b_port=$(server_field e2bPort)
  for argument in ${arguments[@]+"${arguments[@]}"}; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case $argument in
      --port | --e2b-port) skip=yes ;;
      --port=* | --e2b-port=*) ;;
      *) kept+=("$argument") ;;
    esac
  done
  arguments=(${kept[@]+"${kept[@]}"} --port "$port" --e2b-port "$e2b_port")
}

# before_restart WHAT STATUS: waits a little longer each time, or gives up.
before_restart() {
  local recent=() at pause=0
  for at in ${crashes[@]+"${crashes[@]}"}; do
    if [ $((SECONDS - at)) -lt $WITHIN_SECONDS ]; then recent+=("$at"); fi
  done
  if [ ${#recent[@]} -ge $MOST_RESTARTS ]; then
    say "athenic: $1 crashed (status $2), and it has been started again $MOST_RESTARTS times within $((WITHIN_SECONDS / 60)) minutes: giving up."
    say "  The reason should be above and in $app/roomd.log. Not enough memory is the usual one: ./athenic doctor tells what there is."
    exit 1
  fi
  if [ ${#recent[@]} -gt 0 ]; then pause=$((1 << (${#recent[@]} - 1))); fi
  crashes=(${recent[@]+"${recent[@]}"} "$SECONDS")
  say "athenic: $1 crashed (status $2): it is started again$([ $pause -gt 0 ] && printf ' in %d s' $pause || true)"
  sleep "$pause" 9>&- &
  pause_pid=$!
  wait "$pause_pid" || true
  pause_pid=''
}

# supervise: returns never; exits with the status of a server that has ended by itself.
supervise() {
  local ended status last
  crashes=()
  start_server
  while :; do
    status=0
    wait -n -p ended "$server_pid" "$roomd_pid" || status=$?
    if [ "${ended:-}" = "$roomd_pid" ]; then
      roomd_pid=''
      roomd_ended "$status"
      last=0
      wait "$server_pid" || last=$? # it notices by itself, and ends
      server_pid=''
      crashed "$status" || exit "$last"
      before_restart roomd "$status"
    else
      server_pid=''
      crashed "$status" || exit "$status"
      before_restart "the server" "$status"
    fi
    if [ -n "$roomd_pid" ] && ! is_alive "$roomd_pid"; then
      wait "$roomd_pid" || true
      roomd_pid=''
    fi
    [ -n "$roomd_pid" ] || start_roomd
    find "$app/tmp" -mindepth 1 -delete
    keep_ports
    start_server
  done
}
