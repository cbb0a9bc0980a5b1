#!/usr/bin/env python3
"""Cuts the power under the store, hundreds of times, and looks whether what was acknowledged is there.

    cargo build --release && cargo bench --bench torture --no-run
    tests/power_cut.py [disk|files] [--writer bot|torture|compact] [--cuts N] [--seed S] [--lie]

`files` needs strace and no root. The writer runs under strace; its writes and syncs are replayed up to many places,
and from each of them the directory is built as a power cut leaves it: without anything that was not synced, with a
random part of its pages (some torn between sectors), or with all of it. Half of the places are those where an
acknowledgement left.

`disk` needs root, losetup and mkfs.ext4. The writer runs on an ext4 image; the file system's shutdown ioctl cuts it
off in the middle, nothing that was in memory reaches the image, and it is mounted again. A file system lives through
ten cuts in a row; then the bot gets a Chat that works, and everything that was owed must arrive, once.

Checked each time: the store opens; `groupkeeper fsck` finds nothing; every callback that was answered with 200 is in
the journal; an effect stands in the outbox exactly when its decision stands in the journal (Chat takes none of them
meanwhile). With `torture`: see benches/torture.rs. With `compact` (`files` only): every entry is there.

`--lie` swallows every fdatasync of the writer: then acknowledged data must be found lost, or the model proves nothing.
Exit code 0: as it should be. Without arguments everything is run, the lies too (about ten minutes).
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from power import judge, rig, trace, writers  # noqa: E402
from power.disk import Disk  # noqa: E402

ALL = [
    ("files", "bot", 150, False),
    ("files", "torture", 150, False),
    ("files", "compact", 60, False),
    ("disk", "bot", 60, False),
    ("disk", "torture", 60, False),
    ("files", "bot", 20, True),
    ("disk", "bot", 20, True),
]
# How long a writer is watched under strace, in seconds; the torturer until segments of its file are used again.
WATCHED = {"bot": 6, "torture": 25, "compact": 3}
# Cuts that one file system lives through.
LIVES = 10
SWALLOW = ("-e", "inject=fdatasync:retval=0")


def torture_binary():
    """Where cargo has put it, unless `TORTURE` names another one."""
    if "TORTURE" in os.environ:
        return os.environ["TORTURE"]
    done = subprocess.run(
        ["cargo", "bench", "--bench", "torture", "--no-run", "--message-format=json"],
        cwd=rig.REPOSITORY, capture_output=True, text=True, check=True,
    )
    built = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [artifact["executable"] for artifact in built if artifact.get("executable")][-1]


def writer_of(name, folder, round_number=0):
    if name == "torture":
        return writers.OfTorture(folder, torture_binary())
    # Callbacks with and without signatures.
    return writers.OfTheBot(folder, signed=round_number % 2 == 0)


class Score:
    """What came of the cuts of one part."""

    def __init__(self, part, lie):
        self.part, self.lie = part, lie
        self.cuts, self.acknowledged, self.broken = 0, 0, []
        self.begin = self.told = time.monotonic()

    def look(self, judged, store, where):
        self.cuts += 1
        try:
            self.acknowledged += judged.judge(store)
        except judge.Broken as why:
            self.broken.append(str(why))
            if not self.lie:
                print(f"  BROKEN {where}: {why}\n  kept in {judge.keep(store, f'{where}: {why}')}", flush=True)
        if time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            print(f"  {self.part}: {self.cuts} cuts, {len(self.broken)} broken", flush=True)

    def summary(self):
        """Prints one line; whether it is as it should be."""
        good = bool(self.broken) if self.lie else not self.broken
        lie = ", syncs swallowed" if self.lie else ""
        took = time.monotonic() - self.begin
        print(f"{'ok  ' if good else 'FAIL'} {self.part}{lie}: {self.cuts} cuts, {self.acknowledged} acknowledgements "
              f"found again, {len(self.broken)} stores broken, {took:.0f} s", flush=True)
        if self.lie:
            reasons = collections.Counter(re.sub(r"\d+", "N", why)[:60] for why in self.broken)
            for why, count in reasons.most_common(3):
                print(f"       {count} times: {why.strip()}", flush=True)
        return good


def watched(name, folder, lie):
    """Runs a writer under strace: the calls, the acknowledgements among them, and who judges."""
    store, log = folder / "store", folder / "trace"
    under = trace.strace(log, *(SWALLOW if lie else ()))
    if name == "compact":
        return compaction(folder, store, log, under)
    writer = writer_of(name, folder)
    try:
        writer.start(store, under)
        writer.work(WATCHED[name])
    finally:
        writer.stop()
    events, lines = trace.read(log)
    acknowledged = sorted(writer.acknowledgements(events))
    assert len(acknowledged) > 50, f"only {len(acknowledged)} acknowledgements in the trace"

    def judge_at(cut):
        return writer.judge_of([what for line, what in acknowledged if line < cut])

    return events, lines, [line + 1 for line, _ in acknowledged], judge_at


def compaction(folder, store, log, under):
    """`groupkeeper compact` on a store that the bot has left, watched from the first call on."""
    first, second = folder / "trace.first", folder / "trace.second"
    writer = writer_of("bot", folder)
    try:
        writer.start(store, trace.strace(first))
        writer.work(WATCHED["compact"])
    finally:
        writer.stop()
    # Settled: what compaction begins with is on the disk for certain.
    subprocess.run(["sync", "-f", str(folder)], check=True)
    before = judge.contents(shutil.copytree(store, folder / "before"))
    begun = trace.Files(store)
    for path in sorted(store.rglob("*")):
        begun.seen[str(path)] = begun.certain[str(path)] = (
            None if path.is_dir() else trace.Inode(bytearray(path.read_bytes())))
    code, out, err = judge.run(*trace.strace(second), rig.BINARY, "compact", "--store", f"sled:{store}")
    assert code == 0, err
    events, lines = trace.read(second)
    shutil.rmtree(folder / "before")
    places = [event.begin + 1 for event in events if event.name in ("rename", "unlink", "unlinkat", "mkdir", "fsync")]
    return events, lines, places, lambda _: judge.OfCompaction(before), begun


def files(name, cuts, seed, lie):
    score = Score(f"files/{name}", lie)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="power-cut-") as folder:
        folder = Path(folder)
        events, lines, places, judge_at, *begun = watched(name, folder, lie)
        places = [place for place in places if place < lines]
        chosen = sorted(chance.choice(places) if number % 2 else chance.randrange(1, lines) for number in range(cuts))
        print(f"  {score.part}: {len(events)} calls, {len(places)} acknowledgements or renames", flush=True)
        image = folder / "image"
        for number, (cut, seen) in enumerate(trace.images(events, folder / "store", chosen, *begun)):
            loss = ("all", "some", "some", "none")[number % 4]
            seen.leave(str(image), loss, chance)
            score.look(judge_at(cut), image, f"at line {cut} of {lines}, loss of {loss}, seed {seed}")
            shutil.rmtree(image)
    return score.summary()


def disk(name, cuts, seed, lie):
    score = Score(f"disk/{name}", lie)
    chance = random.Random(seed)
    for round_number in range(-(-cuts // LIVES)):
        with tempfile.TemporaryDirectory(prefix="power-cut-") as folder:
            folder = Path(folder)
            writer = writer_of(name, folder, round_number)
            mode = ("ordered", "writeback")[round_number % 2]
            with Disk(folder, mode) as place:
                try:
                    lives(writer, place, chance, score, min(LIVES, cuts - score.cuts), lie, mode)
                finally:
                    writer.stop()
        if lie and score.broken:
            break
    return score.summary()


def lives(writer, place, chance, score, cuts, lie, mode):
    """One file system through several cuts."""
    store = place.mounted / "store"
    for _ in range(cuts):
        under = ("strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=fdatasync", *SWALLOW) if lie else ()
        writer.start(store, under)
        writer.cut(chance.uniform(0.1, 1.5), place.power_off)
        place.remount()
        broken = len(score.broken)
        score.look(writer.judge(), store, f"cut {score.cuts + 1} (ext4, data={mode})")
        if len(score.broken) > broken:
            return
    if writer.name == "bot":
        echoes = [text for _, text, status in writer.answers if status == 200 and text.startswith("echo")]
        try:
            writer.deliver(store, echoes)
        except judge.Broken as why:
            score.broken.append(str(why))
            print(f"  BROKEN after {cuts} cuts: {why}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", choices=("disk", "files"))
    parser.add_argument("--writer", choices=("bot", "torture", "compact"), default="bot")
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lie", action="store_true", help="swallow every fdatasync; loss must be found")
    chosen = parser.parse_args()
    parts = [(chosen.model, chosen.writer, chosen.cuts, chosen.lie)] if chosen.model else ALL
    good = [(files if model == "files" else disk)(writer, cuts, chosen.seed, lie) for model, writer, cuts, lie in parts]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
