"""What a generated kind is called."""

from __future__ import annotations

import inflection


def kind_of(transform: str) -> str:
    """The kind that a Transform's name stands for: ``message-queue`` is a ``MessageQueue``."""
    return "".join(word[:1].upper() + word[1:] for word in transform.replace(".", "-").split("-"))


def plural_of(kind: str) -> str:
    """The lower-case English plural of a kind: ``Policy`` is ``policies``, ``Redis`` is ``redis``."""
    plural: str = inflection.pluralize(kind.lower())
    return plural
