"""``--no-skips``: a test that is skipped fails.

A skip says that something was missing: a database, the control planes, a program. Where everything is meant to run
(``make test`` and CI), a suite that quietly got smaller must not pass. An expected failure (xfail) is no skip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--no-skips``."""
    parser.addoption("--no-skips", action="store_true", help="fail every test that would be skipped")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests that are skipped by a mark, or by calling ``pytest.skip``."""
    del call
    report = yield
    return _refused(report) if item.config.getoption("no_skips") else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Whole modules that are skipped while they are imported (``pytest.importorskip``)."""
    report = yield
    return _refused(report) if collector.config.getoption("no_skips") else report


def _refused(report: Report) -> Report:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} would be skipped, and this run skips nothing: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])  # (file, line, reason), as pytest writes skips
    return str(report.longrepr)
