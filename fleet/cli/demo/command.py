"""``fleet demo``: sets the stage, has the story told, and clears everything away, whatever happens."""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from fleet.cli.demo import guide
from fleet.cli.demo.narrator import Narrator, NotHappened
from fleet.cli.demo.stage import Stage
from fleet.cli.demo.story import Story
from fleet.local import binaries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants this to end. No Exception: nothing on the way may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@click.command(short_help="Watch a fleet at work, on real clusters on this machine.")
@click.option("--keep", is_flag=True, help="Leave everything running, and say how to go on from there.")
def demo(*, keep: bool) -> None:
    """Watch a fleet at work, on real clusters on this machine.

    Starts a hub cluster, two spokes and a hub on loopback, makes a kind from a CUE module, creates, changes and
    deletes instances of it, and shows the audit trail. That takes less than half a minute. The first time, the
    control planes are built from source before, which takes some minutes. Nothing is left behind.
    """
    try:
        with _interruptible():
            _perform(Narrator(Console()), keep=keep)
    except Interrupted as exc:
        sys.exit(exc.exit_code)


def _perform(narrator: Narrator, *, keep: bool) -> None:
    programs = binaries.find_or_build(say=narrator.say_plain)
    narrator.begin()
    with ExitStack() as ending:
        stage = Stage(Path(tempfile.mkdtemp(prefix="fleet-demo-")), programs)
        ending.callback(_clear_away, stage, narrator)
        with closing(Story(stage, narrator)) as story:
            try:
                story.tell()
            except NotHappened as exc:
                raise NotHappened(f"{exc}\n\nThe hub's log ends so:\n{stage.hub_log_tail()}") from exc
        narrator.say_plain(f"\nThat took {narrator.elapsed_s:.1f} s.")
        if keep:
            stage.leave_running()
            ending.pop_all()
            guide.show(stage, narrator)


def _clear_away(stage: Stage, narrator: Narrator) -> None:
    _ignore_endings()
    with narrator.waiting("ending every process"):
        ended = stage.end()
    every = f"all {ended} processes" if ended else "every process"
    narrator.say_plain(f"Ended {every} and removed {stage.folder}.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, a supervisor's SIGTERM and a terminal that closes all end the block in the same way."""

    def interrupt(number: int, _: FrameType | None) -> None:
        _ignore_endings()  # a second Ctrl-C must not interrupt the clearing away
        logging.disable()  # and what is interrupted, such as a query of the database, need not complain
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_endings() -> None:
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
