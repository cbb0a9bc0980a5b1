"""Whether a store that outlived a power cut has everything that was acknowledged, and nothing by halves."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import rig


class Broken(Exception):
    """The store does not keep what was promised."""


def run(*command, seconds=120):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


class OfTheBot:
    """What callbacks were answered stands in the journal; what their decisions wanted stands in the outbox or is settled."""

    def __init__(self, acknowledged):
        self.acknowledged = acknowledged

    def judge(self, store):
        """Returns how many acknowledged callbacks there are; raises `Broken`."""
        code, out, err = run(rig.BINARY, "fsck", "--store", f"sled:{store}")
        if code != 0:
            raise Broken(f"fsck: {out}{err}")
        journal, outbox = self.entries(store)
        heard, wanted, settled = set(), {}, set()
        for entry in journal:
            body = entry.get("body") or {}
            wanted.update({effect["id"]: entry["id"] for effect in entry.get("effects", [])})
            settled.update(self.settles(entry))
            heard.update(texts(body))
        lost = [text for text in self.acknowledged if text not in heard]
        if lost:
            raise Broken(f"{len(lost)} of {len(self.acknowledged)} answered callbacks are not in the journal, "
                         f"{lost[0][:20]!r} for instance")
        for effect in wanted:
            if effect not in outbox and effect not in settled:
                raise Broken(f"half a commit: effect {effect} of event {wanted[effect]} is nowhere")
        for effect, event in outbox.items():
            if effect not in wanted:
                raise Broken(f"half a commit: effect {effect} waits, its event {event} is not in the journal")
        return len(self.acknowledged)

    def entries(self, store):
        code, out, err = run(rig.BINARY, "backup", "-", "--store", f"sled:{store}")
        if code != 0:
            raise Broken(f"backup: {err}")
        journal, outbox = [], {}
        for line in out.splitlines():
            entry = json.loads(line)
            record = (entry.get("value") or {}).get("r")
            if entry.get("kind") == "journal":
                journal.append(record)
            elif entry.get("kind") in ("outbox", "dead letter"):
                effect = (record.get("pending") or record)["effect"]
                outbox[effect["id"]] = effect["event"]
        return journal, outbox

    def settles(self, entry):
        return ()


def texts(value):
    """Every text in a journaled event."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


class OfTorture:
    """Each slot has the last number that was acknowledged, or a later one, in all its keys."""

    def __init__(self, binary, acknowledged):
        self.binary, self.last, self.count = binary, {}, len(acknowledged)
        for line in acknowledged:
            slot, number = map(int, line.split())
            self.last[slot] = max(number, self.last.get(slot, 0))

    def judge(self, store):
        code, out, err = run(self.binary, "check", store)
        if code != 0:
            raise Broken(err.strip())
        found = {int(slot): int(number) for slot, number in map(str.split, out.splitlines())}
        lost = [slot for slot, number in self.last.items() if found.get(slot, -1) < number]
        if lost:
            slot = lost[0]
            raise Broken(f"{len(lost)} slots have lost acknowledged commits: slot {slot} is at {found.get(slot)}, "
                         f"{self.last[slot]} was acknowledged")
        return self.count


class OfCompaction:
    """Every entry is there, whatever the compaction had come to."""

    def __init__(self, before):
        self.before = before

    def judge(self, store):
        found = contents(store)
        if found != self.before:
            raise Broken(f"{len(self.before)} entries before, {len(found)} after")
        return len(found)


def contents(store):
    code, out, err = run(rig.BINARY, "backup", "-", "--store", f"sled:{store}")
    if code != 0:
        raise Broken(f"backup: {err}")
    # First and last line tell of the backup itself.
    return out.splitlines()[1:-1]


def keep(store, why):
    """A store that is broken is kept, to be looked at."""
    place = Path(tempfile.mkdtemp(prefix="power-cut-broken-"))
    shutil.copytree(store, place / "store", dirs_exist_ok=True)
    (place / "why").write_text(why)
    return place
