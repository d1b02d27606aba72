"""The Go tests of the schema: golden files, and the differential test of the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.schema.golang import DIFFTEST, ENGINE, run_go

if TYPE_CHECKING:
    from pathlib import Path

# Cold, the API server's libraries are compiled first: about two minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("module", [ENGINE / "schema", DIFFTEST], ids=["schema", "difftest"])
def test_go_tests_pass(module: Path) -> None:
    assert "FAIL" not in run_go("test", "./...", cwd=module)


def test_the_corpus_is_as_large_as_promised() -> None:
    definitions = run_go("test", "-run", "TestCorpus", "-v", ".", "-args", "-n", "1", cwd=DIFFTEST)

    names = {
        line.split("/")[-1].split()[0] for line in definitions.splitlines() if line.lstrip().startswith("--- PASS")
    }
    assert len(names) >= 300
    assert sum(name.startswith("Module") for name in names) >= 20
