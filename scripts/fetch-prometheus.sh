#!/bin/sh
# Build Prometheus 3: what systems bring as a package is often still a 2. Without the pages of its web interface,
# which need Node, and without the service discoveries, which bring half of the world's clouds along.
set -eu
. "$(dirname "$0")/go-server.sh"
version=3.11.3
go_server prometheus "$version" 1.25 github.com/prometheus/prometheus@v0.311.3 ./cmd/prometheus \
    -tags netgo,remove_all_sd -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version"
