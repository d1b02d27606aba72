"""Kubernetes' syntax for names and labels.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from __future__ import annotations

import re

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def dns_label_problem(text: str) -> str | None:
    """What keeps ``text`` from being a DNS label, or None if it is one."""
    if _DNS_LABEL.fullmatch(text):
        return None
    return "must be 1 to 63 lower-case letters, digits and '-', and begin and end with a letter or digit"


def label_key_problem(text: str) -> str | None:
    """What keeps ``text`` from being a label's key, or None if it can be one."""
    prefix, slash, name = text.rpartition("/")
    if slash and (len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix)):  # noqa: PLR2004 - from the page above
        return "must have a DNS subdomain of at most 253 characters before its '/'"
    if not _LABEL_NAME.fullmatch(name):
        return (
            "must be [prefix/]name, where the name is 1 to 63 letters, digits, '-', '_' and '.', "
            "and begins and ends with a letter or digit"
        )
    return None


def label_value_problem(text: str) -> str | None:
    """What keeps ``text`` from being a label's value, or None if it can be one."""
    if not text or _LABEL_NAME.fullmatch(text):
        return None
    return "must be at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
