#!/bin/bash
# Debian's Slurm, where it is missing: for all by apt, or, without root, unpacked below FOLDER.  usage: install.sh FOLDER
# Says on the last line what to `export`, if anything.
set -euo pipefail
folder=$(realpath -m "$1"); packages=(slurmctld slurmd slurm-client munge)
have() { for name in munged slurmctld slurmd srun; do PATH=$PATH:/usr/sbin type -P "$name" >/dev/null || return 1; done; }
have && exit 0
as=(); [ "$(id -u)" = 0 ] || as=(sudo -n)
if "${as[@]}" true 2>/dev/null; then
  "${as[@]}" apt-get update --quiet=2 >&2 || true  # the lists on the disk may do
  "${as[@]}" apt-get install --quiet=2 --yes --no-install-recommends "${packages[@]}" >&2
else
  mkdir -p "$folder"/{archives/partial,debian}
  apt-get install --quiet=2 --yes --no-install-recommends --download-only -o Debug::NoLocking=1 \
    -o Dir::Cache::archives="$folder/archives" "${packages[@]}" >&2
  for package in "$folder"/archives/*.deb; do dpkg --extract "$package" "$folder/debian"; done
  for name in slurmctld slurmd; do ln -sf "$name-wlm" "$folder/debian/usr/sbin/$name"; done
  echo "SLURM_PREFIX=$folder/debian"
fi
