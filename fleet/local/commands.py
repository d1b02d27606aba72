"""The command lines of the servers, as pure functions: everything that was decided about them stands here."""

from __future__ import annotations

from pathlib import Path

from fleet.local.ports import HOST

_KWOK_STAGES = Path(__file__).with_name("kwok.yaml")

# What workloads and deletion cascades need; nothing for nodes, volumes or certificates, which are not here.
_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "namespace-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "ttl-after-finished-controller",
)


def etcd(executable: Path, *, data: Path, port: int) -> tuple[str, ...]:
    """One member that trades durability for speed: it survives its own crash, not the machine's."""
    url = f"http://{HOST}:{port}"
    return (
        str(executable),
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://{HOST}:0",
        "--socket-reuse-port",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )


def kube_apiserver(executable: Path, *, name: str, folder: Path, port: int, etcd_port: int) -> tuple[str, ...]:
    """An API server that makes its own certificate and keeps everything under ``/<name>`` in etcd."""
    return (
        str(executable),
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--etcd-prefix=/{name}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        "--permit-port-sharing",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'service-account.key'}",
        f"--service-account-signing-key-file={folder / 'service-account.key'}",
        "--service-cluster-ip-range=10.0.0.0/16",
        # No node has a kubelet that would take the "not ready" taint of a new node away.
        "--disable-admission-plugins=TaintNodesByCondition",
        "--endpoint-reconciler-type=none",  # the address of the `kubernetes` service would be a loopback one
        "--profiling=false",
    )


def kube_controller_manager(executable: Path, *, kubeconfig: Path, folder: Path, port: int) -> tuple[str, ...]:
    """The controllers, free to make all the requests they want: by default they are held to 20 a second."""
    return (
        str(executable),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        "--permit-port-sharing",
        # The API server's own certificate: making another one costs two RSA keys, and it is loopback either way.
        f"--tls-cert-file={folder / 'certificates' / 'apiserver.crt'}",
        f"--tls-private-key-file={folder / 'certificates' / 'apiserver.key'}",
        f"--root-ca-file={folder / 'certificates' / 'apiserver.crt'}",
        "--authentication-skip-lookup",
        "--leader-elect=false",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
        "--horizontal-pod-autoscaler-sync-period=1s",  # by default 15 s, which is long on a development machine
        "--profiling=false",
    )


def kube_scheduler(executable: Path, *, kubeconfig: Path) -> tuple[str, ...]:
    """The scheduler, which serves nothing."""
    return (
        str(executable),
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
    )


def kwok(executable: Path, *, kubeconfig: Path) -> tuple[str, ...]:
    """What gives scheduled pods the status that a kubelet would give them."""
    return (
        str(executable),
        f"--kubeconfig={kubeconfig}",
        f"--config={_KWOK_STAGES}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=0",  # no controller looks at leases here
    )
