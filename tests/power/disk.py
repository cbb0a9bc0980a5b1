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

    def __init__(self, folder, mode):
        self.image, self.mounted, self.mode = folder / "image", folder / "mounted", mode

    def __enter__(self):
        self.mounted.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(MIB << 20)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()
        return self

    def mount(self):
        run("mount", "-o", f"loop,data={self.mode}", self.image, self.mounted)

    def power_off(self):
        """From now on nothing reaches the image."""
        handle = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def remount(self):
        """The power is back: the journal is replayed."""
        run("umount", self.mounted)
        self.mount()

    def __exit__(self, *_):
        subprocess.run(["umount", self.mounted], check=False)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
