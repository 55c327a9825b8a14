#!/bin/sh
# usage: venv.sh PYTHON FOLDER - make a virtual environment, or say what is missing.
set -eu
python=$1
folder=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "controlroom needs Python 3.11 or newer: make PYTHON=python3.12 run" >&2
    exit 2
}
"$python" -m venv "$folder" 2>/dev/null && exit 0

# Debian ships ensurepip in a package of its own.
rm -rf "$folder"
. "$(dirname "$0")/apt.sh"
apt_install python3-venv
exec "$python" -m venv "$folder"
