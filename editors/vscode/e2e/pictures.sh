#!/usr/bin/env bash
# Copies the pictures that the story "places" left behind to where the README and the walkthrough show them.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
shots="${XDG_CACHE_HOME:-$HOME/.cache}/mazu-ls-e2e/vscode/places"
docs="$here/../../docs/vscode"
mkdir -p "$docs" "$here/media/walkthrough"
for theme in light dark; do
  for name in question council time-machine memory; do
    cp "$shots"/*-"$name-$theme.png" "$docs/$name-$theme.png"
    cp "$docs/$name-$theme.png" "$here/media/walkthrough/$name-$theme.png"
  done
done
