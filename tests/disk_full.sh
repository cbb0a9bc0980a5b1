#!/bin/sh
# Fills a real disk under the store, and frees it again. Needs root, for a file system of 8 MiB in
# memory, and takes half a minute. DIRECTORY may name a small file system instead: then it needs no root.
#   tests/disk_full.sh [DIRECTORY]
set -eu
cd "$(dirname "$0")/.."
disk=${1:-}
if [ -z "$disk" ]; then
    disk=$(mktemp -d)
    trap 'umount "$disk" 2>/dev/null; rmdir "$disk"' EXIT
    mount -t tmpfs -o size=8m groupkeeper-small "$disk"
fi
SMALL_DISK=$disk cargo test --test it disk_full -- --ignored --test-threads=1
