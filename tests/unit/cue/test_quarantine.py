import pytest

from fleet.cue.errors import LimitExceeded
from fleet.cue.quarantine import Quarantine
from fleet.ids import ModuleDigest

BAD = ModuleDigest("sha256:bad")
GOOD = ModuleDigest("sha256:good")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quarantine(clock: Clock) -> Quarantine:
    return Quarantine(strikes=3, window_s=60, penalty_s=100, clock=clock)


def test_a_module_is_run_until_its_last_strike(quarantine: Quarantine) -> None:
    for _ in range(2):
        quarantine.strike(BAD, "too slow")
        quarantine.check(BAD)

    quarantine.strike(BAD, "too slow")

    with pytest.raises(LimitExceeded, match=r"sha256:bad ended 3 evaluations .* another 100 s; .* too slow"):
        quarantine.check(BAD)


def test_other_modules_are_not_touched(quarantine: Quarantine) -> None:
    for _ in range(3):
        quarantine.strike(BAD, "too slow")

    quarantine.check(GOOD)


def test_it_is_over_after_the_penalty_and_starts_from_nothing(quarantine: Quarantine, clock: Clock) -> None:
    for _ in range(3):
        quarantine.strike(BAD, "too slow")
    clock.now += 100

    quarantine.check(BAD)
    quarantine.strike(BAD, "too slow")
    quarantine.strike(BAD, "too slow")

    quarantine.check(BAD)


def test_strikes_far_apart_do_not_add_up(quarantine: Quarantine, clock: Clock) -> None:
    for _ in range(6):
        quarantine.strike(BAD, "too slow")
        clock.now += 31

    quarantine.check(BAD)


def test_nothing_is_kept_of_modules_long_gone(quarantine: Quarantine, clock: Clock) -> None:
    for number in range(100):
        quarantine.strike(ModuleDigest(f"sha256:{number}"), "too slow")
        clock.now += 61
    for _ in range(3):
        quarantine.strike(BAD, "too slow")
    clock.now += 200
    quarantine.strike(GOOD, "too slow")

    assert set(quarantine._recent) == {GOOD}
    assert not quarantine._until
