import pytest

from fleet.registry.selection import EVERYTHING, SelectorError, parse

PROD_EU = {"tier": "prod", "region": "eu"}
DEV = {"tier": "dev"}
BARE: dict[str, str] = {}


def expression(key: str, operator: str, *values: str) -> dict[str, object]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "matched"),
    [
        ({}, [PROD_EU, DEV, BARE]),
        ({"matchLabels": None, "matchExpressions": None}, [PROD_EU, DEV, BARE]),
        ({"matchLabels": {"tier": "prod"}}, [PROD_EU]),
        ({"matchLabels": {"tier": "prod", "region": "us"}}, []),
        (expression("tier", "In", "prod", "dev"), [PROD_EU, DEV]),
        (expression("tier", "In", "dev"), [DEV]),
        (expression("tier", "NotIn", "prod"), [DEV, BARE]),
        (expression("region", "Exists"), [PROD_EU]),
        (expression("region", "DoesNotExist"), [DEV, BARE]),
        ({"matchLabels": {"tier": "prod"}, **expression("region", "NotIn", "us")}, [PROD_EU]),
        ({"matchLabels": {"tier": "prod"}, **expression("region", "NotIn", "eu")}, []),
    ],
)
def test_selectors_mean_what_they_mean_to_kubernetes(
    selector: dict[str, object], matched: list[dict[str, str]]
) -> None:
    parsed = parse(selector, field="spec.placement.clusterSelector")

    assert [labels for labels in (PROD_EU, DEV, BARE) if parsed.matches(labels)] == matched
    assert parse(parsed.to_json(), field="") == parsed


def test_everything_is_the_empty_selector() -> None:
    assert parse({}, field="") == EVERYTHING


@pytest.mark.parametrize(
    ("selector", "complaint"),
    [
        ([], "selector: expected an object"),
        ({"matchLabel": {}}, r"selector\.matchLabel: unknown field"),
        ({"matchLabels": []}, None),
        ({"matchLabels": "x"}, r"selector\.matchLabels: expected an object, found 'x'"),
        ({"matchLabels": {"tier": 1}}, r"selector\.matchLabels\.tier: 1 is not a string"),
        ({"matchLabels": {"a b": "c"}}, r"selector\.matchLabels: 'a b' must be"),
        ({"matchLabels": {"a": "-"}}, r"selector\.matchLabels\.a: '-' must be"),
        ({"matchExpressions": {"x": 1}}, r"selector\.matchExpressions: expected a list"),
        ({"matchExpressions": ["x"]}, r"selector\.matchExpressions\[0\]: expected an object"),
        ({"matchExpressions": [{"operator": "In"}]}, r"matchExpressions\[0\]\.key: a label key is needed"),
        ({"matchExpressions": [{"key": "-", "operator": "In"}]}, r"\[0\]\.key: '-' must be"),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "a", "operator": "in"}]},
            r"\[1\]\.operator: 'in' is none of In, NotIn, Exists, DoesNotExist",
        ),
        (expression("a", "In"), r"\[0\]\.values: In needs at least one value"),
        (expression("a", "Exists", "b"), r"\[0\]\.values: Exists takes no values"),
        (expression("a", "In", "b", "-"), r"\[0\]\.values\[1\]: '-' must be"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "value": "b"}]}, r"\[0\]\.value: unknown field"),
    ],
)
def test_a_selector_that_cannot_be_understood_is_refused_with_its_field(
    selector: object, complaint: str | None
) -> None:
    if complaint is None:  # an empty list stands for no labels in YAML that a template made
        assert parse(selector, field="selector") == EVERYTHING
        return
    with pytest.raises(SelectorError, match=complaint):
        parse(selector, field="selector")


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ({"matchLabels": {"tier": "prod"}}, "tier=prod"),
        (expression("tier", "In", "prod", "dev"), "tier in (prod, dev)"),
        (expression("tier", "NotIn", "prod"), "tier!=prod"),
        (expression("tier", "NotIn", "prod", "dev"), "tier notin (prod, dev)"),
        (expression("region", "Exists"), "region"),
        (expression("region", "DoesNotExist"), "!region"),
    ],
)
def test_requirements_read_as_kubectl_takes_them(selector: dict[str, object], words: str) -> None:
    assert [str(each) for each in parse(selector, field="selector").requirements] == [words]
