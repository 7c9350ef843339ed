#!/usr/bin/env bash
# Builds the web UI when its sources are newer than the last build; called by Maven.
set -euo pipefail
cd "$(dirname "$0")"
[ -f package.json ] || { echo "web: no package.json" >&2; exit 1; }
stamp=$(find package.json package-lock.json index.html vite.config.* tsconfig*.json src public -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
[ -f dist/.stamp ] && [ "$(cat dist/.stamp)" = "$stamp" ] && exit 0
lock=$(sha256sum package-lock.json | cut -c1-64)
if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
  npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" > node_modules/.lock
fi
npm run --silent build
echo "$stamp" > dist/.stamp
