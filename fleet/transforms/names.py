"""What a generated kind is called."""

from __future__ import annotations

from functools import cache

import inflect


def kind_of(transform: str) -> str:
    """The kind that a Transform's name stands for: ``message-queue`` is a ``MessageQueue``."""
    return "".join(word[:1].upper() + word[1:] for word in transform.replace(".", "-").split("-"))


@cache
def plural_of(kind: str) -> str:
    """The lower-case English plural of a kind: ``Policy`` is ``policies``, ``Redis`` is ``redis``."""
    plural: str = _english().plural_noun(kind.lower())
    return plural


@cache
def _english() -> inflect.engine:
    return inflect.engine()
