"""Modules in ConfigMaps."""

from __future__ import annotations

import pytest

from fleet.cue.errors import ModuleError
from fleet.cue.remote import configmap
from fleet.cue.remote.configmap import ConfigMapName

WHERE = ConfigMapName("platform", "web")


def test_a_ref_is_a_namespace_and_a_name() -> None:
    assert configmap.parse("platform/web") == WHERE


@pytest.mark.parametrize("ref", ["web", "/web", "platform/", "platform/web/more", "a,b"])
def test_another_ref_is_refused(ref: str) -> None:
    with pytest.raises(ModuleError, match=r"^cueRef\.ref: .* is not namespace/name of a ConfigMap"):
        configmap.parse(ref)


def test_keys_are_files_and_two_underscores_are_a_folder() -> None:
    data = {"web.cue": "a: 1", "cue.mod__module.cue": "", "README.md": "hello"}

    module = configmap.module_in({"data": data}, path="", where=WHERE)

    assert module.files == {"web.cue": "a: 1", "cue.mod/module.cue": ""}


@pytest.mark.parametrize("path", ["mods/web", "/mods/web/"])
def test_a_path_is_a_folder_of_keys(path: str) -> None:
    data = {"mods__web__web.cue": "a: 1", "mods__webber__x.cue": "b: 1", "other.cue": "c: 1"}

    assert configmap.module_in({"data": data}, path=path, where=WHERE).files == {"web.cue": "a: 1"}


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"x.txt": ""}}, {"binaryData": {"a.cue": "eA=="}}])
def test_one_without_a_module_is_named(body: dict[str, dict[str, str] | None]) -> None:
    with pytest.raises(ModuleError, match=r"^cueRef\.ref: ConfigMap platform/web: there is no \.cue file"):
        configmap.module_in(body, path="", where=WHERE)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleError, match=r"ConfigMap platform/web, folder none: there is no \.cue file"):
        configmap.module_in({"data": {"web.cue": ""}}, path="none", where=WHERE)
