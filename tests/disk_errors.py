#!/usr/bin/env python3
"""A disk that fails under the real bot: it must stop taking callbacks, say so, keep what is there, and go on afterwards.

    cargo build --release
    tests/disk_errors.py [CASE…]

Needs strace (it makes the calls fail: errors of sync, of write-back, of writing, a full and a read-only disk), and for the
case `ext4-read-only` root with losetup and mkfs.ext4; that case is left out where they are not there. Takes two minutes.

Checked in each case: after the first failure every callback is answered with 503 and `/readyz` with 503 and the reason,
until the disk is well; the log says what to do; then callbacks are taken again by the same process; a file whose sync
failed is not synced a second time but written anew; and after a SIGKILL the store is whole (`fsck`) and has every callback
that was answered with 200.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from power import judge, rig, trace  # noqa: E402
from power.disk import Disk  # noqa: E402

# What fails while the disk is ill: calls and error.
ILL = {
    "sync": ("fdatasync", "EIO"),
    "sync-of-everything": ("fdatasync,fsync", "EIO"),
    "write-back": ("sync_file_range", "EIO"),
    "write": ("pwrite64,write", "EIO"),
    "full": ("pwrite64,ftruncate", "ENOSPC"),
    "read-only": ("pwrite64,ftruncate,fdatasync,fsync,sync_file_range", "EROFS"),
}
SAYS = "no callback is taken until the disk takes writes again"
WITHIN = 60
# Two tries to reopen it.
ILL_FOR = 11


class Scene:
    """A bot on a store, with Chat beside it and people who talk all the time."""

    def __init__(self, folder, store):
        self.folder, self.store, self.callbacks = folder, store, rig.free_port()
        self.chat = rig.Chat(folder, self.callbacks)
        self.chat.control("fault", {"on": "*", "kind": {"status": 502}})
        self.bot, self.answers, self.number = None, [], 0

    def start(self, under=()):
        self.bot = rig.Bot(self.folder, self.store, self.chat.port, self.callbacks, under)
        assert self.bot.ready()[0] == 200

    def talk(self, until_so):
        """People talk until something is so; all their answers."""
        talk = rig.Talk(self.callbacks, begin=self.number, pause=0.002)
        with talk:
            rig.until(lambda: until_so(talk.answers), WITHIN, lambda: f"{talk.answers[-3:]} {self.bot.told()}")
        self.number = talk.number
        self.answers += talk.answers
        return [status for _, _, status in talk.answers]

    def expect_refusal(self):
        """It fails while people talk; from then on nothing is taken."""
        statuses = self.talk(lambda answers: any(status != 200 for _, _, status in list(answers)))
        assert set(statuses) <= {200, 503}, set(statuses)
        status, told = self.bot.ready()
        assert status == 503 and SAYS in told, (status, told)
        assert SAYS in self.bot.told(), "the log does not say it"
        later = self.talk(lambda answers: len(answers) >= 20)
        assert set(later) == {503}, f"callbacks were taken meanwhile: {set(later)}"

    def expect_recovery(self):
        rig.until(lambda: self.bot.ready()[0] == 200, WITHIN, self.bot.told)
        assert "the disk takes writes again" in self.bot.told()
        statuses = self.talk(lambda answers: len(answers) >= 200)
        assert set(statuses) == {200}, set(statuses)

    def expect_everything_kept(self):
        acknowledged = [text for _, text, status in self.answers if status == 200]
        return judge.OfTheBot(acknowledged).judge(self.store)

    def stop(self):
        if self.bot:
            self.bot.kill()
        self.chat.kill()


class Illness:
    """While it is entered, calls of a process fail: strace is attached to it, and calls none of them."""

    def __init__(self, pid, calls, error, log):
        self.pid = pid
        path = ("-P", log.parent / "store" / "db", "-P", log.parent / "store" / "probe.tmp") if "write" in calls.split(",") else ()
        self.command = ["strace", "-f", "-q", "-yy", "-xx", "-s", "64", "-o", log, "-e", f"trace={calls},rename", "-e", "signal=none",
                        *path, "-e", f"inject={calls}:error={error}", "-p", pid]

    def __enter__(self):
        self.strace = subprocess.Popen([str(part) for part in self.command], stderr=subprocess.DEVNULL)
        rig.until(self.on_every_thread, 10, "strace is not attached")

    def on_every_thread(self):
        states = [path.read_text() for path in Path(f"/proc/{self.pid}/task").glob("*/status")]
        return all("TracerPid:\t0\n" not in state for state in states)

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        try:
            self.strace.wait(10)
        except subprocess.TimeoutExpired:
            # It waits for a process that was killed meanwhile.
            self.strace.kill()
            self.strace.wait()


def ill(case):
    calls, error = ILL[case]
    with tempfile.TemporaryDirectory(prefix="disk-errors-") as folder:
        folder = Path(folder)
        scene = Scene(folder, folder / "store")
        log = folder / "trace"
        try:
            scene.start()
            scene.talk(lambda answers: len(answers) >= 200)
            before = os.stat(scene.store / "db").st_ino
            with Illness(scene.bot.child.pid, calls, error, log):
                scene.expect_refusal()
                time.sleep(ILL_FOR)
                refused = scene.talk(lambda answers: len(answers) >= 20)
                assert set(refused) == {503}, f"callbacks were taken meanwhile: {set(refused)}"
            scene.expect_recovery()
            scene.bot.kill()
            if calls.startswith("fdatasync"):
                assert os.stat(scene.store / "db").st_ino != before, "the file was not written anew"
                synced_once(trace.read(log)[0], scene.store)
            scene.start()
            scene.bot.kill()
            return scene.expect_everything_kept()
        finally:
            scene.stop()


def synced_once(events, store):
    """A file whose sync has failed is not simply synced again: another one takes its place first."""
    path, failed, syncs = str(store / "db"), False, 0
    for event in events:
        if event.name == "rename" and trace.text(trace.STRING.findall(event.arguments)[1]).decode() == path:
            failed = False
        elif event.name == "fdatasync" and trace.path_of(event.arguments) == path:
            assert not failed, "`db` was synced again although its last sync had failed"
            failed, syncs = True, syncs + 1
    assert syncs > 0, "`db` was not synced"


def killed_in_doubt():
    """The disk is well again, but the process was killed before it could write everything anew: the next one does."""
    with tempfile.TemporaryDirectory(prefix="disk-errors-") as folder:
        folder = Path(folder)
        scene = Scene(folder, folder / "store")
        try:
            scene.start()
            scene.talk(lambda answers: len(answers) >= 200)
            before = os.stat(scene.store / "db").st_ino
            with Illness(scene.bot.child.pid, "fdatasync,fsync", "EIO", folder / "trace"):
                scene.expect_refusal()
                os.kill(scene.bot.child.pid, signal.SIGKILL)
            scene.bot.kill()
            scene.start()
            assert "all of it is written anew" in scene.bot.told(), scene.bot.told()
            assert os.stat(scene.store / "db").st_ino != before, "the same file"
            scene.talk(lambda answers: len(answers) >= 50)
            scene.bot.kill()
            scene.start()
            assert scene.bot.told().count("all of it is written anew") == 1, "the doubt is over"
            scene.bot.kill()
            return scene.expect_everything_kept()
        finally:
            scene.stop()


def ext4_read_only():
    """ext4 finds an error in itself and becomes read-only; mounted again, everything is there."""
    with tempfile.TemporaryDirectory(prefix="disk-errors-") as folder:
        folder = Path(folder)
        with Disk(folder, "ordered", "errors=remount-ro") as place:
            scene = Scene(folder, place.mounted / "store")
            try:
                scene.start()
                scene.talk(lambda answers: len(answers) >= 200)
                place.become_read_only()
                scene.expect_refusal()
                scene.bot.kill()
                place.remount()
                scene.start()
                scene.talk(lambda answers: len(answers) >= 50)
                scene.bot.kill()
                return scene.expect_everything_kept()
            finally:
                scene.stop()


def main():
    cases = {name: (lambda name=name: ill(name)) for name in ILL}
    cases["killed-in-doubt"] = killed_in_doubt
    if os.geteuid() == 0:
        cases["ext4-read-only"] = ext4_read_only
    chosen = sys.argv[1:] or list(cases)
    failed = 0
    for name in chosen:
        begin = time.monotonic()
        try:
            kept = cases[name]()
            print(f"ok   {name}: {kept} acknowledged callbacks kept, {time.monotonic() - begin:.0f} s", flush=True)
        except (AssertionError, judge.Broken) as why:
            failed += 1
            print(f"FAIL {name}: {str(why)[-1500:]}", flush=True)
    print(f"disk_errors: {len(chosen)} cases, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
