from __future__ import annotations

import pytest

from fleet.transforms import names


@pytest.mark.parametrize(
    ("transform", "kind"),
    [("message-queue", "MessageQueue"), ("webservice", "Webservice"), ("a.b-c", "ABC"), ("redis2", "Redis2")],
)
def test_the_kind_that_a_name_stands_for(transform: str, kind: str) -> None:
    assert names.kind_of(transform) == kind


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("WebService", "webservices"), ("Policy", "policies"), ("Redis", "redis"), ("Proxy", "proxies")],
)
def test_plurals_are_english_and_lower_case(kind: str, plural: str) -> None:
    assert names.plural_of(kind) == plural
