"""An ext4 file system in an image file, and the power that it loses."""

import fcntl
import os
import struct
import subprocess

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, the same number as XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = 2  # as a power cut: not even the journal is written out
MIB = 512


class Disk:
    """Mounted while it is entered."""

    def __init__(self, folder, mode, options="errors=continue"):
        self.image, self.mounted = folder / "image", folder / "mounted"
        self.options = f"loop,data={mode},{options}"

    def __enter__(self):
        self.mounted.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(MIB << 20)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()
        return self

    def mount(self):
        run("mount", "-o", self.options, self.image, self.mounted)

    def power_off(self):
        """From now on nothing reaches the image."""
        handle = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def become_read_only(self):
        """ext4 is told that it has found an error in itself."""
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            device = next(line.split()[0] for line in mounts if line.split()[1] == str(self.mounted))
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="utf-8") as trigger:
            trigger.write("power_cut")

    def remount(self):
        """The power is back: the journal is replayed."""
        run("umount", self.mounted)
        self.mount()

    def __exit__(self, *_):
        subprocess.run(["umount", self.mounted], check=False)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
