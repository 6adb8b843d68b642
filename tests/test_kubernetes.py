"""The Kubernetes example, by the tools that can look at it here: Kubernetes' own schemas, a real Prefect server, and our own names. No cluster has run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import environments
from flows.settings import parse
from tests.prefect_api import PREFECT

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "docs" / "kubernetes"
LOCK = Path(__file__).with_name("kubernetes.lock")


def documents() -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((FOLDER / "meridian.yaml").read_text(encoding="utf-8")) if one]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in documents() if one["kind"] == kind}


@pytest.fixture(scope="module")
def validate() -> Iterator[Any]:
    """kubernetes-validate, in an environment of its own: a file -> what it says, and whether all is well."""
    folder = environments.cache_folder() / "kubernetes-validate"
    try:
        environments.make_environment(folder, LOCK)
    except environments.CannotMake as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    (packages,) = folder.glob("lib/python*/site-packages")
    # What else it imports (jsonschema, PyYAML, packaging) is ours.
    told = {**os.environ, "PYTHONPATH": str(packages)}

    def run(file: Path) -> tuple[str, int]:
        program = "import sys; from kubernetes_validate.__main__ import main; sys.exit(main())"
        done = subprocess.run([sys.executable, "-c", program, "--strict", str(file)], capture_output=True, text=True, env=told, check=False)
        return done.stdout + done.stderr, done.returncode

    yield run


def job() -> dict[str, Any]:
    """The job that the template makes, with its defaults in place and what a worker puts in."""
    template = json.loads((FOLDER / "base-job-template.json").read_text(encoding="utf-8"))
    values = {name: one.get("default") for name, one in template["variables"]["properties"].items()} | {
        "command": ["prefect", "flow-run", "execute"], "name": "night", "env": [{"name": "PREFECT_API_URL", "value": "http://prefect:4200/api"}]}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        if isinstance(part, list):
            return [filled(value) for value in part]
        if isinstance(part, str) and (whole := re.fullmatch(r"\{\{ (\w+) \}\}", part)):
            return values[whole[1]]
        return re.sub(r"\{\{ (\w+) \}\}", lambda found: str(values[found[1]]), part) if isinstance(part, str) else part

    made: dict[str, Any] = filled(template["job_configuration"]["job_manifest"])
    return made


def test_kubernetes_own_schemas_take_every_manifest_and_the_job_of_the_template_and_no_broken_one(validate: Any, tmp_path: Path) -> None:
    said, code = validate(FOLDER / "meridian.yaml")
    assert code == 0 and "FAIL" not in said, said
    made = job()
    made["metadata"]["name"] = made["metadata"].pop("generateName") + "x7k2p"          # as the cluster does; the tool names what it looks at
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(made))
    said, code = validate(tmp_path / "job.yaml")
    assert code == 0, said
    (tmp_path / "broken.yaml").write_text((FOLDER / "meridian.yaml").read_text().replace("terminationGracePeriodSeconds", "terminationGracePeriod"))
    assert validate(tmp_path / "broken.yaml")[1] != 0


def test_a_real_prefect_server_takes_the_template_and_refuses_one_with_a_word_too_many(prefect_api: str) -> None:
    template = json.loads((FOLDER / "base-job-template.json").read_text(encoding="utf-8"))
    made = PREFECT.post(f"{prefect_api}/work_pools/", json={"name": "on-kubernetes", "type": "kubernetes", "base_job_template": template}, timeout=20)
    assert made.status_code == 201 and made.json()["base_job_template"] == template, made.text
    PREFECT.delete(f"{prefect_api}/work_pools/on-kubernetes", timeout=20)
    template["job_configuration"]["image"] = "{{ imgae }}"
    wrong = PREFECT.post(f"{prefect_api}/work_pools/", json={"name": "wrong", "type": "kubernetes", "base_job_template": template}, timeout=20)
    assert wrong.status_code == 422 and "imgae" in wrong.text


def test_every_name_that_a_manifest_uses_is_one_that_another_gives() -> None:
    secrets, maps, services = of_kind("Secret"), of_kind("ConfigMap"), of_kind("Service")
    for name, one in of_kind("StatefulSet").items():
        pod = one["spec"]["template"]
        assert one["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() and one["spec"]["serviceName"] in services
        assert services[name]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        given = {volume["name"] for volume in pod["spec"].get("volumes", [])} | {claim["metadata"]["name"] for claim in one["spec"]["volumeClaimTemplates"]}
        ports = {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}
        assert {port["targetPort"] for port in services[name]["spec"]["ports"]} <= ports
        assert one["spec"]["replicas"] == 1 and pod["spec"]["securityContext"]["runAsNonRoot"], "one builder, and nobody is root"
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= given
            for entry in container.get("env", []):
                if "valueFrom" in entry:
                    assert entry["valueFrom"]["secretKeyRef"]["key"] in secrets[entry["valueFrom"]["secretKeyRef"]["name"]]["stringData"]
            assert {entry["secretRef"]["name"] for entry in container.get("envFrom", [])} <= set(secrets)
        assert {volume["configMap"]["name"] for volume in pod["spec"].get("volumes", [])} <= set(maps)
    pod = job()["spec"]["template"]["spec"]
    state, configuration = pod["volumes"]
    assert state["persistentVolumeClaim"]["claimName"] == "state-meridian-0", "of the StatefulSet's first pod"
    assert configuration["configMap"]["name"] in maps and pod["containers"][0]["envFrom"][0]["secretRef"]["name"] in secrets
    images = {container["image"] for one in of_kind("StatefulSet").values() for container in one["spec"]["template"]["spec"]["containers"]}
    assert images == {pod["containers"][0]["image"], "meridian:0.1.0"}


def test_the_configuration_is_one_and_no_secret_stands_in_it_and_its_commands_exist() -> None:
    configuration = parse(of_kind("ConfigMap")["meridian"]["data"]["meridian.toml"], Path("meridian.toml"))
    assert configuration.state.home == "/state" and configuration.serve.metrics_token_env in of_kind("Secret")["meridian"]["stringData"]
    assert {value for secret in of_kind("Secret").values() for value in secret["stringData"].values()} == {""}
    from flows.cli import app

    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    for container in of_kind("StatefulSet")["meridian"]["spec"]["template"]["spec"]["containers"]:
        assert container["args"][0] == "meridian" and container["args"][1] in known


def test_the_image_copies_what_there_is() -> None:
    lines = (FOLDER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [source for line in lines if line.startswith("COPY") for source in line.split()[1:-1]]
    assert [source for source in copied if not (PROJECT / source).exists()] == []
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    needed = {package.split(".")[0] for package in project["packages"]} | set(project["dynamic"]["dependencies"]["file"]) | {"dbt_project", "prefect.yaml", "requirements.lock"}
    assert needed <= set(copied)
