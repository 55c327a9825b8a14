#!/bin/sh
# Build Temporal's command line program, whose `server start-dev` is a whole Temporal, once, into a cache.
set -eu
. "$(dirname "$0")/go-server.sh"

go_server temporal 1.5.1 1.25 github.com/temporalio/cli@v1.5.1 ./cmd/temporal -ldflags "-s -w"
