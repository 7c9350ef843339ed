# Athenic without root's rights: docs/adr/0014-rootless.md. Sourced by common.sh.

# choose_rights: sets `rights` to root, sudo or rootless. Before anything else is done for a command that makes sandboxes.
choose_rights() {
  [ -z "${rights:-}" ] || return 0
  if is_root; then
    [ -z "${rootless:-}" ] || die "--rootless is for ordinary users: you are root, who needs no user namespace"
    rights=root
  elif [ -n "${rootless:-}" ]; then rights=rootless
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then rights=sudo
  elif made_by_root; then
    # Sandboxes of root's roomd are in this folder: as an ordinary user it is of no use.
    command -v sudo >/dev/null && sudo -v || die "$data was made with root's rights, which you have not: choose another folder with --data"
    rights=sudo
  else
    rights=rootless
    say "Without root's rights (sudo asks for a password or is missing): rootless. With them isolation is stronger:  sudo ./athenic run"
  fi
  if [ "$rights" != rootless ] && [ -d "$data/templates" ] && ! made_by_root; then
    die "$data was made without root's rights: go on as its user with --rootless, or choose another folder with --data"
  fi
  if [ "$rights" = rootless ] && made_by_root; then
    die "$data was made with root's rights: choose another folder for --rootless with --data"
  fi
}

# Does root own what roomd keeps in the data directory?
made_by_root() {
  local part
  for part in sandboxes templates; do
    if [ -d "$data/$part" ] && [ "$(stat -c %u "$data/$part")" = 0 ]; then return 0; fi
  done
  return 1
}

# in_namespace roomd|build COMMAND...: as root of a user namespace of its own, under which everything ends with this script.
in_namespace() {
  local kind=$1
  shift
  "${PYTHON[@]}" "$GUEST/rootless.py" "$kind" -- "$@"
}

# What a user namespace needs; says what root has to do once where something is missing.
need_namespaces() {
  need_packages "sandboxes without root" python3 mmdebstrap libseccomp2 util-linux uidmap
  "${PYTHON[@]}" "$GUEST/rootless.py" check || exit 1
}

# The place of the sockets' folders, which only this user can enter. Short: a unix socket's path has 107 bytes, roomd's folder 48.
rootless_runtime() {
  local base=${XDG_RUNTIME_DIR:-}
  if [ -n "$base" ] && [ "${#base}" -le 26 ] && [ "$(stat -c '%u %a' "$base" 2>/dev/null)" = "$(id -u) 700" ]; then
    base=$base/athenic
  else
    base=/tmp/athenic-$(id -u)
  fi
  printf %s "$base"
}

# Does this user have a systemd that gives control groups away? With them sandboxes are limited as with root's rights.
delegates_groups() {
  [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/systemd/private" ] && command -v systemd-run >/dev/null &&
    systemd-run --user --scope --quiet --collect -p Delegate=yes -- true 2>/dev/null
}

make_rootless_runtime() {
  local base
  base=$(dirname "$runtime")
  mkdir -m 0700 "$base" 2>/dev/null || true
  # In /tmp anybody may have made it before us.
  [ ! -L "$base" ] && [ "$(stat -c '%u %a' "$base" 2>/dev/null)" = "$(id -u) 700" ] ||
    die "$base must be a folder of yours that nobody else can enter: remove it, then run the same command again"
}
