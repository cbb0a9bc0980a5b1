"""A simulated Chat, the bot's release binary beside it, and people who talk: real processes over real sockets."""

import contextlib
import hashlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release"
BINARY = Path(os.environ.get("GROUPKEEPER", TARGET / "groupkeeper"))
GROUP = "@TGS#cats"
TOKEN = "token"
KEY = "0123456789abcdef0123456789abcdef"
# Own numbers, far from those that the simulated Chat gives to the bot's messages.
FIRST_SEQUENCE = 1_000_000
# Each port is given out once; another program begins elsewhere.
OFFSETS = itertools.count(os.getpid() % 120 * 100)

# Every message becomes a journal entry and a counter; some an effect, some a sanction with a timer.
RULES = """
[rule.count]
on = "message.sent"
count = { each = ["group", "member"], within = "10s", more_than = 999 }
do = [{ mute = { for = "1m" } }]

[rule.echo]
on = "message.sent"
when = 'message.text.startsWith("echo")'
do = [{ send_message = { text = "heard {message.text}" } }]

[rule.quiet]
on = "message.sent"
when = 'message.text.startsWith("shout")'
do = [{ mute = { for = "1h" } }]
"""


def free_port():
    """One below those that the kernel gives to connections, so that nobody takes it meanwhile."""
    for offset in OFFSETS:
        port = 20_000 + offset % 12_000
        with socket.socket() as some, contextlib.suppress(OSError):
            some.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            some.bind(("127.0.0.1", port))
            return port


def ask(port, method, path, body=None):
    """One request on a connection of its own: status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(what, seconds, hint):
    """Polls until something is so; `hint` says what did not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {hint() if callable(hint) else hint}")


def end(child):
    """SIGKILL. What runs under strace is killed itself: strace then writes down the rest and ends too."""
    if child.poll() is None:
        traced = [int(pid) for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
        for pid in traced or [child.pid]:
            os.kill(pid, signal.SIGKILL)
    child.wait(60)


class Process:
    """A process with its log in a file, ended with its owner."""

    def __init__(self, command, log, **how):
        self.log = Path(log)
        with open(log, "ab") as file:
            self.child = subprocess.Popen([str(part) for part in command], stdout=file, stderr=file, **how)

    def told(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        end(self.child)


class Chat(Process):
    """`groupkeeper simulate`, with one group in it."""

    def __init__(self, folder, callback_port, members=8):
        self.port = free_port()
        url = f"http://127.0.0.1:{callback_port}/callback"
        super().__init__(
            [BINARY, "simulate", "--listen", f"127.0.0.1:{self.port}", "--callback-url", url, "--callback-token", TOKEN],
            folder / "chat.log",
        )
        until(lambda: "listens on" in self.told(), 10, self.told)
        people = [f"p{number}" for number in range(members)]
        self.control("group", {"id": GROUP, "type": "Public", "owner": "olga", "members": people})

    def control(self, verb, fields):
        status, text = ask(self.port, "POST", f"/control/{verb}", json.dumps(fields))
        assert status == 200, text
        return json.loads(text)

    def texts(self):
        """What people read in the group."""
        status, text = ask(self.port, "GET", "/control/state")
        assert status == 200, text
        return text


class Bot(Process):
    """`groupkeeper serve` on a store. `under` is put before the command, for instance strace."""

    def __init__(self, folder, store, chat_port, callback_port, under=(), signed=True, **settings):
        self.port, self.admin = callback_port, free_port()
        rules = folder / "rules"
        rules.mkdir(exist_ok=True)
        (rules / "rules.toml").write_text(RULES)
        environment = dict(os.environ)
        values = {
            "app_sdk_app_id": "1400000000",
            "app_secret_key": KEY,
            "app_api_base": f"http://127.0.0.1:{chat_port}",
            "callback_listen": f"127.0.0.1:{callback_port}",
            "admin_listen": f"127.0.0.1:{self.admin}",
            "store_url": f"sled:{store}",
            "reconcile_every": "off",
            "log_level": "warn",
            **({"callback_tokens": TOKEN} if signed else {}),
            **settings,
        }
        environment.update({f"GROUPKEEPER_{name.upper()}": value for name, value in values.items()})
        super().__init__([*under, BINARY, "serve"], folder / "bot.log", cwd=folder, env=environment)

    def ready(self, seconds=30):
        """What `/readyz` answers; raises when the process has ended or says nothing in time."""

        def answer():
            assert self.child.poll() is None, f"the bot has ended: {self.told()}"
            try:
                return ask(self.admin, "GET", "/readyz")
            except OSError:
                return None

        return until(answer, seconds, self.told)


class Talk:
    """People who post callbacks over connections of their own, and what they were answered."""

    def __init__(self, port, people=8, signed=True, begin=0, pause=0.0):
        self.port, self.signed, self.pause = port, signed, pause
        self.lock = threading.Lock()
        self.number = begin
        # In the order of the answers: client port, text, status.
        self.answers = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.talk, args=(own,), daemon=True) for own in range(people)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def acknowledged(self):
        with self.lock:
            return [text for _, text, status in self.answers if status == 200]

    def text(self, number):
        """Every tenth is echoed, every hundredth is a shout, every thirtieth is long enough to be cut."""
        kind = "shout" if number % 100 == 7 else "echo" if number % 10 == 0 else "say"
        return f"{kind} {number}." + ("x" * 9_000 if number % 30 == 3 else "")

    def talk(self, own):
        connection = None
        while not self.over.is_set():
            with self.lock:
                number = self.number
                self.number += 1
            text = self.text(number)
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                    connection.connect()
                client = connection.sock.getsockname()[1]
                status = post(connection, f"p{own}", number, text, self.signed)
            except (OSError, http.client.HTTPException):
                connection = None
                # The bot is gone, or was not there yet.
                time.sleep(0.01)
                continue
            with self.lock:
                self.answers.append((client, text, status))
            if self.pause:
                time.sleep(self.pause)


def post(connection, who, number, text, signed):
    """One callback: the HTTP status of its answer."""
    now = int(time.time())
    body = {
        "CallbackCommand": "Group.CallbackAfterSendMsg",
        "GroupId": GROUP,
        "Type": "Public",
        "From_Account": who,
        "MsgSeq": FIRST_SEQUENCE + number,
        "MsgTime": now,
        "MsgBody": [{"MsgType": "TIMTextElem", "MsgContent": {"Text": text}}],
    }
    query = "/callback?SdkAppid=1400000000&CallbackCommand=Group.CallbackAfterSendMsg"
    if signed:
        sign = hashlib.sha256(f"{TOKEN}{now}".encode()).hexdigest()
        query += f"&Sign={sign}&RequestTime={now}"
    connection.request("POST", query, json.dumps(body))
    answer = connection.getresponse()
    answer.read()
    return answer.status
