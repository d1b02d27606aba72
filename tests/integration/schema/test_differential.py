"""The corpus of the differential test, which `make test-go` runs."""

from __future__ import annotations

import pytest

from tests.integration.schema.golang import DIFFTEST, run_go

# Cold, the API server's libraries are compiled first: about two minutes.
pytestmark = pytest.mark.timeout(900)


def test_the_corpus_is_as_large_as_promised() -> None:
    definitions = run_go("test", "-run", "TestCorpus", "-v", ".", "-args", "-n", "1", cwd=DIFFTEST)

    names = {
        line.split("/")[-1].split()[0] for line in definitions.splitlines() if line.lstrip().startswith("--- PASS")
    }
    assert len(names) >= 300
    assert sum(name.startswith("Module") for name in names) >= 20
