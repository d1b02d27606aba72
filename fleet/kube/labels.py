"""The labels, annotations and finalizers by which the fleet knows what is its own."""

GROUP = "platform.pequod.io"

TRANSFORM = f"{GROUP}/transform"
"""On a generated CRD and on a graph: the Transform that it comes from."""

REVISION = f"{GROUP}/revision"
"""Annotation on a generated CRD: the number of the revision and a digest of what was applied."""

GRAPH = f"{GROUP}/graph"
"""On every object that a node stands for: the uid of its ResourceGraph."""

NODE = f"{GROUP}/node"
"""On every object that a node stands for: the node's id."""

ADOPTABLE_BY = f"{GROUP}/adoptable-by"
"""On somebody else's object: the name of the ResourceGraph that may take it over."""

CONFIRM_PRUNE = f"{GROUP}/confirm-prune"
"""Annotation on a graph: the generation whose pruning beyond ``maxPrune`` is confirmed."""

SUSPEND = f"{GROUP}/suspend"
"""Annotation on an instance: ``"true"`` stops all work on it, but for a teardown that somebody asked for."""

INSTANCE = f"{GROUP}/instance"
"""On a graph: the uid of the instance that it was rendered from."""

TEARDOWN_FINALIZER = f"{GROUP}/teardown"
"""On a ResourceGraph: the hub takes its objects down before it goes."""

ROLLOUT_FINALIZER = f"{GROUP}/rollout"
"""On a Transform: the hub withdraws its kind from the spokes before it goes."""
