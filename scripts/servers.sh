#!/bin/sh
# Install the real servers the tests start. Where that is not allowed, say the line: their tests are skipped.
set -eu
. "$(dirname "$0")/apt.sh"
PATH=$PATH:/usr/sbin

missing=
need() {
    command -v "$1" >/dev/null || missing="$missing ${2:-$1}"
}
need redis-server
need redis-sentinel
need prometheus
need prometheus-alertmanager
need prometheus-node-exporter
need prometheus-redis-exporter
need prometheus-pushgateway
need nginx nginx-light
need etcd etcd-server
need nats-server
need pgbouncer
# Debian keeps the server itself out of PATH.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || need postgres postgresql
need dnsmasq dnsmasq-base
need openssl
need strace
need tmux
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    apt_install $missing || true
fi

# By itself, as its package has another name elsewhere, and one that is not found would cost all the others.
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null
then
    apt_install chromium || apt_install chromium-browser || true
fi
