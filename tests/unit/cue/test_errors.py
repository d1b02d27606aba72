from fleet.cue.errors import ModuleError, Problem
from fleet.errors import Terminal


def test_a_problem_reads_from_the_place_to_the_message() -> None:
    problem = Problem(
        file="web.cue", line=3, column=9, node="app", path="output.nodes[0].id", message="field not allowed"
    )

    assert str(problem) == "web.cue:3:9: node app: output.nodes[0].id: field not allowed"


def test_a_problem_without_a_place_is_its_message() -> None:
    assert str(Problem(message="the module has no #Render")) == "the module has no #Render"


def test_an_error_shows_its_first_problems_and_counts_the_others() -> None:
    problems = tuple(Problem(message=f"wrong {n}") for n in range(7))

    error = ModuleError("the module does not load", problems=problems)

    assert isinstance(error, Terminal)
    assert error.problems == problems
    assert str(error) == ("the module does not load: wrong 0; wrong 1; wrong 2; wrong 3; wrong 4; and 2 more")
