#!/bin/bash
# Makes a Debian machine ready to deploy the topologies with containerlab: Docker, containerlab, and our images.
# Says what it is going to do before it does. `containerlab/setup.sh --check` only says what is missing (status 1), and
# `--no-images` leaves the images to containerlab/image/build.sh.
#
# Docker is Debian's docker.io, unless one is there. containerlab is not in Debian; it is installed when apt knows a package
# of that name (its own repository: https://containerlab.dev/install/), else this script says so and ends with status 3.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/..
NEEDED=0.78.0 # the first with privileged: and security-opts:
SCHEMA=$root/.cache/clab.schema.json

say() { echo "setup.sh: $*"; }
fail() { echo "setup.sh: $1" >&2; exit "${2:-1}"; }
has() { command -v "$1" > /dev/null; }
daemon_answers() { docker info > /dev/null 2>&1; }

[ "${1:-}" = "" ] || [ "$1" = --check ] || [ "$1" = --no-images ] || fail "found $1, expected --check or --no-images" 2

if [ "${1:-}" = --check ]; then
  missing=0
  has docker || { say "Docker is missing"; missing=1; }
  ! has docker || daemon_answers || { say "no Docker daemon answers"; missing=1; }
  has containerlab || { say "containerlab is missing"; missing=1; }
  exit $missing
fi

[ "$(id -u)" = 0 ] || fail "installs packages and starts containers: please run it as root" 5

packages=()
has docker && has dockerd || packages+=(docker.io)
has debootstrap || packages+=(debootstrap)
if [ ${#packages[@]} -gt 0 ]; then
  has apt-get || fail "missing: ${packages[*]}; this system has no apt-get, please see to it yourself"
  say "installing Debian packages: ${packages[*]} (apt-get update, apt-get install)"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${packages[@]}" > /dev/null
fi

if ! daemon_answers; then
  if has systemctl && systemctl is-system-running > /dev/null 2>&1; then
    say "starting Docker (systemctl start docker)"
    systemctl start docker
  fi
  daemon_answers || fail "no Docker daemon answers, and no systemd runs here to start one: start dockerd yourself (DOCKER_HOST says where)" 3
fi

if ! has containerlab && has apt-cache && apt-cache show containerlab > /dev/null 2>&1; then
  say "installing the package containerlab (apt-get install)"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install containerlab > /dev/null
fi
has containerlab || fail "containerlab is missing, and apt knows no package of that name. Install version $NEEDED or newer as https://containerlab.dev/install/ says, then run this again. 'ain lab up' takes the same topologies without it." 3

version=$(CLAB_VERSION_CHECK=disable containerlab version 2> /dev/null | sed -n 's/^ *version: *//p')
# 0.0.0 is one that somebody built from source.
if [ "$version" != 0.0.0 ] && [ "$(printf '%s\n' "$NEEDED" "$version" | sort -V | head -1)" != "$NEEDED" ]; then
  fail "containerlab is $version, expected $NEEDED or newer" 3
fi

if [ ! -e "$SCHEMA" ] && has curl; then
  release=v$version
  [ "$version" != 0.0.0 ] || release=main
  url=https://raw.githubusercontent.com/srl-labs/containerlab/$release/schemas/clab.schema.json
  say "fetching containerlab's schema for the tests, into .cache: $url"
  mkdir -p "$(dirname "$SCHEMA")"
  curl -fsSL --max-time 20 -o "$SCHEMA" "$url" || { rm -f "$SCHEMA"; say "it cannot be fetched; the tests do without"; }
fi

if [ "${1:-}" != --no-images ]; then
  say "building the images (containerlab/image/build.sh)"
  "$root/containerlab/image/build.sh"
fi
say "ready: containerlab deploy -t containerlab/quickstart/quickstart.clab.yml"
