"""What a process did to the files under one directory, read from strace, and what a power cut would leave of it.

Certain is only what POSIX says: what was written before an fsync or fdatasync of the file began that then succeeded,
and names after an fsync of their directory (names become certain in order, as in a journal). `sync_file_range`
makes nothing certain: it empties no drive's cache and writes no metadata.
"""

import os
import re
from dataclasses import dataclass, field

CALLS = (
    "openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,"
    "fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,sendto,sendmsg"
)
OF_NAMES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat", "truncate")
PAGE, SECTOR = 4096, 512


def strace(log, *further):
    """The command to put before the one that is watched."""
    return ["strace", "-f", "-q", "-yy", "-xx", "-s", "700000", "-e", f"trace={CALLS}", "-e", "signal=none",
            *further, "-o", str(log)]


@dataclass
class Event:
    """One call: where it began and ended among all lines, its name, its arguments, what it returned."""

    begin: int
    name: str
    arguments: str
    end: int | None = None
    result: int | None = None


LINE = re.compile(rb"^(\d+)\s+(.*)$", re.S)
RESUMED = re.compile(rb"^<\.\.\. (\w+) resumed>(.*)$", re.S)
CALL = re.compile(rb"^(\w+)\((.*)$", re.S)
RESULT = re.compile(rb"\)\s+=\s+(-?\d+|\?)([^=]*)$", re.S)


def read(log):
    """All calls in the order in which they began, and the number of lines."""
    events, open_calls, number = [], {}, 0
    with open(log, "rb") as file:
        for number, line in enumerate(file):
            match = LINE.match(line.rstrip(b"\n"))
            if not match:
                continue
            process, rest = match.groups()
            if resumed := RESUMED.match(rest):
                event = open_calls.pop(process, None)
                rest = resumed[2]
                if event is None:
                    continue
            elif call := CALL.match(rest):
                event = Event(number, call[1].decode(), "")
                events.append(event)
                rest = call[2]
            else:
                continue
            if rest.endswith(b"<unfinished ...>"):
                event.arguments += rest.removesuffix(b"<unfinished ...>").decode("latin-1")
                open_calls[process] = event
                continue
            if result := RESULT.search(rest):
                event.arguments += rest[: result.start()].decode("latin-1")
                # What strace has swallowed did not happen.
                failed = result[1] == b"?" or b"INJECTED" in result[2]
                event.result = None if failed else int(result[1])
                event.end = number
    return events, number + 1


def text(hexed):
    """What strace has written as `\\x61\\x62`."""
    return bytes.fromhex(hexed.replace("\\x", ""))


STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
FILE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2}|[^<>])*)>")


def path_of(arguments):
    """The path behind the first descriptor."""
    match = FILE.match(arguments)
    if not match:
        return ""
    named = match[1].removesuffix("(deleted)")
    return text(named).decode() if named.startswith("\\x") else named


@dataclass
class Inode:
    """A file: what is certain of it, and what was done to it since, with the line where that ended."""

    certain: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)

    def settle(self, line):
        """An fsync that began at this line has succeeded."""
        left = []
        for operation in self.pending:
            if operation["end"] is not None and operation["end"] < line:
                apply(self.certain, operation)
            else:
                left.append(operation)
        self.pending = left


def apply(content, operation):
    if operation["data"] is None:
        size = operation["at"]
        del content[size:]
        content.extend(bytes(size - len(content)))
        return
    at, data = operation["at"], operation["data"]
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


class Files:
    """Names and contents under a directory, as they are certain and as they are seen."""

    def __init__(self, root):
        self.root = str(root)
        # Path to Inode; None is a directory.
        self.certain, self.seen = {self.root: None}, {self.root: None}
        self.names = []

    def inside(self, path):
        return path == self.root or path.startswith(self.root + "/")

    def change_names(self, change, *paths):
        """A change of names, certain when the directory of one of its paths is synced."""
        change(self.seen)
        self.names.append((change, {os.path.dirname(path) for path in paths}))

    def settle_names(self, directory):
        touching = [place for place, (_, parents) in enumerate(self.names) if directory in parents]
        if touching:
            for change, _ in self.names[: touching[-1] + 1]:
                change(self.certain)
            del self.names[: touching[-1] + 1]

    def write(self, path, at, data, event):
        inode = self.seen.get(path)
        if inode is not None:
            inode.pending.append({"at": at, "data": data, "end": event.end})

    def happen(self, event):
        """Takes in one call that has ended well, at its beginning; syncs come in at their end."""
        name, arguments = event.name, event.arguments
        if name in ("openat", "creat"):
            return self.opened(arguments)
        strings = [text(hexed).decode() for hexed in STRING.findall(arguments)] if name in OF_NAMES else []
        if name in ("rename", "renameat", "renameat2") and self.inside(strings[0]):
            return self.renamed(strings[0], strings[1])
        if name in ("unlink", "unlinkat", "rmdir"):
            return self.removed(arguments, strings)
        if name in ("mkdir", "mkdirat"):
            return self.made(strings[0])
        if name in OF_NAMES and not any(map(self.inside, strings)):
            return None
        path = path_of(arguments)
        if name not in OF_NAMES and not self.inside(path):
            return None
        if name in ("pwrite64", "write"):
            data = text(STRING.search(arguments)[1])
            at = int(arguments.rsplit(",", 1)[1]) if name == "pwrite64" else self.appended(path)
            return self.write(path, at, data[: event.result], event)
        if name == "ftruncate":
            return self.write(path, int(arguments.rsplit(",", 1)[1]), None, event)
        raise AssertionError(f"the model does not know {name}({arguments[:200]})")

    def made(self, path):
        """A directory. That around the store counts as made before."""
        if self.inside(path) and path not in self.seen:
            self.change_names(lambda names: names.setdefault(path, None), path)

    def appended(self, path):
        """Where a `write` goes: nothing here seeks, so it is behind what was written to the file before."""
        inode = self.seen.get(path)
        if inode is None:
            return 0
        content = len(inode.certain)
        for operation in inode.pending:
            data = operation["data"]
            content = operation["at"] if data is None else max(content, operation["at"] + len(data))
        return content

    def opened(self, arguments):
        found = STRING.search(arguments)
        path = text(found[1]).decode() if found else ""
        if not self.inside(path):
            return
        if path not in self.seen and "O_CREAT" in arguments:
            inode = Inode()
            self.change_names(lambda names: names.__setitem__(path, inode), path)
        elif "O_TRUNC" in arguments and self.seen.get(path) is not None:
            self.seen[path].pending.append({"at": 0, "data": None, "end": 0})

    def renamed(self, old, new):
        def change(names):
            moved = {path: names.pop(path) for path in list(names) if path == old or path.startswith(old + "/")}
            for path, inode in moved.items():
                names[new + path[len(old) :]] = inode

        self.change_names(change, old, new)

    def removed(self, arguments, strings):
        path = strings[0]
        if not path.startswith("/"):
            path = os.path.join(path_of(arguments), path)
        if self.inside(path):
            self.change_names(lambda names: names.pop(path, None), path)

    def synced(self, event):
        path = path_of(event.arguments)
        if not self.inside(path) or path not in self.seen:
            return
        inode = self.seen[path]
        if inode is None:
            self.settle_names(path)
        else:
            inode.settle(event.begin)

    def leave(self, folder, loss, chance):
        """Writes what a power cut leaves into a folder. `loss`: `all` that is not certain, `none` of it, `some`."""
        names = dict(self.certain)
        kept = {"all": 0, "none": len(self.names), "some": chance.randint(0, len(self.names))}[loss]
        for change, _ in self.names[:kept]:
            change(names)
        os.makedirs(folder)
        for path in sorted(names):
            target = folder + path[len(self.root) :]
            if names[path] is None:
                os.makedirs(target, exist_ok=True)
                continue
            # A name without its directory cannot be reached.
            if os.path.isdir(os.path.dirname(target)):
                with open(target, "wb") as file:
                    file.write(left_of(names[path], loss, chance))


def left_of(inode, loss, chance):
    content = bytearray(inode.certain)
    if loss == "none":
        for operation in inode.pending:
            apply(content, operation)
    if loss == "some":
        share = chance.choice((0.1, 0.5, 0.9))
        for operation in inode.pending:
            if operation["data"] is None:
                if chance.random() < share:
                    apply(content, operation)
                continue
            for at, data in pages(operation, chance, share):
                apply(content, {"at": at, "data": data})
    return content


def pages(operation, chance, share):
    """Those pages of a write that the disk has; one in ten of them only in part, torn between sectors."""
    at, data = operation["at"], operation["data"]
    begin = at
    while begin < at + len(data):
        end = min((begin // PAGE + 1) * PAGE, at + len(data))
        if chance.random() < share:
            sectors = range(begin - begin % SECTOR, end, SECTOR)
            torn = chance.random() < 0.1
            for sector in sectors:
                low, high = max(sector, begin), min(sector + SECTOR, end)
                if not torn or chance.random() < 0.5:
                    yield low, data[low - at : high - at]
        begin = end


SYNCS = ("fsync", "fdatasync")


def steps(events):
    """Calls in the order in which they count: writes from where they begin, syncs where they end."""
    order = []
    for event in events:
        if event.name in SYNCS:
            if event.result == 0:
                order.append((event.end, event))
        elif event.name not in ("sendto", "sendmsg") and (event.result is None or event.result >= 0):
            order.append((event.begin, event))
    return sorted(order, key=lambda step: step[0])


def images(events, root, cuts, files=None):
    """For each cut (a line; ascending) the files as they are then, beginning with an empty directory or with `files`."""
    files, order = files or Files(root), steps(events)
    place = 0
    for cut in cuts:
        while place < len(order) and order[place][0] < cut:
            event = order[place][1]
            place += 1
            if event.name not in SYNCS:
                files.happen(event)
            else:
                files.synced(event)
        yield cut, files
