#!/usr/bin/env bash
# What a newcomer gets: clones the last commit into an empty folder, with an empty npm cache and nobody to answer a
# question, and runs the README's commands and the CI's there. Prints what each took; ends with 1 at the first failure.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export npm_config_cache=$folder/npm-cache

step() {
  local started=$SECONDS
  printf '\n## %s\n' "$*"
  if "$@" </dev/null; then
    printf '## %s: %d s\n' "$*" $((SECONDS - started))
  else
    printf '## %s: failed after %d s\n' "$*" $((SECONDS - started))
    exit 1
  fi
}

# --no-local: a real clone, nothing shared with this checkout.
git clone --quiet --no-local "$project" "$folder/waylaid"
cd "$folder/waylaid"
step npm start -- --version
step npm start
step npm test
step .ci/run
[ -z "$(git status --porcelain)" ] || {
  echo "## the commands left files behind:"
  git status --short
  exit 1
}
