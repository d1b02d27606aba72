from fleet.cue.module import Module, digest_of


def test_a_digest_is_the_content_and_not_the_order() -> None:
    assert digest_of({"a.cue": "x", "b.cue": "y"}) == digest_of({"b.cue": "y", "a.cue": "x"})


def test_a_digest_changes_with_text_and_with_path() -> None:
    original = digest_of({"a.cue": "x"})

    assert digest_of({"a.cue": "y"}) != original
    assert digest_of({"b.cue": "x"}) != original


def test_text_cannot_pass_for_another_file() -> None:
    assert digest_of({"a": "bc"}) != digest_of({"ab": "c"})
    assert digest_of({"a": "", "b": ""}) != digest_of({"a": "b"})


def test_a_module_keeps_its_own_files() -> None:
    files = {"a.cue": "x"}
    module = Module.of(files)

    files["a.cue"] = "changed"

    assert module.files["a.cue"] == "x"
    assert module.digest == digest_of({"a.cue": "x"})
    assert module.digest.startswith("sha256:")
