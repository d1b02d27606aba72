"""What an evaluation may use, and how the helpers are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of the engine. A module that needs more than these is not one that a fleet can run."""

    # Seconds of processor time, so that a busy machine does not make a good module look slow.
    load_s: float = 5.0
    schema_s: float = 5.0
    render_s: float = 2.0
    patience: float = 3.0  # how many times as long each of them may take by the clock
    memory_mib: int = 512  # of one helper, its cached modules included
    stack_mib: int = 64
    modules: int = 128  # compiled modules that one helper keeps, about half a MiB each

    grace_s: float = 1.0  # how much later than its own watchdog would end it a helper is killed
    start_s: float = 10.0

    # CUE keeps every label that it has ever seen, so a helper is replaced before that weighs.
    recycle_mib: int = 256
    recycle_requests: int = 20_000

    waiting: int = 10_000
    waiting_s: float = 60.0
