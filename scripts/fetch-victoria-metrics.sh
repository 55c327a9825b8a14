#!/bin/sh
# Build VictoriaMetrics, one node of it: an API like Prometheus's that is not Prometheus.
set -eu
. "$(dirname "$0")/go-server.sh"
version=1.122.0
module=github.com/VictoriaMetrics/VictoriaMetrics
go_server victoria-metrics "$version" 1.24.5 "$module@v$version" ./app/victoria-metrics \
    -ldflags "-s -w -X $module/lib/buildinfo.Version=v$version"
