"""The resource types that the fleet itself works with."""

from fleet.kube.labels import GROUP
from fleet.kube.resources import ResourceType

TRANSFORMS = ResourceType(group=GROUP, version="v1alpha1", kind="Transform", plural="transforms", namespaced=False)
GRAPHS = ResourceType(group=GROUP, version="v1alpha1", kind="ResourceGraph", plural="resourcegraphs")
CRDS = ResourceType(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
)
CONFIGMAPS = ResourceType(group="", version="v1", kind="ConfigMap", plural="configmaps")
EVENTS = ResourceType(group="", version="v1", kind="Event", plural="events")
SECRETS = ResourceType(group="", version="v1", kind="Secret", plural="secrets")
