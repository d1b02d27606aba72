from __future__ import annotations

from typing import Any

from fleet.ids import TransformName
from fleet.kube.resources import ResourceType
from fleet.transforms import crd as crds
from fleet.transforms import spec as specs

WEB = TransformName("web-service")
SCHEMA = {"type": "object", "description": "A service.", "required": ["port"], "properties": {"port": {}}}


def spec(**fields: object) -> specs.TransformSpec:
    return specs.parse_spec({"cueRef": {"type": "embedded", "ref": "x"}, "group": "apps.example.com", **fields})


def built(schema: dict[str, Any] = SCHEMA, **fields: object) -> dict[str, Any]:
    return crds.build(WEB, spec(**fields), crds.generated_names(WEB, spec(**fields)), schema=schema)


def test_the_transform_names_its_kind_before_the_module_and_the_module_before_its_name() -> None:
    def kind_and_plural(*, said: str | None = None, module: str | None = None) -> tuple[str, str]:
        names = crds.generated_names(WEB, spec(kind=said), module_kind=module, module_plural="webbies")
        return names.kind, names.plural

    assert kind_and_plural() == ("WebService", "webbies")
    assert kind_and_plural(module="Site") == ("Site", "webbies")
    assert kind_and_plural(module="Site", said="Shop") == ("Shop", "shops"), (
        "the module's plural is of its own kind"
    )


def test_categories_of_both_are_kept_once_each() -> None:
    names = crds.generated_names(WEB, spec(categories=["platform", "all"]), module_categories=["all", "web"])

    assert names.categories == ("platform", "all", "web")


def test_the_crd() -> None:
    crd = built(version="v2", shortNames=["ws"])

    assert crd["metadata"]["name"] == "webservices.apps.example.com"
    assert crd["metadata"]["labels"] == {"platform.pequod.io/transform": "web-service"}
    assert crd["spec"]["scope"] == "Namespaced"
    assert crd["spec"]["names"]["shortNames"] == ["ws"]
    (version,) = crd["spec"]["versions"]
    assert (version["name"], version["subresources"]) == ("v2", {"status": {}})
    schema = version["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"] == SCHEMA
    assert schema["description"] == "A service."
    assert schema["properties"]["status"]["x-kubernetes-preserve-unknown-fields"] is True
    assert crds.resource_type(crd) == ResourceType(
        group="apps.example.com", version="v2", kind="WebService", plural="webservices"
    )


def test_a_spec_that_may_be_empty_may_be_left_out() -> None:
    def required(schema: dict[str, Any]) -> list[str]:
        found: list[str] = built(schema)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["required"]
        return found

    assert required(SCHEMA) == ["spec"]
    assert required({"type": "object"}) == []


def test_the_modules_columns_stand_before_the_age() -> None:
    image = {"name": "Image", "type": "string", "jsonPath": ".spec.image"}
    crd = crds.build(WEB, spec(), crds.generated_names(WEB, spec()), schema=SCHEMA, printer_columns=[image])

    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [each["name"] for each in columns] == ["Ready", "Phase", "Image", "Age"]


def test_a_stamp_changes_with_the_revision_and_with_the_crd() -> None:
    crd, other = built(), built(shortNames=["ws"])

    assert crds.stamp(crd, revision=1) == crds.stamp(built(), revision=1)
    assert len({crds.stamp(crd, revision=1), crds.stamp(crd, revision=2), crds.stamp(other, revision=1)}) == 3
    annotations = crds.stamped(crd, revision=1)["metadata"]["annotations"]
    assert annotations == {"platform.pequod.io/revision": crds.stamp(crd, revision=1)}
