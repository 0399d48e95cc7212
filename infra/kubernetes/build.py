"""Write the kustomize base: python infra/kubernetes/build.py [FOLDER]. The committed files are what this writes."""

import sys
from pathlib import Path

import yaml
from parts import (
    DNS,
    DOOR,
    FIXED,
    IMAGE,
    KAFKA,
    NAME,
    OTLP,
    OURS,
    PARTITIONS,
    PARTS,
    POD_SECURITY,
    REGISTRY,
    Manifest,
    Part,
    labels,
    named,
    pod,
    told,
)

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus"
HEAD = "# Written by infra/kubernetes/build.py: do not edit; change it in an overlay.\n"
LAG_S = "10"  # seconds behind at which another worker is worth having


def workload(part: Part) -> list[Manifest]:
    """Return what runs a process: its pods, their service, how many may be away at once."""
    selector = {"matchLabels": labels(part.name)}
    spec: Manifest = {"replicas": part.replicas, "selector": selector, "template": pod(part)}
    if part.state:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}
        spec |= {
            "serviceName": part.name,
            "podManagementPolicy": "Parallel",
            "volumeClaimTemplates": [{"metadata": {"name": "state"}, "spec": claim}],
        }
        runs = named("StatefulSet", "apps/v1", part.name, part.name) | {"spec": spec}
    else:
        runs = named("Deployment", "apps/v1", part.name, part.name) | {"spec": spec}
    ports = [{"name": "metrics", "port": part.port, "targetPort": "metrics"}]
    service: Manifest = {"selector": labels(part.name), "ports": ports} | ({"clusterIP": "None"} if part.state else {})
    found = [runs, named("Service", "v1", part.name, part.name) | {"spec": service}]
    if part.replicas > 1:
        away = {"maxUnavailable": 1, "selector": selector}
        found.append(named("PodDisruptionBudget", "policy/v1", part.name, part.name) | {"spec": away})
    return found


def topics() -> list[Manifest]:
    """Return the job that makes the topics; it may run again and again."""
    container = {
        "name": "topics",
        "image": IMAGE,
        "args": ["topics", "ensure"],
        "env": [it for it in told("view") if it["name"] not in FIXED and it["name"] != "REDIS_URL"],
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        **OURS,
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "OnFailure",
        "securityContext": POD_SECURITY,
        "containers": [container],
    }
    job = {"backoffLimit": 20, "ttlSecondsAfterFinished": 600}
    template = {"metadata": {"labels": labels("topics")}, "spec": spec}
    return [named("Job", "batch/v1", "topics", "topics") | {"spec": job | {"template": template}}]


def scaling() -> list[Manifest]:
    """Return how many there are of whom: workers by how late they are, collectors by how busy."""
    lag = {"name": "leadstream_consumer_lag_seconds", "selector": {"matchLabels": {"group": "leadstream"}}}
    late = {"type": "External", "external": {"metric": lag, "target": {"type": "Value", "value": LAG_S}}}
    busy = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    slowly = {
        "scaleDown": {
            "stabilizationWindowSeconds": 1800,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        }
    }
    return [
        _scaled("worker", "StatefulSet", (3, int(PARTITIONS)), late, slowly),
        _scaled("collector", "Deployment", (2, 8), busy, {"scaleDown": {"stabilizationWindowSeconds": 300}}),
    ]


def network() -> list[Manifest]:
    """Return who may speak to whom: nobody, but for what each process needs."""
    everyone = {"matchLabels": {"app.kubernetes.io/name": NAME}}
    closed = named("NetworkPolicy", "networking.k8s.io/v1", NAME)
    closed["spec"] = {"podSelector": everyone, "policyTypes": ["Ingress", "Egress"]}
    return [closed, *(_policy(part.name, part) for part in PARTS), _policy("topics", None)]


def watching() -> list[Manifest]:
    """Return what the Prometheus operator reads: whom to scrape, and the rules."""
    pod = {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}  # a worker's outlives its address
    monitor = named("ServiceMonitor", "monitoring.coreos.com/v1", NAME)
    monitor["spec"] = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
        "jobLabel": "app.kubernetes.io/component",  # the rules know each process by its job
        "endpoints": [{"port": "metrics", "interval": "5s", "relabelings": [pod]}],
    }
    groups = [
        group for name in ("rules.yml", "slo.yml") for group in yaml.safe_load((RULES / name).read_text())["groups"]
    ]
    return [monitor, named("PrometheusRule", "monitoring.coreos.com/v1", NAME) | {"spec": {"groups": groups}}]


def _scaled(part: str, kind: str, counts: tuple[int, int], metric: Manifest, behavior: Manifest) -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": kind, "name": part}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": counts[0],
        "maxReplicas": counts[1],
        "metrics": [metric],
        "behavior": behavior,
    }
    return named("HorizontalPodAutoscaler", "autoscaling/v2", part, part) | {"spec": spec}


def _policy(name: str, part: Part | None) -> Manifest:
    dns = [{"protocol": protocol, "port": DNS} for protocol in ("UDP", "TCP")]
    outward = sorted({KAFKA, KAFKA + 1, REGISTRY, OTLP, *(part.reaches if part else ())})
    ports = [{"protocol": "TCP", "port": port} for port in outward]
    policy = named("NetworkPolicy", "networking.k8s.io/v1", name, name)
    policy["spec"] = {
        "podSelector": {"matchLabels": labels(name)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"ports": dns}, {"ports": ports}],
    }
    if part:
        prometheus = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        senders: Manifest = {} if part.port == DOOR else {"from": [prometheus]}
        policy["spec"]["ingress"] = [senders | {"ports": [{"protocol": "TCP", "port": part.port}]}]
    return policy


def settings() -> list[Manifest]:
    """Return the ConfigMap; whoever deploys it adds to it, and makes the Secret of the same name."""
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": f"kafka:{KAFKA}",
        "REDIS_URL": "redis://redis:6379/0",
        "LEADSTREAM_PARTITIONS": PARTITIONS,
        "LEADSTREAM_REPLICATION": "3",
    }
    return [named("ConfigMap", "v1", NAME) | {"data": values}]


class Plain(yaml.SafeDumper):
    """Writes what is said twice twice: references are harder to read than manifests are long."""

    def ignore_aliases(self, _: object) -> bool:
        """Never refer."""
        return True


FILES = {
    "settings": settings(),
    **{part.name: workload(part) for part in PARTS},
    "topics": topics(),
    "scaling": scaling(),
    "network": network(),
    "watching": watching(),
}
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "base"
folder.mkdir(exist_ok=True)
for name, manifests in FILES.items():
    (folder / f"{name}.yaml").write_text(HEAD + yaml.dump_all(manifests, Dumper=Plain, sort_keys=False, width=120))
kustomization = {
    "apiVersion": "kustomize.config.k8s.io/v1beta1",
    "kind": "Kustomization",
    "resources": [f"{name}.yaml" for name in FILES],
}
(folder / "kustomization.yaml").write_text(HEAD + yaml.safe_dump(kustomization, sort_keys=False))
