"""Who writes while the power is cut: the bot under callbacks, the store under a torturer, a compaction."""

import re
import subprocess
import threading
import time

from . import judge, rig, trace

# An answer on the wire: the client's port, behind the arrow.
ANSWER = re.compile(r"^\d+<TCP:\[[^\]]*->127\.0\.0\.1:(\d+)\]>, (?:\[\{iov_base=)?\"\\x48\\x54\\x54\\x50\\x2f")


class OfTheBot:
    """`groupkeeper serve`, with people who talk to it; Chat takes no messages, so that effects pile up."""

    name = "bot"

    def __init__(self, folder, signed=True):
        self.folder, self.signed = folder, signed
        self.callbacks = rig.free_port()
        self.chat = rig.Chat(folder, self.callbacks)
        self.chat.control("fault", {"on": "*", "kind": {"status": 502}})
        self.lives, self.answers = 0, []
        self.bot = self.talk = None

    def start(self, store, under=()):
        self.bot = rig.Bot(self.folder, store, self.chat.port, self.callbacks, under, self.signed)
        self.lives += 1

    def work(self, seconds):
        self.bot.ready()
        begin = self.talk.number if self.talk else 0
        self.talk = rig.Talk(self.callbacks, signed=self.signed, begin=begin)
        with self.talk:
            time.sleep(seconds)

    def cut(self, seconds, power_off):
        """Cuts the power in the middle of it; what was answered until then counts, and what is answered later too."""
        self.bot.ready()
        begin = self.talk.number if self.talk else 0
        self.talk = rig.Talk(self.callbacks, signed=self.signed, begin=begin)
        with self.talk:
            time.sleep(seconds)
            power_off()
            # Now and then a sync is under way at that moment.
            time.sleep(0.02)
            self.bot.kill()
        self.answers += self.talk.answers

    def judge(self):
        return judge.OfTheBot([text for _, text, status in self.answers if status == 200])

    def acknowledgements(self, events):
        """Where in the trace each answer left, with what it acknowledges: what a client may know from then on."""
        waiting = {}
        for client, text, status in self.talk.answers:
            waiting.setdefault(client, []).append((text, status))
        for event in events:
            found = ANSWER.match(event.arguments) if event.name in ("write", "writev", "sendto") else None
            if found and waiting.get(int(found[1])):
                text, status = waiting[int(found[1])].pop(0)
                if status == 200:
                    yield event.begin, text

    def judge_of(self, acknowledged):
        return judge.OfTheBot(acknowledged)

    def deliver(self, store, expected):
        """The next life: Chat takes messages again, everything that was owed arrives, once."""
        self.chat.control("clear_faults", {})
        bot = rig.Bot(self.folder, store, self.chat.port, self.callbacks, signed=self.signed)
        try:
            bot.ready()

            def settled():
                status, text = rig.ask(bot.admin, "GET", "/metrics")
                return status == 200 and "groupkeeper_outbox_pending 0\n" in text

            rig.until(settled, 120, "the outbox did not get empty")
        finally:
            bot.kill()
        read = self.chat.texts()
        for text in expected:
            count = read.count(f'"heard {text}"')
            if count != 1:
                raise judge.Broken(f"people read the answer to {text!r} {count} times")

    def stop(self):
        if self.bot:
            self.bot.kill()
        self.chat.kill()


class OfTorture:
    """`benches/torture.rs`: few keys, rewritten without end."""

    name = "torture"

    def __init__(self, folder, binary):
        self.folder, self.binary, self.child = folder, binary, None
        self.lines = []

    def start(self, store, under=()):
        with open(self.folder / "torture.log", "ab") as log:
            self.child = subprocess.Popen([*map(str, under), self.binary, "write", str(store)],
                                          stdout=subprocess.PIPE, stderr=log, text=True)
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.child.stdout), daemon=True)
        self.reader.start()

    def work(self, seconds):
        before = len(self.lines)
        rig.until(lambda: len(self.lines) > before, 20, "the torturer commits nothing")
        time.sleep(seconds)
        self.stop()

    def cut(self, seconds, power_off):
        before = len(self.lines)
        rig.until(lambda: len(self.lines) > before, 20, "the torturer commits nothing")
        time.sleep(seconds)
        power_off()
        time.sleep(0.02)
        self.stop()

    def judge(self):
        return judge.OfTorture(self.binary, self.lines)

    def acknowledgements(self, events):
        for event in events:
            if event.name == "write" and event.arguments.startswith("1<"):
                yield event.begin, trace.text(trace.STRING.search(event.arguments)[1]).decode()

    def judge_of(self, acknowledged):
        return judge.OfTorture(self.binary, acknowledged)

    def stop(self):
        if self.child and self.child.poll() is None:
            rig.end(self.child)
            self.reader.join(10)
