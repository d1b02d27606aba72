"""What the hub needs on a spoke, printed from files with Transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from fleet.cli import main
from fleet.shipped import shipped

if TYPE_CHECKING:
    from click.testing import Result

SAMPLES = shipped("config") / "samples"


def roles(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["roles", *arguments], input=stdin)


def transform(**rest: Any) -> str:  # noqa: ANN401 - any YAML
    spec = {
        "cueRef": {"type": "git", "ref": "https://git.example.com/shop"},
        "group": "example.com",
        "managedResources": [{"apiGroup": "batch", "resources": ["jobs", "cronjobs"]}],
    }
    head = {"apiVersion": "platform.pequod.io/v1alpha1", "kind": "Transform"}
    document = {**head, "metadata": {"name": "shop"}, "spec": spec | rest.pop("spec", {}), **rest}
    return yaml.safe_dump(document)


def test_the_sample_is_what_is_printed() -> None:
    *core, printed = yaml.safe_load_all(roles("-f", str(SAMPLES / "webservice-transform.yaml")).stdout)
    assert core == list(yaml.safe_load_all((shipped("config") / "rbac" / "spoke" / "roles.yaml").read_text()))
    assert printed == next(yaml.safe_load_all((SAMPLES / "webservice-rbac.yaml").read_text()))


def test_a_kind_from_elsewhere_is_told_by_the_status() -> None:
    live = yaml.safe_load(transform(status={"generatedCRD": {"plural": "shoppes"}}))
    listed = yaml.safe_dump({"kind": "List", "items": [live]})
    *_, printed = yaml.safe_load_all(roles("-f", "-", stdin=listed).stdout)
    assert printed["metadata"]["name"] == "pequod-fleet-spoke-shop"
    assert {"apiGroups": ["example.com"], "resources": ["shoppes"], "verbs": ["list", "watch"]} in printed["rules"]
    assert printed["rules"][-1]["apiGroups"] == ["batch"]
    assert printed["rules"][-1]["resources"] == ["jobs", "cronjobs"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (transform(), "kubectl get transform shop -o yaml | fleet roles -f -"),
        (transform(spec={"managedResources": []}), "<stdin>:1:1: Transform shop: spec.managedResources is empty"),
        (transform(spec={"cueRef": None}), "<stdin>:1:1: Transform shop: spec: Expected `object`, got `null`"),
        (transform(status=7), "kubectl get transform shop"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a}}", "<stdin>:1:1: this is no Transform, but a Pod"),
        ("# nothing\n", "<stdin>: there is no manifest in it"),
        ("{", "this is not YAML"),
    ],
)
def test_what_cannot_be_told_is_said_and_nothing_is_printed(given: str, told: str) -> None:
    result = roles("-f", "-", stdin=given)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stdout == ""
