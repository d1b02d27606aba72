"""What can be missing or wrong around a fleet, looked at piece by piece, each with what to do about it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet.cli import databases
from fleet.cue import sources
from fleet.cue.binary import helper_path
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote import gitrun
from fleet.errors import FleetError
from fleet.local import binaries, programs, toolchain
from fleet.registry.directory import Directory
from fleet.store import schema, urls
from fleet.transforms.spec import CueRef, SourceType

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.registry.directory import Registrations

_SAMPLE = CueRef(type=SourceType.EMBEDDED, ref="webservice")


class Verdict(StrEnum):
    """What a look found."""

    OK = "ok"
    WARNING = "warning"
    """Not needed by everybody."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at one thing: what was found, and what to do where that is not well."""

    subject: str
    verdict: Verdict
    found: str
    advice: str = ""


def well(subject: str, found: str) -> Check:
    """A check that found things as they should be."""
    return Check(subject=subject, verdict=Verdict.OK, found=found)


def failed(subject: str, found: str, *, advice: str = "") -> Check:
    """A check that found something which keeps the fleet from working."""
    return Check(subject=subject, verdict=Verdict.FAILED, found=found, advice=advice)


def warned(subject: str, found: str, *, advice: str = "") -> Check:
    """A check that found something which only some need."""
    return Check(subject=subject, verdict=Verdict.WARNING, found=found, advice=advice)


async def cue_helper() -> Check:
    """Whether the helper is there and evaluates."""
    subject = "CUE helper"
    try:
        path = helper_path()
        module = await sources.resolve(_SAMPLE)
        started = time.monotonic()
        async with Evaluator(size=1) as evaluator:
            meta = await evaluator.inspect(module)
    except FleetError as exc:
        return failed(subject, str(exc), advice="install pequod-fleet again; in a checkout run `make setup`")
    took_ms = (time.monotonic() - started) * 1000
    return well(subject, f"{path} started and read the module of {meta.kind} in {took_ms:.0f} ms")


def git_programs() -> Check:
    """Whether modules can be fetched from git repositories. Other sources need no program."""
    subject = "git sources"
    lacking = gitrun.missing_programs("ssh")
    if not lacking:
        return well(subject, "git and ssh are there")
    found = f"there is no {' and no '.join(lacking)}"
    if "git" in lacking:
        return warned(subject, found, advice="install git, for modules of type git; others need none")
    return warned(
        subject, found, advice="install an ssh client, for modules of type git over ssh; https needs none"
    )


async def database(url: str) -> Check:
    """Whether the database answers, with the tables of this version."""
    subject = "database"
    try:
        databases.check_exists(url)
    except databases.NoDatabase as exc:
        return warned(subject, str(exc), advice="run `fleet hub`, or `fleet db upgrade` to make the tables now")
    except FleetError as exc:
        return failed(subject, str(exc), advice="correct --database or FLEET_DATABASE_URL")
    name = urls.described(urls.parse(url))
    try:
        found, wanted = await schema.current(url), schema.head()
    except FleetError as exc:
        return failed(
            subject, str(exc), advice="see that the server runs, and that the URL and password are right"
        )
    if found != wanted:
        return failed(
            subject,
            f"{name} has {f'the tables of {found}' if found else 'no tables'}, this version needs {wanted}",
            advice=schema.advice(found),
        )
    return well(subject, f"{name} answers, with the tables of {found}")


def cluster_files(folder: Path) -> tuple[list[Check], Registrations]:
    """What is wrong with the cluster files, and the clusters of those that are right."""
    subject = "cluster files"
    found = Directory(folder).scan()
    if found.listed is None:
        advice = "make that folder, or name another with --clusters or FLEET_CLUSTERS"
        return [failed(subject, str(found.errors[0]), advice=advice)], found
    if found.errors:
        advice = "correct that place: until then the hub keeps what it last understood of this file"
        return [failed(subject, str(error), advice=advice) for error in found.errors], found
    if not found.clusters:
        advice = "put a file <name>.yaml for each cluster there; clusters/README.md shows what belongs in it"
        return [warned(subject, f"{folder} has none", advice=advice)], found
    return [well(subject, f"{len(found.clusters)} in {folder}, all understood")], found


async def control_planes() -> Check:
    """Whether the demo and the local clusters can start. Nothing else needs them."""
    subject = "local clusters"
    programs_found = await asyncio.to_thread(binaries.find)
    if programs_found is not None:
        return well(subject, f"their programs are there, such as {programs_found.kube_apiserver}")
    try:
        go = await asyncio.to_thread(toolchain.find_go)
    except FleetError as exc:
        advice = "needed for `fleet demo` and `fleet local` only: `pip install 'pequod-fleet[local]'`"
        return warned(subject, str(exc), advice=advice)
    minutes = sum(module.cold_build_minutes for module in programs.MODULES)
    return well(
        subject,
        f"`fleet demo` or `fleet local build` builds their programs once, with {go}: about {minutes:g} min",
    )
