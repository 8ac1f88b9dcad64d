"""Disks that fail: one whose power is cut, one that is full, and faults put into system calls."""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import uuid
from functools import cache
from pathlib import Path

from .daemon import Daemon
from .processes import Program
from .waiting import eventually

# `_IOR('X', 125, __u32)`, the same for ext4 and XFS: nothing that is not on the disk yet gets there any more.
_SHUTDOWN = 0x8004587D
_WITHOUT_LOG_FLUSH = 2
_CLONE_NEWNS = 0x20000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The smallest that XFS takes; sparse, so that it costs what is written.
_IMAGE_SIZE = 320 << 20


@cache
def why_no_mounts() -> str | None:
    """Why this machine cannot mount what these tests need; None if it can."""
    if os.geteuid() != 0:
        return "needs root, to mount file systems"
    # Root in a container may have no right to.
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True, text=True
    )
    return None if tried.returncode == 0 else f"may not mount: {tried.stderr.strip()}"


@cache
def why_no_disk(kind: str) -> str | None:
    """Why this machine cannot mount a file with a file system of this kind; None if it can."""
    if reason := why_no_mounts() or why_no(f"mkfs.{kind}", {"ext4": "e2fsprogs", "xfs": "xfsprogs"}[kind]):
        return reason
    tried = subprocess.run(["losetup", "--find"], check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        return f"has no loop devices: {tried.stderr.strip()}"
    # No disk, but enough for the kernel to look for the module.
    subprocess.run(["unshare", "--mount", "mount", "-t", kind, "/dev/null", "/mnt"], check=False, capture_output=True)
    if kind not in Path("/proc/filesystems").read_text().split():
        return f"its kernel has no {kind}"
    return None


def why_no(program: str, package: str) -> str | None:
    return None if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") else f"needs {package}"


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise OSError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")


def _own_namespace() -> None:
    """Has this thread, and the programs it starts, mount where nobody else sees it.

    Elsewhere somebody may make a namespace of his own meanwhile, and then a file system stays mounted in that one. It
    also goes with the process, whatever becomes of the test.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _run("mount", "--make-rprivate", "/")


class Disk:
    """A mounted file system."""

    def __init__(self, mount_point: Path) -> None:
        _own_namespace()
        self.mount_point = mount_point
        mount_point.mkdir(parents=True)

    def carry(self, daemon: Daemon) -> None:
        """Has the daemon keep its state here."""
        daemon.state = self.mount_point / "state"
        daemon.state.mkdir(mode=0o700, exist_ok=True)
        daemon.store = daemon.state / "store.sqlite"
        daemon.configuration["store"]["path"] = daemon.store

    def unmount(self) -> None:
        _run("umount", self.mount_point)

    def close(self) -> None:
        """After a test, whatever became of it: lets go of it even while it is in use."""
        if os.path.ismount(self.mount_point):
            _run("umount", "--lazy", self.mount_point)


class PowerDisk(Disk):
    """A file system in a file: `cut` is what a power failure does to it."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder / "disk")
        self._image = folder / f"{kind}.image"
        with self._image.open("wb") as image:
            image.truncate(_IMAGE_SIZE)
        _run(f"mkfs.{kind}", *(["-q", "-F"] if kind == "ext4" else ["-q"]), self._image)
        self.mount()
        # In this namespace alone: the machine itself does not begin anew with each cut.
        self._boot = folder / "boot_id"
        self._name_the_boot()
        _run("mount", "--bind", self._boot, _BOOT_ID)

    def _name_the_boot(self) -> None:
        self._boot.write_text(f"{uuid.uuid4()}\n")

    def mount(self) -> None:
        _run("mount", "-o", "loop", self._image, self.mount_point)

    def cut(self) -> None:
        """From here on nothing reaches the disk, and every write and sync fails; who starts next is in another boot."""
        top = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(top, _SHUTDOWN, _WITHOUT_LOG_FLUSH.to_bytes(4, "little"))
        finally:
            os.close(top)
        self._name_the_boot()

    def close(self) -> None:
        super().close()
        _run("umount", _BOOT_ID)


class SmallDisk(Disk):
    """A file system in memory that can be filled up."""

    def __init__(self, folder: Path, megabytes: int, inodes: int = 1_000) -> None:
        super().__init__(folder / "small-disk")
        self._ballast = self.mount_point / "ballast"
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,nr_inodes={inodes}", "tmpfs", self.mount_point)

    def fill(self) -> None:
        """Takes every byte that is left."""
        with self._ballast.open("wb", buffering=0) as ballast:
            block = bytes(64 << 10)
            while block:
                try:
                    ballast.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def take_inodes(self) -> None:
        """Takes every inode that is left."""
        folder = self.mount_point / "inodes"
        folder.mkdir()
        number = 0
        while True:
            try:
                (folder / str(number)).touch()
            except OSError:
                return
            number += 1

    def make_read_only(self, wanted: bool) -> None:
        _run("mount", "-o", "remount,ro" if wanted else "remount,rw", self.mount_point)

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)
        shutil.rmtree(self.mount_point / "inodes", ignore_errors=True)


class FaultySystemCalls:
    """Has the kernel fail a running program's system calls on some files, until the end of the `with` block.

    `strace` does it. `when` is its word for which of the calls: "1+" is every one, "3" the third alone.
    """

    def __init__(
        self, program: Program, logs: Path, calls: str, fault: str, paths: list[Path], when: str = "1+"
    ) -> None:
        self._of = program
        injection = f"inject={calls}:{fault}:when={when}"
        command = ["strace", "-f", "-q", "-o", logs / "strace.log", "-e", f"trace={calls}", "-e", injection]
        for path in paths:
            command += ["-P", path]
        self._strace = Program("strace", [*command, "-p", str(program.pid)], logs)

    def __enter__(self) -> "FaultySystemCalls":
        eventually(self._is_attached, about="strace is attached to every thread")
        return self

    def __exit__(self, *_: object) -> None:
        if self._strace.is_running:
            self._strace.send(signal.SIGINT)
        self._strace.wait()

    def _is_attached(self) -> bool:
        assert self._strace.is_running, f"strace: {self._strace.log()[-500:]}"
        tracers = [
            line.split()[1]
            for thread in Path(f"/proc/{self._of.pid}/task").iterdir()
            for line in (thread / "status").read_text().splitlines()
            if line.startswith("TracerPid:")
        ]
        return bool(tracers) and all(tracer == str(self._strace.pid) for tracer in tracers)
