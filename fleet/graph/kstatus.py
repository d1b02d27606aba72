"""Whether an object is up, for nodes that do not say what to wait for: kstatus' rules, kind by kind.

Source: sigs.k8s.io/cli-utils, pkg/kstatus. One rule is Flux's and not kstatus': a Job is ready when it is
complete, since a node that depends on a Job depends on its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``ready``, or what is missing; ``failed`` where waiting longer will not help."""

    ready: bool
    message: str = ""
    predicate: str = ""
    failed: bool = False


READY = Verdict(ready=True)


def check(body: Body) -> Verdict:
    """Judge an object by its kind."""
    if verdict := _generic(body):
        return verdict
    group = body.get("apiVersion", "").rpartition("/")[0]
    rule = _RULES.get((group, body.get("kind", "")))
    return rule(body) if rule else READY


def not_yet(message: str, *, predicate: str = "") -> Verdict:
    """Waiting helps."""
    return Verdict(ready=False, message=message, predicate=predicate or "its kind's own readiness")


def never(message: str) -> Verdict:
    """Waiting does not help."""
    return Verdict(ready=False, message=message, predicate="its kind's own readiness", failed=True)


def stale(body: Body, observed: int | None) -> str:
    """Why a status is out of date, or nothing. An object whose status has no generation is taken as it is."""
    generation = body["metadata"].get("generation")
    if generation is None or observed is None or observed >= generation:
        return ""
    return f"its status is for generation {observed}, the object is at {generation}"


def condition(body: Body, type_: str) -> Body | None:
    """The condition of a type, or None."""
    for each in body.get("status", {}).get("conditions") or ():
        if each.get("type") == type_:
            found: Body = each
            return found
    return None


def _generic(body: Body) -> Verdict | None:
    """What holds for every kind: a current generation, and the conditions that any controller may set."""
    status = body.get("status", {})
    if why := stale(body, status.get("observedGeneration")):
        return not_yet(why)
    if (stalled := condition(body, "Stalled")) and stalled.get("status") == "True":
        return never(f"it is stalled: {_said(stalled)}")
    if (reconciling := condition(body, "Reconciling")) and reconciling.get("status") == "True":
        return not_yet(f"it is reconciling: {_said(reconciling)}")
    if body.get("kind") in {"Pod", "Node"}:
        return None  # their Ready has rules of its own
    ready = condition(body, "Ready")
    if ready is None or ready.get("status") == "True":
        if ready and (why := stale(body, ready.get("observedGeneration"))):
            return not_yet(why)
        return None
    return not_yet(f"condition Ready is {ready.get('status')}: {_said(ready)}")


def _said(found: Body) -> str:
    return found.get("message") or found.get("reason") or "no reason given"


def _observed_yet(body: Body) -> Verdict | None:
    if "observedGeneration" not in body.get("status", {}):
        return not_yet("its controller has not looked at it yet")
    return None


def deployment(body: Body) -> Verdict:
    """Every replica is updated and available, and none of an older template is left."""
    if verdict := _observed_yet(body):
        return verdict
    progressing = condition(body, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        return never(_said(progressing))
    status, wanted = body["status"], body.get("spec", {}).get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return not_yet(f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return not_yet(f"{total - updated} old replicas still run")
    if available < updated:
        return not_yet(f"{available} of {updated} replicas are available")
    found = condition(body, "Available")
    if found is None or found.get("status") != "True":
        return not_yet("condition Available is not True yet")
    return READY


def _replica_set(body: Body) -> Verdict:
    if verdict := _observed_yet(body):
        return verdict
    failure = condition(body, "ReplicaFailure")
    if failure and failure.get("status") == "True":
        return not_yet(f"replicas cannot be made: {_said(failure)}")
    status, wanted = body["status"], body.get("spec", {}).get("replicas", 1)
    available = status.get("availableReplicas", 0)
    return READY if available >= wanted else not_yet(f"{available} of {wanted} replicas are available")


def _stateful_set(body: Body) -> Verdict:
    if verdict := _observed_yet(body):
        return verdict
    spec, status = body.get("spec", {}), body["status"]
    strategy = spec.get("updateStrategy", {})
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    if ready < wanted:
        return not_yet(f"{ready} of {wanted} replicas are ready")
    if strategy.get("type") == "OnDelete":
        return READY
    partition = strategy.get("rollingUpdate", {}).get("partition", 0)
    updated = status.get("updatedReplicas", 0)
    if partition:
        due = max(wanted - partition, 0)
        return READY if updated >= due else not_yet(f"{updated} of {due} replicas are updated")
    if status.get("currentRevision") != status.get("updateRevision"):
        return not_yet(f"{updated} of {wanted} replicas are updated")
    return READY


def _daemon_set(body: Body) -> Verdict:
    if verdict := _observed_yet(body):
        return verdict
    status = body["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    for count, what in (
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if what == "updated" and body.get("spec", {}).get("updateStrategy", {}).get("type") == "OnDelete":
            continue
        if status.get(count, 0) < wanted:
            return not_yet(f"{status.get(count, 0)} of {wanted} pods are {what}")
    return READY


def _job(body: Body) -> Verdict:
    if (failed := condition(body, "Failed")) and failed.get("status") == "True":
        return never(f"the Job failed: {_said(failed)}")
    if (complete := condition(body, "Complete")) and complete.get("status") == "True":
        return READY
    status = body.get("status", {})
    wanted = body.get("spec", {}).get("completions", 1)
    return not_yet(f"{status.get('succeeded', 0)} of {wanted} completions, {status.get('active', 0)} pods active")


def _pod(body: Body) -> Verdict:
    phase = body.get("status", {}).get("phase", "Pending")
    if phase == "Succeeded":
        return READY
    if phase == "Failed":
        return never(
            f"the Pod failed: {body['status'].get('message') or body['status'].get('reason') or 'no reason'}"
        )
    ready = condition(body, "Ready")
    if ready and ready.get("status") == "True":
        return READY
    return not_yet(f"the Pod is {phase}" + (f": {_said(ready)}" if ready else ""))


def _volume_claim(body: Body) -> Verdict:
    phase = body.get("status", {}).get("phase", "Pending")
    if phase == "Lost":
        return never("its volume is lost")
    return READY if phase == "Bound" else not_yet(f"the claim is {phase}")


def _service(body: Body) -> Verdict:
    spec = body.get("spec", {})
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return not_yet("it has no cluster IP yet")
    return READY


def _crd(body: Body) -> Verdict:
    if (names := condition(body, "NamesAccepted")) and names.get("status") == "False":
        return never(f"its names are not accepted: {_said(names)}")
    return _needs(body, "Established")


def _api_service(body: Body) -> Verdict:
    return _needs(body, "Available")


def _needs(body: Body, type_: str) -> Verdict:
    found = condition(body, type_)
    if found and found.get("status") == "True":
        return READY
    return not_yet(
        f"condition {type_} is {found.get('status')}: {_said(found)}" if found else f"no condition {type_} yet"
    )


def _namespace(body: Body) -> Verdict:
    phase = body.get("status", {}).get("phase", "")
    return READY if phase == "Active" else not_yet(f"the Namespace is {phase or 'not active yet'}")


_RULES: dict[tuple[str, str], Callable[[Body], Verdict]] = {
    ("apps", "Deployment"): deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _volume_claim,
    ("", "Service"): _service,
    ("", "Namespace"): _namespace,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
    ("apiregistration.k8s.io", "APIService"): _api_service,
}
