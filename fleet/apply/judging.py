"""What is to be done about one node: nothing, apply it, or put right what somebody else changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from fleet.apply import bring, drift, removal
from fleet.apply import run as runs
from fleet.apply.run import NodePhase
from fleet.graph import readiness
from fleet.graph.model import DriftPolicy, GraphError, Mode
from fleet.kube import managedfields

if TYPE_CHECKING:
    from fleet.apply.inventory import Entry
    from fleet.apply.ledger import Ledger
    from fleet.apply.run import NodeState, Run
    from fleet.errors import FleetError
    from fleet.graph.model import Node
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.watch.informers import Informer

READY_TIMEOUT_S = 600.0
"""How long a node may wait for readiness before that is an error, where the node does not say."""

BLIND_S = 1.0
"""How soon to look again at what cannot be seen: a stream that comes back says only what has changed since."""


class Need(Enum):
    """What a node needs."""

    NOTHING = auto()
    APPLY = auto()
    HEAL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a node's type: its resource and informer, or the obstacle to having them."""

    resource: ResourceType | None = None
    informer: Informer | None = None
    obstacle: FleetError | None = None

    def live(self, state: NodeState) -> LiveObject | None:
        """The node's object as the watch last showed it."""
        return self.informer.cache.get(state.ref.namespace, state.ref.name) if self.informer else None


def judge(run: Run, node: Node, sight: Sight, ledger: Ledger) -> Need:
    """Decide what the node needs; where that is nothing, its state says whether it is ready."""
    state = run.states[node.id]
    state.look_again_at = None
    entry = ledger.get(run.uid, node.id, state.ref)
    if sight.informer is None or entry is None or entry.applied_hash != run.digests[node.id]:
        return Need.APPLY
    live = sight.live(state)
    if live is None:
        if sight.informer.seeing:
            return Need.APPLY  # seen to be absent: somebody deleted it
        run.move(node.id, NodePhase.WAITING_READY, "the cluster cannot be seen at the moment")
        state.look_again_at = now_s() + BLIND_S
        return Need.NOTHING
    if live.deleting:
        run.move(node.id, NodePhase.WAITING_READY, f"somebody deletes it: {removal.held(live)}")
        return Need.NOTHING
    if live.meta.uid != entry.uid:
        return Need.APPLY  # made anew, and the hub was killed before that was recorded
    state.uid = live.meta.uid
    if _drifted(run, node, live, entry, ledger):
        return Need.HEAL
    _judge_readiness(run, node, state, live)
    return Need.NOTHING


def _drifted(run: Run, node: Node, live: LiveObject, entry: Entry, ledger: Ledger) -> bool:
    """Whether there is drift to be healed now. What there is to report is in the state either way."""
    state, policy = run.states[node.id], node.apply_policy
    if policy.drift is DriftPolicy.OFF or policy.mode is Mode.CREATE:  # what was only to be created is others'
        return False
    owned = managedfields.digest(managedfields.applied_by(live, policy.field_manager))
    if entry.managed is None or owned == entry.managed:
        state.drift = ()
        return False
    wanted = bring.manifest(node, state.ref, graph_uid=run.uid)
    state.drift = drift.find(wanted, live, manager=policy.field_manager, before=state.drift, now=datetime.now(UTC))
    if not state.drift:  # the scale subresource took a field, say: that is how it is from now on
        ledger.applied(replace(entry, managed=owned))
        return False
    if policy.drift is DriftPolicy.REPORT:
        return False
    pause_s = state.healing.pause_s(now_s())
    if pause_s:
        state.look_again_at = now_s() + pause_s
    return not pause_s


def _judge_readiness(run: Run, node: Node, state: NodeState, live: LiveObject) -> None:
    try:
        verdict = readiness.check(node.ready_when, live.body)
    except GraphError as exc:
        run.move(node.id, NodePhase.ERROR, str(exc))
        return
    if verdict.ready:
        state.ready_at = state.ready_at or datetime.now(UTC)
        run.move(node.id, runs.settled_phase(node), _told(state))
        return
    state.ready_at = None
    message = f"{verdict.predicate}: {verdict.message}"
    if verdict.failed:
        run.move(node.id, NodePhase.ERROR, message)
    elif overdue_s(node, state) >= 0:
        run.move(node.id, NodePhase.ERROR, f"not ready in {_timeout_s(node):.0f} s: {message}")
    else:
        run.move(node.id, NodePhase.WAITING_READY, message)


def _told(state: NodeState) -> str:
    """What is worth saying of a node that is ready."""
    if not state.drift:
        return ""
    fields = ", ".join(f"{each.path} by {each.manager}" for each in state.drift[:3])
    if state.look_again_at is not None:
        return f"changed again and again, so left for now: {fields}"
    return f"changed: {fields}"


def now_s() -> float:
    """The event loop's time."""
    return asyncio.get_running_loop().time()


def _timeout_s(node: Node) -> float:
    return max((each.timeout_seconds or READY_TIMEOUT_S for each in node.ready_when), default=READY_TIMEOUT_S)


def overdue_s(node: Node, state: NodeState) -> float:
    """Seconds past the readiness timeout; negative while there is time left."""
    if state.applied_at is None:
        return -_timeout_s(node)
    return (datetime.now(UTC) - state.applied_at).total_seconds() - _timeout_s(node)
