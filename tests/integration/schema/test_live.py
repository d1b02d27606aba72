"""A sample of the corpus on a live API server: it does what the differential test says that it does.

The differential test runs the API server's own code in its process. That this stands for the real thing (decoding,
order of pruning and defaulting, acceptance of the CRD) is shown here: same schemas, same values, same verdicts.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.waiting import until
from tests.integration.schema.golang import DIFFTEST, run_go

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import View

GROUP = "sample.example.com"
VERSION = "v1"
CREATED = 201
REFUSED = {400, 422}

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A definition with its schema and cases: value, what is stored of it, and whether CUE accepts it."""

    name: str
    schema: dict[str, Any]
    cases: list[dict[str, Any]]

    @property
    def plural(self) -> str:
        return f"{self.name.lower()}s"

    def crd(self) -> dict[str, Any]:
        names = {
            "plural": self.plural,
            "singular": self.name.lower(),
            "kind": self.name,
            "listKind": f"{self.name}List",
        }
        root = {"type": "object", "required": ["spec"], "properties": {"spec": self.schema}}
        version = {"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
        }


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """The sample, made by the differential test's own generator."""
    lines = run_go("run", "./cmd/sample", cwd=DIFFTEST).splitlines()
    return [Sample(**json.loads(line)) for line in lines]


def test_sample_of_the_corpus(
    samples: list[Sample], fresh_control_plane: ControlPlane, view: Callable[[ControlPlane], View]
) -> None:
    cluster = view(fresh_control_plane)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(cluster.apply, [sample.crd() for sample in samples]))
        for sample in samples:
            _wait_until_served(cluster, sample)
        differences = [
            found for each in pool.map(lambda sample: _differences(cluster, sample), samples) for found in each
        ]

    assert sum(len(sample.cases) for sample in samples) >= 1000
    assert not differences, "\n".join(differences)


def _wait_until_served(cluster: View, sample: Sample) -> None:
    until(lambda: cluster.serves(f"{GROUP}/{VERSION}", sample.name), deadline_s=60)


def _differences(cluster: View, sample: Sample) -> list[str]:
    """Create each value (dry run, strict) and compare what comes back with what is expected."""
    found = []
    for case in sample.cases:
        answer = _create(cluster, sample, case["value"])
        if answer.status_code not in {CREATED} | REFUSED:
            found.append(f"{sample.name} {json.dumps(case['value'])}: {answer.status_code} {answer.text}")
            continue
        stored = answer.json()["spec"] if answer.status_code == CREATED else None
        if stored != case["stored"]:
            expected = "refusal" if case["stored"] is None else json.dumps(case["stored"])
            found.append(f"{sample.name} {json.dumps(case['value'])}: expected {expected}, got {answer.text}")
        elif case["cue"] and stored is None:
            found.append(
                f"{sample.name} {json.dumps(case['value'])}: CUE accepts it, the API server: {answer.text}"
            )
    return found


def _create(cluster: View, sample: Sample, spec: object) -> requests.Response:
    body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": sample.name, "metadata": {"name": "a"}, "spec": spec}
    path = f"/apis/{GROUP}/{VERSION}/namespaces/default/{sample.plural}"
    strictly = {"dryRun": "All", "fieldValidation": "Strict"}
    answer: requests.Response = cluster.api.session.post(
        cluster.api.url + path, json=body, params=strictly, timeout=30
    )
    return answer
