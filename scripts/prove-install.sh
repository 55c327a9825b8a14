#!/usr/bin/env bash
# A fresh clone builds a wheel; a fresh environment outside the checkout installs and starts it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git clone -q "$root" "$work/clone"
sh "$work/clone/scripts/venv.sh" "${PYTHON:-python3}" "$work/venv"
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check "$work/clone"
rm -rf "$work/clone"

cd "$work"
export HOME="$work/home" XDG_CONFIG_HOME= XDG_STATE_HOME= XDG_CACHE_HOME=
mkdir -p "$HOME"
room="$work/venv/bin/controlroom"
"$room" --version
"$room" themes list
sh "$root/scripts/servers.sh"
"$room" lab -- calendar today
# 1 is an answer too: the example promises a metric that nobody exports.
"$room" lab -- snapshot --plain >snapshot.txt || [ $? = 1 ]
head -n 5 snapshot.txt
# Without the extras their kinds say which line brings them, and nothing else is lost.
cat >extras.toml <<'TOML'
[[services]]
kind = "kafka"
url = "127.0.0.1:9"
[[services]]
kind = "postgres"
url = "postgres://room@127.0.0.1:9/app"
TOML
"$room" --config extras.toml services >extras.txt || [ $? = 1 ]
grep -F "pip install 'controlroom[kafka]'" extras.txt
grep -F "pip install 'controlroom[postgres]'" extras.txt
if "$room" </dev/null >/dev/null 2>refused.txt; then
    echo "the room opened without a terminal" >&2
    exit 1
fi
cat refused.txt
