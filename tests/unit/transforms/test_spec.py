from __future__ import annotations

import pytest

from fleet.transforms import spec as specs
from fleet.transforms.spec import DeletionPolicy, Policy, Reach, SourceType, TransformError

REF = {"type": "embedded", "ref": "webservice"}


def test_what_is_not_said_has_the_careful_default() -> None:
    spec = specs.parse_spec({"cueRef": REF})

    assert (spec.cue_ref.type, spec.cue_ref.ref) == (SourceType.EMBEDDED, "webservice")
    assert (spec.group, spec.version, spec.kind) == ("platform.pequod.io", "v1alpha1", None)
    assert spec.deletion_policy is DeletionPolicy.RETAIN
    assert spec.policy == specs.STRICTEST == Policy(reach=Reach(), max_prune="50%", suspend=False)


def test_what_graphs_may_do_is_the_policy() -> None:
    reach = {"clusterScoped": True, "namespaces": ["a", "b"]}
    spec = specs.parse_spec({"cueRef": REF, "reach": reach, "maxPrune": 5, "suspend": True})

    assert spec.policy == Policy(
        reach=Reach(cluster_scoped=True, namespaces=("a", "b")), max_prune="5", suspend=True
    )


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({}, "cueRef"),
        ({"cueRef": {"type": "ftp", "ref": "x"}}, r"\$\.cueRef\.type"),
        ({"cueRef": REF, "deletionPolicy": "Keep"}, r"\$\.deletionPolicy"),
        ({"cueRef": REF, "reach": {"namespaces": "all"}}, r"\$\.reach\.namespaces"),
    ],
)
def test_a_mistake_is_told_with_its_field(spec: object, complaint: str) -> None:
    with pytest.raises(TransformError, match=complaint):
        specs.parse_spec(spec)
