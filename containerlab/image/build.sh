#!/bin/bash
# Builds the images of the topologies: ain (the router), ain-vm, ain-frr. `containerlab/image/build.sh [TAG]`, default latest.
#
# The base is debian:bookworm-slim. Where no registry can be reached, or with AIN_BASE=debootstrap, it is made from Debian's
# packages instead (debootstrap's smallest variant, from the mirror that apt is set up with). AIN_BASE=IMAGE takes another.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$here/../..
tag=${1:-latest}
base=${AIN_BASE:-debian:bookworm-slim}

say() { echo "build.sh: $*"; }
fail() { echo "build.sh: $*" >&2; exit 1; }

docker info > /dev/null 2>&1 || fail "no Docker daemon answers (containerlab/setup.sh installs one; DOCKER_HOST says which)"

folder=$(mktemp -d /var/tmp/ain-image.XXXXXX)
trap 'rm -rf "$folder"' EXIT
tell_and_fail() { tail -20 "$folder/log" >&2; fail "that did not work"; }

# The mirror of the first Debian source of apt's; nothing where apt has none: debootstrap then takes its own.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2> /dev/null | grep -m1 debian || true
}

make_base() {
  base=ain-base:bookworm
  if docker image inspect "$base" > /dev/null 2>&1; then return; fi
  command -v debootstrap > /dev/null || fail "debootstrap is not installed (apt-get install debootstrap)"
  say "making $base by debootstrap, from the mirror that apt uses"
  debootstrap --variant=minbase bookworm "$folder/root" $(mirror) > "$folder/log" 2>&1 || tell_and_fail
  rm -rf "$folder"/root/var/cache/apt/* "$folder"/root/var/lib/apt/lists/* "$folder"/root/usr/share/{doc,man,locale,info}/*
  tar -C "$folder/root" --numeric-owner -c . | docker import - "$base" > /dev/null
}

if [ "$base" = debootstrap ]; then
  make_base
elif ! docker image inspect "$base" > /dev/null 2>&1 && ! docker pull -q "$base" > /dev/null 2>&1; then
  say "$base cannot be pulled"
  make_base
fi

say "compiling ain"
"$root/bin/bun" "$root/scripts/build.ts" "$here/ain" > /dev/null
# Docker's older builder does as well; it says at length that it is old.
docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0

# A daemon without its default bridge has no network for builds but the machine's own.
network=default
docker network inspect bridge > /dev/null 2>&1 || network=host

for target in router:ain vm:ain-vm frr:ain-frr; do
  image=${target#*:}:$tag
  say "building $image"
  docker build --network "$network" --build-arg "BASE=$base" --target "${target%:*}" --tag "$image" "$here" \
    > "$folder/log" 2>&1 || tell_and_fail
done
docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep -E "^ain(-vm|-frr)?:$tag "
