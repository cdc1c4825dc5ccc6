# shellcheck shell=bash
# Makes of the root file system of nexus/base what QEMU boots. Needs log.sh, and $image, the folder hack/image.
#
# The result is a tarball of four files: disk.qcow2, which overlays are based on, vmlinuz and initrd, and metadata.json.

# Bytes that the file system keeps free beyond what is in it, before it is grown to a workspace's disk.
readonly machine_spare=$((64 * 1024 * 1024))

# machine_image BUILD OUTPUT: BUILD/rootfs is taken, and changed.
machine_image() {
  local build=$1 output=$2 release
  machine_packages "$build/rootfs" "$build"
  release=$(basename "$build/rootfs/lib/modules"/*)
  machine_initrd "$build" "$release"
  machine_disk "$build"
  mv "$build/kernel/boot/vmlinuz-$release" "$build/vmlinuz"
  printf '{"version": 1, "architecture": "%s", "kernel": "%s", "disk": %s}\n' \
    "$(uname -m)" "$release" "$(stat --format %s "$build/disk.raw")" >"$build/metadata.json"
  tar --create --owner 0 --group 0 --mode 0644 -C "$build" --file "$output.partial" metadata.json vmlinuz initrd disk.qcow2
  mv "$output.partial" "$output"
}

# The kernel is unpacked, not installed: its scripts would make an initrd of their own.
machine_packages() {
  local root=$1 build=$2 architecture package
  local -a apt packages
  mapfile -t packages < <(lines "${image:?}/machine/packages")
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 0755 "$root/usr/sbin/policy-rc.d"
  mknod -m 0666 "$root/dev/null" c 1 3
  mknod -m 0666 "$root/dev/urandom" c 1 9
  mount -t proc proc "$root/proc"

  apt=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" apt-get -y)
  quietly "${apt[@]}" update
  quietly "${apt[@]}" -o Dpkg::Options::=--force-unsafe-io --no-install-recommends install "${packages[@]}"
  architecture=$(chroot "$root" dpkg --print-architecture)
  quietly "${apt[@]}" clean
  quietly "${apt[@]}" --download-only --no-install-recommends install "linux-image-cloud-$architecture" busybox-static
  # Not into the root file system: a folder in a package takes the place of a link such as /lib.
  mkdir "$build/kernel" "$build/busybox"
  for package in "$root"/var/cache/apt/archives/linux-image-[0-9]*.deb; do
    dpkg-deb --extract "$package" "$build/kernel"
  done
  mv "$build/kernel/lib/modules" "$root/usr/lib/modules"
  dpkg-deb --extract "$root"/var/cache/apt/archives/busybox-static_*.deb "$build/busybox"
  quietly "${apt[@]}" clean
  chroot "$root" depmod "$(basename "$root/lib/modules"/*)"

  umount "$root/proc"
  cp -R --no-preserve=ownership "$image/machine/rootfs/." "$root/"
  rm -rf "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin \
    "$root"/var/log/*.log "$root"/var/log/apt "${root:?}"/dev/* "$root"/usr/share/doc/*
}

machine_initrd() {
  local build=$1 release=$2 module
  local tree=$build/initrd.tree
  mkdir -p "$tree"/{bin,dev,root,modules,agent}
  cp "$build/busybox/bin/busybox" "$tree/bin/"
  cp "$image/machine/init" "$tree/init"
  chmod 0755 "$tree/init"
  cp "$image"/machine/agent/* "$tree/agent/"
  while read -r module; do
    find "$build/rootfs/lib/modules/$release" -name "$module.ko" -exec cp {} "$tree/modules/" \;
    [[ -f $tree/modules/$module.ko ]] || die "the kernel $release has no module $module"
    printf '%s\n' "$module" >>"$tree/modules/order"
  done < <(lines "$image/machine/modules")
  (cd "$tree" && find . -mindepth 1 | LC_ALL=C sort | "$build/busybox/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$build/initrd"
}

# No loop device is needed: the file system is written straight into a file.
machine_disk() {
  local build=$1 bytes blocks
  bytes=$(du --summarize --bytes "$build/rootfs" | cut -f 1)
  # Files take whole blocks, and there are inodes and a journal.
  blocks=$(((bytes * 5 / 4 + machine_spare) / 4096 / 256 * 256))
  quietly mke2fs -q -t ext4 -b 4096 -i 8192 -m 0 -L nexus -J size=16 -E lazy_itable_init=1,lazy_journal_init=1 \
    -d "$build/rootfs" "$build/disk.raw" "$blocks"
  quietly qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd "$build/disk.raw" "$build/disk.qcow2"
}
