#!/bin/sh
# Builds Google's in-memory Pub/Sub server from Debian's packages; nothing is fetched while it builds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
library=/usr/share/gocode/src/cloud.google.com/go/pubsub/pstest

if ! command -v go >/dev/null || [ ! -d "$library" ]; then
    echo "The Pub/Sub server is built from Debian's Go packages, and they are not here. On Debian or Ubuntu:" >&2
    echo "    sudo apt-get install --no-install-recommends golang-go golang-google-cloud-dev" >&2
    echo "Elsewhere run the emulator of the Google Cloud SDK and name it: export PUBSUB_EMULATOR_HOST=127.0.0.1:8085" >&2
    exit 1
fi
mkdir -p "$here/bin"
cd "$here"
GO111MODULE=off CGO_ENABLED=0 GOPATH=/usr/share/gocode GOFLAGS= go build -trimpath -o bin/pubsub-emulator main.go
echo "built $here/bin/pubsub-emulator; scenarios with services = [\"pubsub\"] find it there"
