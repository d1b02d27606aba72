"""Progress is shown as bars on a terminal, and as a few lines in a log."""

from __future__ import annotations

import io

from fleet.local import progress
from fleet.local.building import Phase, Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _a_build() -> list[Progress]:
    compiling = [Progress(program="etcd", phase=Phase.COMPILING, done=done, total=100) for done in range(101)]
    return [
        Progress(program="etcd", phase=Phase.DOWNLOADING),
        *(Progress(program="etcd", phase=Phase.DOWNLOADING, done=done) for done in range(1, 40)),
        *compiling,
        Progress(program="etcd", phase=Phase.LINKING, done=100, total=100),
        Progress(program="etcd", phase=Phase.DONE, done=100, total=100),
    ]


def test_a_log_gets_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with progress.shown(stream) as report:
        for each in _a_build():
            report(each)

    assert stream.getvalue().splitlines() == [
        "etcd: looking at its sources",
        "etcd: downloading sources (1 modules)",
        "etcd: compiling 0 of 100 packages",
        "etcd: compiling 20 of 100 packages",
        "etcd: compiling 40 of 100 packages",
        "etcd: compiling 60 of 100 packages",
        "etcd: compiling 80 of 100 packages",
        "etcd: compiling 100 of 100 packages",
        "etcd: linking",
        "etcd: built",
    ]


def test_a_terminal_gets_a_bar() -> None:
    stream = _Terminal()
    with progress.shown(stream) as report:
        for each in _a_build():
            report(each)

    assert "built" in stream.getvalue()
    assert "━" in stream.getvalue()
