import pytest

from fleet.registry.labels import dns_label_problem, label_key_problem, label_value_problem


@pytest.mark.parametrize("text", ["a", "spoke-1", "0", "a" * 63])
def test_dns_labels(text: str) -> None:
    assert dns_label_problem(text) is None


@pytest.mark.parametrize("text", ["", "A", "-a", "a-", "a_b", "a.b", "a" * 64, "a\n", "é"])
def test_not_dns_labels(text: str) -> None:
    assert dns_label_problem(text)


@pytest.mark.parametrize(
    "text", ["region", "a", "topology.kubernetes.io/zone", "A_b.c-d", "x" * 63, f"{'a.' * 126}a/name"]
)
def test_label_keys(text: str) -> None:
    assert label_key_problem(text) is None


@pytest.mark.parametrize(
    "text", ["", "/name", "a/", "a/b/c", "Region.io/zone", "-a", "a b", "x" * 64, f"{'a' * 254}/name", "a..b/c"]
)
def test_not_label_keys(text: str) -> None:
    assert label_key_problem(text)


@pytest.mark.parametrize("text", ["", "eu", "v1.2_3-x", "x" * 63])
def test_label_values(text: str) -> None:
    assert label_value_problem(text) is None


@pytest.mark.parametrize("text", [" ", "-a", "a.", "a/b", "x" * 64])
def test_not_label_values(text: str) -> None:
    assert label_value_problem(text)
