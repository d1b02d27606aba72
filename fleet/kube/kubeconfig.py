"""A kubeconfig as a document: what it says, before anything that it names is read or run."""

from __future__ import annotations

from typing import Any

import yaml

from fleet.kube.errors import ConnectionConfigError

Part = dict[str, Any]


def parse(content: bytes) -> Part:
    """The document. Raises ConnectionConfigError, which says in one line what it is instead."""
    try:
        document = yaml.safe_load(content.decode())
    except UnicodeDecodeError as exc:
        raise ConnectionConfigError("this is not UTF-8 text") from exc
    except yaml.MarkedYAMLError as exc:
        line = f"line {exc.problem_mark.line + 1}: " if exc.problem_mark else ""
        raise ConnectionConfigError(f"{line}this is not YAML: {exc.problem}") from exc
    except yaml.YAMLError as exc:
        raise ConnectionConfigError(f"this is not YAML: {exc}") from exc
    if not isinstance(document, dict):
        raise ConnectionConfigError("it is no kubeconfig")
    return document


def chosen(document: Part, context: str | None) -> tuple[Part, Part]:
    """The cluster and user of a context, to be changed in place; empty where it names none."""
    name = context or document.get("current-context")
    wanted = _named(document.get("contexts"), name).get("context") or {}
    cluster = _named(document.get("clusters"), wanted.get("cluster")).get("cluster") or {}
    user = _named(document.get("users"), wanted.get("user")).get("user") or {}
    return cluster, user


def _named(entries: list[Part] | None, name: str | None) -> Part:
    return next((entry for entry in entries or () if entry.get("name") == name), {})
