"""Names that would otherwise all be ``str``, told apart by the type checker."""

from typing import NewType

ClusterName = NewType("ClusterName", str)
"""The name of a registered cluster, which is the stem of its cluster file."""

TransformName = NewType("TransformName", str)
"""``metadata.name`` of a Transform on the hub cluster."""

InstanceUid = NewType("InstanceUid", str)
"""``metadata.uid`` of an instance of a generated kind."""

GraphUid = NewType("GraphUid", str)
"""``metadata.uid`` of a ResourceGraph."""

NodeId = NewType("NodeId", str)
"""``id`` of a node, unique in its ResourceGraph."""

ModuleDigest = NewType("ModuleDigest", str)
"""``sha256:`` and the hex digest of a CUE module's files."""
