#!/bin/sh
# Resolves the requirements again: exact versions with hashes, no index address. Needs uv.
set -eu
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --group build --all-extras --universal --python-version 3.11 --upgrade \
    --generate-hashes --no-header --no-annotate -q -o requirements/runtime.txt
uv pip compile pyproject.toml --group build --group dev --all-extras -c requirements/runtime.txt --universal \
    --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate -q -o requirements/dev.txt
uv pip compile --group docs -c requirements/runtime.txt --universal --python-version 3.11 --upgrade \
    --generate-hashes --no-header --no-annotate -q -o requirements/docs.txt
