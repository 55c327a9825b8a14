#!/bin/sh
# Fetch the jars of Apache Kafka from Maven Central once, into a cache (45 MB).
# Where that cannot be done, say how it could: the tests that need it are skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/apt.sh"
version=$(sed -n '/kafka_2.13/{n;s/.*<version>\(.*\)<.*/\1/p;}' "$here/kafka-server/pom.xml")
needs=17   # the Java of its classes
cache=${CONTROLROOM_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/controlroom/servers}
folder=$cache/kafka-$version

# What is missing fails nobody, unless everything must be there.
without() {
    echo "kafka $version is not there: $1" >&2
    if [ "${CONTROLROOM_REQUIRE_SERVERS:-}" = 1 ]; then exit 1; fi
    exit 0
}

missing=
command -v java >/dev/null || missing=default-jre-headless
if [ ! -d "$folder" ]; then command -v mvn >/dev/null || missing="$missing maven"; fi
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    apt_install $missing || without "install$missing, then run: sh scripts/fetch-kafka.sh"
fi
found=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
if [ "${found:-0}" -lt "$needs" ]; then without "it needs Java $needs or newer, and this is ${found:-none}"; fi
if [ -d "$folder" ]; then exit 0; fi

# Beside its place, so that moving it there is one step and nobody sees half of it.
mkdir -p "$cache"
new=$(mktemp -d "$cache/kafka-new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$new"
mkdir "$new/jars"
if ! mvn -q -B -f "$here/kafka-server/pom.xml" dependency:copy-dependencies \
    "-DoutputDirectory=$new/jars" "-DbuildDirectory=$new" -DincludeScope=runtime >"$new/log" 2>&1; then
    tail -n 5 "$new/log" >&2
    without "its jars could not be fetched; with a way to Maven Central run: sh scripts/fetch-kafka.sh"
fi
# Another run may have been quicker; then this one is not needed.
if mv -T "$new/jars" "$folder" 2>/dev/null || [ -d "$folder" ]; then
    echo "kafka $version is in $folder"
fi
