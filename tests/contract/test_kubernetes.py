"""The kustomize base: held to Kubernetes' own schemas, strictly, to our settings, and to what careful clusters ask."""

import copy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator
from pydantic import BaseModel, ValidationError

from connectors.settings import PROCESSES
from connectors.values import SECRETS
from tests.contract.test_observability import ALERTS

ROOT = Path(__file__).parents[2]
BASE = ROOT / "infra" / "kubernetes" / "base"
OVERLAY = ROOT / "docs" / "examples" / "kubernetes"
VERSIONS = ("1.31", "1.37")  # the oldest we care for, and the newest there is a schema of
OF_OPERATOR: dict[str, type[BaseModel]] = {
    "ServiceMonitor": operator.ServiceMonitor,
    "PrometheusRule": operator.PrometheusRule,
}
FILES = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
MANIFESTS: list[dict[str, Any]] = [
    manifest for name in FILES for manifest in yaml.safe_load_all((BASE / name).read_text())
]
NAMES = [f"{it['kind']} {it['metadata']['name']}" for it in MANIFESTS]
WORKLOADS = {it["metadata"]["name"]: it for it in MANIFESTS if it["kind"] in ("Deployment", "StatefulSet", "Job")}

every_workload = pytest.mark.parametrize("name", WORKLOADS)


def of(kind: str) -> Iterator[dict[str, Any]]:
    yield from (it for it in MANIFESTS if it["kind"] == kind)


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKLOADS[name]["spec"]["template"]
    return found


def selected(selector: dict[str, str]) -> set[str]:
    """The workloads whose pods have these labels."""
    return {name for name in WORKLOADS if selector.items() <= pod(name)["metadata"]["labels"].items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_what_kubernetes_takes_and_has_no_field_besides(version: str) -> None:
    for manifest in MANIFESTS:
        if manifest["kind"] not in OF_OPERATOR:
            kubernetes_validate.validate(manifest, version, strict=True)


def taken(manifest: dict[str, Any]) -> bool:
    """Whether the operator's schema has a place for all that a manifest of its kinds says."""
    try:
        read = OF_OPERATOR[manifest["kind"]].model_validate(manifest)
    except ValidationError:
        return False
    return bool(read.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest)


def test_what_the_prometheus_operator_reads_is_what_it_takes_and_has_no_field_besides() -> None:
    read = [manifest for manifest in MANIFESTS if manifest["kind"] in OF_OPERATOR]
    assert {manifest["kind"] for manifest in read} == OF_OPERATOR.keys()
    assert [manifest["kind"] for manifest in read if not taken(manifest)] == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("ServiceMonitor", ("spec", "endpoints", 0, "intervall"), "5s"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), "soon"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "relabelings", 0, "action"), "rename"),
        ("ServiceMonitor", ("spec", "selector"), "leadstream"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "four"), "1m"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "for"), "soon"),
        ("PrometheusRule", ("spec", "groups", 0, "name"), ""),
    ],
)
def test_what_the_prometheus_operator_would_refuse_or_drop_is_noticed(
    kind: str, path: tuple[str | int, ...], value: str
) -> None:
    [manifest] = copy.deepcopy(list(of(kind)))
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not taken(manifest)


def test_a_manifest_with_a_field_that_does_not_exist_is_refused() -> None:
    odd = {**WORKLOADS["worker"], "spec": {**WORKLOADS["worker"]["spec"], "replikas": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(odd, VERSIONS[-1], strict=True)


def test_the_manifests_are_what_the_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "infra" / "kubernetes" / "build.py", tmp_path], check=True)
    assert {it.name: it.read_text() for it in tmp_path.iterdir()} == {it.name: it.read_text() for it in BASE.iterdir()}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kustomize is NOT tried: no kubectl on the PATH")
def test_kustomize_builds_the_base_and_the_overlay() -> None:
    for folder, least in ((BASE, len(MANIFESTS)), (OVERLAY, len(MANIFESTS) + 2)):
        done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(list(yaml.safe_load_all(done.stdout))) >= least


def test_every_process_runs_and_no_name_is_given_twice() -> None:
    assert WORKLOADS.keys() == {*PROCESSES, "topics"}
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_told_all_that_it_reads_and_its_secrets_by_the_secret(name: str) -> None:
    fields = {str(field.alias): field for field in PROCESSES[name].model_fields.values()}
    [container] = pod(name)["spec"]["containers"]
    told = {it["name"]: it for it in container["env"]}
    assert told.keys() == fields.keys()
    for alias, field in fields.items():
        source = told[alias].get("valueFrom", {})
        assert ("secretKeyRef" in source) == (field.annotation in SECRETS)
        if field.is_required():
            assert not any(it.get("optional") for it in source.values())


@every_workload
def test_a_container_may_do_little_and_takes_a_bounded_share(name: str) -> None:
    spec = pod(name)["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec["automountServiceAccountToken"]
    assert not spec["enableServiceLinks"], "the names of services are no settings"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert container["image"].rpartition(":")[2] != "latest"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_asked_whether_it_is_well_where_it_answers(name: str) -> None:
    [container] = pod(name)["spec"]["containers"]
    [port] = container["ports"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def test_whoever_there_is_more_of_goes_one_at_a_time() -> None:
    guarded = {name for it in of("PodDisruptionBudget") for name in selected(it["spec"]["selector"]["matchLabels"])}
    assert guarded == {name for name, it in WORKLOADS.items() if it["spec"].get("replicas", 1) > 1}


def test_workers_are_counted_by_lag_in_seconds_and_never_more_than_partitions() -> None:
    scaled = {it["metadata"]["name"]: it["spec"] for it in of("HorizontalPodAutoscaler")}
    [metric] = scaled["worker"]["metrics"]
    assert metric["external"]["metric"]["name"] == "leadstream_consumer_lag_seconds"
    [settings] = of("ConfigMap")
    assert scaled["worker"]["maxReplicas"] == int(settings["data"]["LEADSTREAM_PARTITIONS"])
    for spec in scaled.values():
        target = WORKLOADS[spec["scaleTargetRef"]["name"]]
        assert (target["kind"], target["apiVersion"]) == (
            spec["scaleTargetRef"]["kind"],
            spec["scaleTargetRef"]["apiVersion"],
        )


def test_nobody_is_spoken_to_but_those_whom_a_policy_opens() -> None:
    policies = {it["metadata"]["name"]: it["spec"] for it in of("NetworkPolicy")}
    closed = policies.pop("leadstream")
    assert set(closed) == {"podSelector", "policyTypes"}
    assert selected(closed["podSelector"]["matchLabels"]) == WORKLOADS.keys()
    assert {name for it in policies.values() for name in selected(it["podSelector"]["matchLabels"])} == WORKLOADS.keys()
    outside = {
        name for name, it in policies.items() if any(to["port"] == 443 for rule in it["egress"] for to in rule["ports"])
    }
    assert outside == {"relay", "fetcher"}
    from_anywhere = {name for name, it in policies.items() for rule in it.get("ingress", []) if "from" not in rule}
    assert from_anywhere == {"collector"}


def test_the_operator_scrapes_every_process_under_the_name_that_rules_know_it_by() -> None:
    [monitor] = of("ServiceMonitor")
    services = {it["metadata"]["name"]: it for it in of("Service")}
    wanted = monitor["spec"]["selector"]["matchLabels"]
    seen = {name for name, it in services.items() if wanted.items() <= it["metadata"]["labels"].items()}
    assert seen == PROCESSES.keys()
    [end] = monitor["spec"]["endpoints"]
    for name, service in services.items():
        assert end["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert selected(service["spec"]["selector"]) == {name}
        assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == name


def test_the_operator_has_our_rules() -> None:
    [rules] = of("PrometheusRule")
    found = {it["alert"] for group in rules["spec"]["groups"] for it in group["rules"] if "alert" in it}
    assert found == ALERTS.keys()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="the operator's rules are NOT checked: no promtool")
def test_promtool_takes_the_rules_that_the_operator_hands_on(tmp_path: Path) -> None:
    [rules] = of("PrometheusRule")
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules["spec"]))
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / "rules.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(len(group['rules']) for group in rules['spec']['groups'])} rules found" in done.stdout
