"""The error tree as its docstring draws it."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import fleet
from fleet import errors
from fleet.errors import FleetError, Terminal, Transient

ROOMS = (
    "settings",
    "store",
    "kube",
    "cue",
    "local",
    "registry",
    "transforms",
    "render",
    "graph",
    "apply",
    "audit",
    "hub",
)
SURFACES = ("fleet.cli", "fleet.cue.authoring")


def drawn() -> dict[str, type[FleetError]]:
    """The leaves that the docstring names, with what it says they are."""
    kind: type[FleetError] = FleetError
    leaves: dict[str, type[FleetError]] = {}
    for line in (errors.__doc__ or "").splitlines():
        if "Transient" in line and "──" in line:
            kind = Transient
        elif "Terminal" in line and "──" in line:
            kind = Terminal
        elif found := re.search(rf"\b({'|'.join(ROOMS)}):\s+(\w.*)$", line):
            leaves |= dict.fromkeys(re.findall(r"\w+", found[2]), kind)
    return leaves


def defined() -> dict[str, type[FleetError]]:
    """Every error class of the package."""
    for module in pkgutil.walk_packages(fleet.__path__, "fleet."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, type[FleetError]] = {}
    todo: list[type[FleetError]] = [FleetError]
    while todo:
        each = todo.pop()
        found[each.__name__] = each
        todo += each.__subclasses__()
    return found


@pytest.mark.parametrize("name", sorted(drawn()))
def test_the_docstring_draws_what_exists(name: str) -> None:
    assert issubclass(defined()[name], drawn()[name])


def test_every_error_of_a_room_is_drawn() -> None:
    leaves = {
        name
        for name, each in defined().items()
        if each.__module__.startswith("fleet.") and not each.__module__.startswith(("fleet.errors", *SURFACES))
    }
    assert leaves == drawn().keys()


def test_every_error_is_one_of_two() -> None:
    undecided = [
        name
        for name, each in defined().items()
        if not issubclass(each, Transient | Terminal)
        and each.__module__.startswith("fleet")
        and name != "FleetError"
    ]
    assert undecided == [name for name in undecided if defined()[name].__subclasses__()]


def test_a_transient_error_knows_when_to_try_again() -> None:
    assert Transient("later", retry_after=3).retry_after == 3
    assert Transient("later").retry_after is None
    assert str(Transient("later", retry_after=3)) == "later"
