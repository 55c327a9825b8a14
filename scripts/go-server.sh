# go_server NAME VERSION GO MODULE@VERSION PACKAGE [BUILD ARGUMENT...]: build a server once, into the cache of
# servers, as NAME-VERSION/NAME, with a Go that is GO or newer. No C compiler is needed.
# Where that cannot be done, say how it could: the tests that need it are skipped.
go_server() {
    name=$1 version=$2 needs=$3 module=$4 package=$5
    shift 5
    cache=${CONTROLROOM_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/controlroom/servers}
    folder=$cache/$name-$version
    again="run: sh scripts/fetch-$name.sh"

    if [ -x "$folder/$name" ]; then exit 0; fi
    if ! command -v go >/dev/null; then without "install Go $needs or newer (https://go.dev/dl/), then $again"; fi
    found=$(GOTOOLCHAIN=local go env GOVERSION)
    oldest=$(printf 'go%s\n%s\n' "$needs" "$found" | sort -V | head -n 1)
    if [ "$oldest" != "go$needs" ]; then without "it needs Go $needs or newer, and this is $found (https://go.dev/dl/)"; fi

    # Beside its place, so that moving it there is one step and nobody sees half of it.
    mkdir -p "$folder"
    new=$(mktemp -d "$folder/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT TERM HUP
    echo "building $name $version, once, which takes some minutes ..." >&2
    if ! build "$@" >"$new/log" 2>&1; then
        tail -n 5 "$new/log" >&2
        without "its build failed; with a way to a Go module proxy $again"
    fi
    mv -f "$new/$name" "$folder/$name"
}

# What is missing fails nobody, unless everything must be there.
without() {
    echo "$name $version is not there: $1" >&2
    if [ "${CONTROLROOM_REQUIRE_SERVERS:-}" = 1 ]; then exit 1; fi
    exit 0
}

# Where a go.mod excludes or replaces modules `go install` refuses: it is built where Go has unpacked it.
build() {
    unset GOOS GOARCH
    export GOTOOLCHAIN=local GOWORK=off GO111MODULE=on CGO_ENABLED=0
    cd "$new" || return 1  # away from anybody's module
    if ! go mod download -json "$module" >module; then cat module; return 1; fi
    cd "$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p' module)" || return 1
    go build -mod=readonly -buildvcs=false -trimpath -p 2 "$@" -o "$new/$name" "$package"
}
