"""Evaluates modules: what they are, which spec they take, and the graph of an instance.

An evaluator is safe to share between any number of tasks. It holds helper processes from ``async with`` until its
end. A module is sent to a helper when that helper is first asked for it and does not know it.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from fleet.cue import protocol
from fleet.cue.binary import helper_path
from fleet.cue.contract import Meta, Rendered, Schema
from fleet.cue.errors import EngineCrashed, LimitExceeded
from fleet.cue.limits import Limits
from fleet.cue.pool import Pool
from fleet.cue.quarantine import Quarantine

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from fleet.cue.contract import RenderInput
    from fleet.cue.module import Module
    from fleet.cue.process import HelperProcess

T = TypeVar("T")

_meta = msgspec.json.Decoder(Meta)
_schema = msgspec.json.Decoder(Schema)
_rendered = msgspec.json.Decoder(Rendered)


class Evaluator:
    """The engine. ``size`` helpers evaluate at the same time; by default one for each processor, and at most 8."""

    def __init__(
        self,
        *,
        size: int | None = None,
        limits: Limits | None = None,
        quarantine: Quarantine | None = None,
        binary: Path | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._quarantine = quarantine or Quarantine()
        self._pool = Pool(binary or helper_path(), size=size or default_size(), limits=self._limits)

    @property
    def pool(self) -> Pool:
        """The helpers, for who wants to know how they fare."""
        return self._pool

    async def __aenter__(self) -> Self:
        try:
            await self._pool.open()
        except BaseException:
            await self._pool.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.close()

    async def inspect(self, module: Module) -> Meta:
        """``#Meta`` of the module. Raises ModuleError where the module breaks the contract."""
        request = protocol.Request(op="inspect", module=module.digest)
        return await self._evaluate(module, request, _meta, limit_s=self._limits.load_s)

    async def schema(self, module: Module) -> Schema:
        """The structural schema of ``#Input``. Raises ModuleError."""
        request = protocol.Request(op="schema", module=module.digest)
        return await self._evaluate(module, request, _schema, limit_s=self._limits.schema_s)

    async def render(self, module: Module, render_input: RenderInput) -> Rendered:
        """The graph of one instance. Raises ModuleError, InputError, RenderError or LimitExceeded."""
        raw = protocol.encode_input(render_input)
        request = protocol.Request(op="render", module=module.digest, input=raw)
        return await self._evaluate(module, request, _rendered, limit_s=self._limits.render_s)

    async def _evaluate(
        self, module: Module, request: protocol.Request, decoder: msgspec.json.Decoder[T], *, limit_s: float
    ) -> T:
        # A helper may end by anybody's doing, such as an operator's or the kernel's OOM killer: that costs one
        # more try, and not the request. Twice in a row is the module's.
        with contextlib.suppress(EngineCrashed):
            return await self._once(module, request, decoder, limit_s=limit_s)
        try:
            return await self._once(module, request, decoder, limit_s=limit_s)
        except EngineCrashed as exc:
            self._quarantine.strike(module.digest, str(exc))
            raise

    async def _once(
        self, module: Module, request: protocol.Request, decoder: msgspec.json.Decoder[T], *, limit_s: float
    ) -> T:
        self._quarantine.check(module.digest)
        try:
            async with self._pool.lend(module.digest) as helper:
                reply = await self._ask(helper, module, request, limit_s=limit_s)
            return protocol.decode_result(reply, decoder)
        except LimitExceeded as exc:
            self._quarantine.strike(module.digest, str(exc))
            raise

    async def _ask(
        self, helper: HelperProcess, module: Module, request: protocol.Request, *, limit_s: float
    ) -> protocol.Reply:
        reply = await helper.ask(request, limit_s=limit_s)
        if reply.error is None or reply.error.code != protocol.UNKNOWN_MODULE:
            return reply
        load = protocol.Request(op="load", module=module.digest, files=dict(module.files))
        loaded = await helper.ask(load, limit_s=self._limits.load_s)
        if loaded.error is not None:
            return loaded
        helper.modules.add(module.digest)
        return await helper.ask(request, limit_s=limit_s)


def default_size() -> int:
    """One helper for each processor that this process may use, and at most 8."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, allowed)
