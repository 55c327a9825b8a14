#!/bin/sh
# Build Temporal's command line program, whose `server start-dev` is a whole Temporal, once, into a cache.
# Where that cannot be done, say how it could: the tests that need it are skipped. No C compiler is needed.
set -eu
version=1.5.1   # later ones replace modules in their go.mod, which `go install` refuses
needs=1.25      # the Go of its go.mod
cache=${CONTROLROOM_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/controlroom/servers}
folder=$cache/temporal-$version

# What is missing fails nobody, unless everything must be there.
without() {
    echo "temporal $version is not there: $1" >&2
    if [ "${CONTROLROOM_REQUIRE_SERVERS:-}" = 1 ]; then exit 1; fi
    exit 0
}

if [ -x "$folder/temporal" ]; then exit 0; fi
if ! command -v go >/dev/null; then without "install Go $needs or newer (https://go.dev/dl/), then run: sh scripts/fetch-temporal.sh"; fi
found=$(GOTOOLCHAIN=local go env GOVERSION)
oldest=$(printf 'go%s\n%s\n' "$needs" "$found" | sort -V | head -n 1)
if [ "$oldest" != "go$needs" ]; then without "it needs Go $needs or newer, and this is $found (https://go.dev/dl/)"; fi

# Beside its place, so that moving it there is one step and nobody sees half of it.
mkdir -p "$folder"
new=$(mktemp -d "$folder/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM HUP
echo "building temporal $version, once, which takes some minutes ..." >&2
cd "$new"  # away from anybody's module or workspace
unset GOOS GOARCH
if ! GOTOOLCHAIN=local GOWORK=off GO111MODULE=on CGO_ENABLED=0 GOBIN=$new \
    go install -trimpath -p 2 -ldflags "-s -w" "github.com/temporalio/cli/cmd/temporal@v$version" \
    >"$new/log" 2>&1; then
    tail -n 5 "$new/log" >&2
    without "its build failed; with a way to a Go module proxy run: sh scripts/fetch-temporal.sh"
fi
mv -f "$new/temporal" "$folder/temporal"
