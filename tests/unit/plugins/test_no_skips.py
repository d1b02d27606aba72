"""A suite that got smaller without a word must not pass."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SKIPS = """
import pytest

@pytest.fixture
def database():
    pytest.skip("no database")

@pytest.mark.skip(reason="no database")
def test_skipped_by_a_mark(): pass

def test_skipped_by_a_call(): pytest.skip("no database")

def test_skipped_by_a_fixture(database): pass

@pytest.mark.xfail(strict=True)
def test_expected_to_fail(): assert False

def test_passes(): pass
"""
SKIPPED_MODULE = 'import pytest\npytest.importorskip("no_such_database")\n'


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Tests that are skipped in every way that there is, and some that are not."""
    pytester.makepyfile(test_skips=SKIPS, test_module=SKIPPED_MODULE)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the suite in a process of its own, with the plugin."""
    return suite.runpytest_subprocess(
        "-p", "tests.plugins.no_skips", "-p", "no:asyncio", "--continue-on-collection-errors", *arguments
    )


def test_whatever_is_skipped_fails_and_says_why(suite: pytest.Pytester) -> None:
    result = run(suite, "--no-skips")
    # A call fails its test; a mark, a fixture and a module break what comes before the test.
    result.assert_outcomes(failed=1, errors=3, xfailed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_module.py would be skipped, and this run skips nothing: *no_such_database*",
            "*::test_skipped_by_a_mark would be skipped, and this run skips nothing: *no database",
            "*::test_skipped_by_a_call would be skipped, and this run skips nothing: *no database",
        ],
        consecutive=False,
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_without_the_option_a_skip_is_a_skip(suite: pytest.Pytester) -> None:
    result = run(suite)
    result.assert_outcomes(skipped=4, xfailed=1, passed=1)
    assert result.ret == pytest.ExitCode.OK
