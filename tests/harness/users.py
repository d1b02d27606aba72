"""Users with few rights: service accounts with a token and a kubeconfig of their own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import View


def user_with(
    rules: Sequence[dict[str, Any]], *, control_plane: ControlPlane, view: View, namespace: str, into: Path
) -> Path:
    """The kubeconfig (a file in ``into``) of a new user who may do on the whole cluster what ``rules`` say.

    The rules are those of a ClusterRole. Deleting the service account, which is named as the file is, makes the
    token invalid.
    """
    name = f"user-{uuid.uuid4().hex[:8]}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    view.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
    view.apply({"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)})
    view.apply(
        {
            "apiVersion": rbac,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": role,
            "subjects": [subject],
        }
    )
    answer = view.post(
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}},
    )
    kubeconfig = into / name
    control_plane.write_kubeconfig(kubeconfig, user=name, token=answer["status"]["token"])
    return kubeconfig
