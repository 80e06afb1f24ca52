"""What is done to a subject: killed at instants and at events, stopped, out of room, started twice; and what must hold after."""

import json
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .child import Fate, Run, contents, run

__all__ = ["Campaign", "Report"]

_HOWS = ("before", "torn", "after")
_LONGEST = 600                       # seconds after which a run counts as hanging


@dataclass
class Report:
    """What came of a subject: kills that met it at work, how many of them went on from parts, and what was wrong."""

    name: str
    seconds: float = 0.0
    events: int = 0
    killed: int = 0
    from_parts: int = 0
    stopped: int = 0
    full: int = 0
    refused: int = 0
    wrong: list = field(default_factory=list)

    def row(self):
        """A line of the table."""
        numbers = f"{self.seconds:7.1f} {self.events:7d} {self.killed:7d} {self.from_parts:11d} {self.stopped:8d} {self.full:6d} {self.refused:8d}"
        return f"{self.name:22s} {numbers}   {'; '.join(self.wrong) or 'same bytes'}"

    @staticmethod
    def head():
        """The line above."""
        return f"{'':22s} {'seconds':>7s} {'events':>7s} {'killed':>7s} {'went on from':>11s} {'stopped':>8s} {'full':>6s} {'refused':>8s}"


class Campaign:
    """One subject (an experiment or a training: name, prepare, command, may_differ) in folders below `root`; `report` tells what came of it."""

    def __init__(self, subject, root: Path):
        self.subject, self.root, self.count = subject, root, 0
        self.report = Report(subject.name)
        subject.prepare(root / "before")
        subject.command(self.fresh())                                    # here, so that what is loaded and compiled once is there in every fork
        begun = time.monotonic()
        folder = self.fresh()
        first = self.run(folder)
        self.report.seconds, self.report.events, self.status = time.monotonic() - begun, first.events, first.status
        self.wanted = contents(folder)
        if first.status not in (0, 1) or not self.wanted:
            raise RuntimeError(f"{subject.name} does not run: status {first.status}, {first.said[-1500:]}")
        self.check(folder, "uninterrupted", first)

    def fresh(self):
        """A folder as it is before the first run."""
        self.count += 1
        folder = self.root / "run"                                       # of one name, as options are part of the fingerprint
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.root / "before", folder)
        return folder

    def run(self, folder, fate=Fate(), interrupt=lambda child: None) -> Run:
        """One run in a folder."""
        return run(partial(self.subject.command, folder), fate, interrupt)

    def check(self, folder, when, ended):
        """Note what is wrong with the end of a run: its status, other bytes, other files."""
        found = contents(folder)
        if ended.status != self.status:
            self.note(when, f"status {ended.status}: {ended.said.strip()[-300:]}")
        if found.keys() != self.wanted.keys():
            self.note(when, f"other files: {sorted(found.keys() ^ self.wanted.keys())[:4]}")
        for name in found.keys() & self.wanted.keys():
            if found[name] != self.wanted[name] and not self.subject.may_differ(name, found[name], self.wanted[name]):
                self.note(when, f"{name} differs")

    def check_whole(self, folder, when):
        """Note results that are there but not whole."""
        for name, data in contents(folder).items():
            if name.endswith(".json") and "/." not in f"/{name}":
                try:
                    json.loads(data)
                except ValueError:
                    self.note(when, f"{name} is half written")
            if name.endswith(".png") and not data.endswith(b"IEND\xaeB`\x82"):
                self.note(when, f"{name} is half written")

    def note(self, when, what):
        self.report.wrong.append(f"{when}: {what}")

    def go_on(self, folder, when):
        """Run to the end in a folder that something has stopped in, and check."""
        self.check_whole(folder, when)
        self.report.from_parts += any(name.endswith(".npz") and ".parts/" in name for name in contents(folder))
        self.check(folder, f"after {when}", self.run(folder))

    def kill_at_instants(self, instants):
        """SIGKILL at so many instants: every other one uniform over the duration, the rest at events of files, sometimes once more while going on."""
        for k in range(instants):
            rng = random.Random(f"{self.subject.name} {k}")
            folder, fate, interrupt, when = self.fresh(), Fate(), lambda child: None, ""
            if k % 2:
                fate = Fate(rng.randint(1, max(self.report.events, 1)), rng.choice(_HOWS))
                when = f"a kill {fate.how} event {fate.event}"
            else:
                instant = rng.random()
                interrupt, when = partial(self._signal, folder, signal.SIGKILL, instant), f"a kill at {instant:.3f}"
            self._counted(self.run(folder, fate, interrupt), when)
            if rng.random() < 0.25:
                again = Fate(rng.randint(1, max(self.report.events, 1)), rng.choice(_HOWS))
                self._counted(self.run(folder, again), f"{when}, then {again.how} event {again.event}")
            self.go_on(folder, when)

    def _counted(self, ended, when):
        self.report.killed += ended.status == -signal.SIGKILL
        if ended.status not in (-signal.SIGKILL, self.status):
            self.note(when, f"ended with {ended.status}: {ended.said.strip()[-300:]}")

    def _signal(self, folder, number, instant, child):
        """Send a signal to a run when it has begun and so much of its duration has passed; what it has started must end with it."""
        deadline = time.monotonic() + _LONGEST
        while not _held(folder) and _lives(child) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(instant * self.report.seconds)
        if not _lives(child):
            return
        os.kill(child, number)
        if number == signal.SIGKILL:
            while _in_group(child) and time.monotonic() < deadline - _LONGEST + 60:
                time.sleep(0.01)
            if _in_group(child):
                self.note("SIGKILL", "processes that it had started live on")
                os.killpg(child, signal.SIGKILL)

    def all(self, instants):
        """Everything, and the Report."""
        self.kill_at_instants(instants)
        self.stop()
        self.fill()
        self.start_twice()
        return self.report

    def stop(self):
        """Ctrl-C and SIGTERM, once each: one line, the status of the signal, and it goes on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            instant = random.Random(f"{self.subject.name} {number}").uniform(0, 0.7)
            folder = self.fresh()
            ended = self.run(folder, interrupt=partial(self._signal, folder, number, instant))
            self.report.stopped += ended.status == 128 + number
            if ended.status not in (128 + number, self.status) or "Traceback" in ended.said:
                self.note(number.name, f"ended with {ended.status}: {ended.said.strip()[-300:]}")
            self.go_on(folder, number.name)

    def fill(self):
        """The disk full from some event on, then files that may not be large: a line, nothing half written, and it goes on when there is room."""
        rng = random.Random(f"{self.subject.name} full")
        for fate in (Fate(rng.randint(1, self.report.events), "full"), Fate(bytes=rng.choice((0, 100, 2000)))):
            folder = self.fresh()
            ended = self.run(folder, fate)
            self.report.full += ended.status == 2
            lines = [line for line in ended.said.splitlines() if "error:" in line]
            if ended.status not in (1, 2, self.status) or "Traceback" in ended.said or (ended.status == 2 and (len(lines) != 1 or "run again" not in lines[0])):
                self.note("a full disk", f"ended with {ended.status}: {ended.said.strip()[-300:]}")
            if any(name.endswith(".tmp") for name in contents(folder)):
                self.note("a full disk", "a draft is left")
            self.go_on(folder, f"a full disk ({fate})")

    def start_twice(self):
        """A second run in the folder of one at work is refused, and does not disturb it."""
        folder, found = self.fresh(), []

        def second(child):
            deadline = time.monotonic() + _LONGEST
            while not _held(folder) and _lives(child) and time.monotonic() < deadline:
                time.sleep(0.001)
            os.kill(child, signal.SIGSTOP)                               # it holds the lock as long as this takes
            os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if _lives(child) and _held(folder):
                found.append(self.run(folder))
            os.kill(child, signal.SIGCONT)

        ended = self.run(folder, interrupt=second)
        self.report.refused += bool(found) and found[0].status == 2
        if found and (found[0].status != 2 or "is in use by process" not in found[0].said or "Traceback" in found[0].said):
            self.note("a second run", f"ended with {found[0].status}: {found[0].said.strip()[-300:]}")
        self.check(folder, "with a second run", ended)


def _held(folder):
    """Whether a run holds the folder, or a file in it, and has said so."""
    for path in folder.glob(".*ocnet.lock"):
        with suppress(FileNotFoundError):
            return path.stat().st_size > 0
    return False


def _lives(child):
    """Whether a child of this process has not ended."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _in_group(leader):
    """Whether processes that a killed leader has started live on; itself, not yet waited for, does not count."""
    for entry in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split() if entry.isdigit() and int(entry) != leader else None
        except OSError:
            continue
        if fields and int(fields[2]) == leader and fields[0] != "Z":
            return True
    return False
