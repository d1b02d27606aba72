from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.hub import owncrds
from fleet.kube.errors import Forbidden
from tests.unit.kube.conftest import client_of
from tests.unit.kube.scripted import ScriptedServer, answer, kubeconfig, refusal

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

NAME = "resourcegraphs"
ESTABLISHED = [{"type": "Established", "status": "True"}]


def crd(*, revision: str = "", conditions: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{NAME}.platform.pequod.io",
            "resourceVersion": "1",
            "annotations": {"platform.pequod.io/revision": revision},
        },
        "status": {"conditions": conditions},
    }


def shipped_revision() -> str:
    found: str = owncrds._manifest(NAME)["metadata"]["annotations"]["platform.pequod.io/revision"]
    return found


async def installed(tmp_path: Path, *answers: Any) -> list[str]:  # noqa: ANN401 - answers of a scripted server
    """What was asked, in order, while the CRD was installed."""
    async with ScriptedServer() as server:
        server.will(*answers)
        async with client_of(kubeconfig(tmp_path / "kubeconfig", server=server.url)) as client:
            await owncrds.install(client, NAME)
        return [each.method for each in server.requests]


async def test_a_crd_that_is_there_as_it_ships_is_not_written(tmp_path: Path) -> None:
    there = crd(revision=shipped_revision(), conditions=ESTABLISHED)

    assert await installed(tmp_path, answer(there)) == ["GET"]


async def test_an_older_crd_is_replaced_and_waited_for(tmp_path: Path) -> None:
    applied = crd(revision=shipped_revision(), conditions=None)  # a new CRD has null there
    there = crd(revision=shipped_revision(), conditions=ESTABLISHED)

    asked = await installed(tmp_path, answer(crd(revision="old")), answer(applied), answer(there))
    assert asked == ["GET", "PATCH", "GET"]


async def test_where_the_hub_may_not_install_it_is_enough_that_somebody_did(tmp_path: Path) -> None:
    refused = refusal(403, "Forbidden", "may not patch")

    asked = await installed(
        tmp_path, answer(crd(revision="other")), refused, answer(crd(revision="other", conditions=ESTABLISHED))
    )
    assert asked == ["GET", "PATCH", "GET"]


async def test_where_nobody_did_it_is_told_what_to_do(tmp_path: Path) -> None:
    missing, refused = refusal(404, "NotFound", "no CRD"), refusal(403, "Forbidden", "may not patch")

    with pytest.raises(Forbidden, match="apply config/crd/ with a user that may"):
        await installed(tmp_path, missing, refused, missing)
