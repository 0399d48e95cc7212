"""What each process is in Kubernetes: how it is run, asked whether it is well, and by whom it may be spoken to."""

from typing import Any, NamedTuple

from connectors.settings import PROCESSES
from connectors.values import SECRETS

NAME = "leadstream"
IMAGE = "leadstream:0.1.0"
PARTITIONS = "12"  # no more workers than partitions can work
METRICS, DOOR = 9100, 8080
KAFKA, REGISTRY, REDIS, DNS, HTTPS, OTLP = 9092, 8081, 6379, 53, 443, 4318
Manifest = dict[str, Any]


class Part(NamedTuple):
    """One process. `port` serves /metrics; `ready` and `alive` are paths there; `state` makes it a StatefulSet."""

    name: str
    replicas: int
    cpu: str
    memory: str
    port: int = METRICS
    ready: str = "/metrics"
    alive: str = "/metrics"
    grace_s: int = 30
    state: bool = False
    reaches: tuple[int, ...] = ()


PARTS = (
    Part("collector", 2, "250m", "512Mi", DOOR, "/readyz", "/healthz"),
    Part("worker", 3, "500m", "1Gi", ready="/readyz", alive="/livez", grace_s=60, state=True),
    Part("relay", 2, "100m", "384Mi", reaches=(HTTPS,)),
    Part("view", 2, "100m", "384Mi", reaches=(REDIS,)),
    Part("fetcher", 1, "50m", "256Mi", reaches=(HTTPS,)),
    Part("probe", 1, "50m", "256Mi", reaches=(REDIS, DOOR)),
)
FIXED = {  # what the manifests decide themselves
    "LEADSTREAM_METRICS_HOST": "0.0.0.0",
    "LEADSTREAM_METRICS_PORT": str(METRICS),
    "LEADSTREAM_COLLECTOR_HOST": "0.0.0.0",
    "LEADSTREAM_COLLECTOR_PORT": str(DOOR),
    "LEADSTREAM_COLLECTOR_URL": f"http://collector:{DOOR}",
    "LEADSTREAM_STATE_DIR": "/state",
}
GIVEN = {"LEADSTREAM_PARTITIONS", "LEADSTREAM_REPLICATION"}  # in the ConfigMap of the base
OURS = {"securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}}
OURS["securityContext"] |= {"capabilities": {"drop": ["ALL"]}}
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def labels(part: str) -> dict[str, str]:
    """Return what selects a process's pods."""
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": part}


def named(kind: str, version: str, name: str, part: str = "") -> Manifest:
    """Return the head of a manifest."""
    own = labels(part) if part else {"app.kubernetes.io/name": NAME}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": own}}


def told(process: str) -> list[Manifest]:
    """Return a process's environment: secrets from the Secret, the rest from the ConfigMap, all that it reads."""
    found: list[Manifest] = []
    for field in PROCESSES[process].model_fields.values():
        name = str(field.alias)
        if name in FIXED:
            found.append({"name": name, "value": FIXED[name]})
        elif name == "LEADSTREAM_WORKER_NAME":  # a StatefulSet's pod keeps its name: its partitions wait for it
            found.append({"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
        else:
            kind = "secretKeyRef" if field.annotation in SECRETS else "configMapKeyRef"
            must = field.is_required() or name in GIVEN
            source = {"name": NAME, "key": name} | ({} if must else {"optional": True})
            found.append({"name": name, "valueFrom": {kind: source}})
    return found


def pod(part: Part) -> Manifest:
    """Return a process's pod."""
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - in a container of its own
    if part.state:
        mounts.append({"name": "state", "mountPath": "/state"})
    container = {
        "name": part.name,
        "image": IMAGE,
        "args": [part.name],
        "env": told(part.name),
        "ports": [{"name": "metrics", "containerPort": part.port}],
        "resources": {"requests": {"cpu": part.cpu, "memory": part.memory}, "limits": {"memory": part.memory}},
        "startupProbe": _asked(part.alive, every_s=5, failures=24),
        "readinessProbe": _asked(part.ready, every_s=5, failures=3),
        "livenessProbe": _asked(part.alive, every_s=10, failures=6),
        "volumeMounts": mounts,
        **OURS,
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(part.name)},
    }
    return {
        "metadata": {"labels": labels(part.name)},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,  # a service `leadstream-collector` would set LEADSTREAM_COLLECTOR_PORT=tcp://...
            "terminationGracePeriodSeconds": part.grace_s,
            "securityContext": POD_SECURITY,
            "topologySpreadConstraints": [spread],
            "containers": [container],
            "volumes": volumes,
        },
    }


def _asked(path: str, every_s: int, failures: int) -> Manifest:
    asked = {"path": path, "port": "metrics"}
    return {"httpGet": asked, "periodSeconds": every_s, "timeoutSeconds": 3, "failureThreshold": failures}
