"""The manifest of the documents is what KubeRay's custom resource takes, by its main fields."""

import pages
import pytest
import yaml

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is of the extra `dev`")

NAMED = {"type": "object", "required": ["name"]}
POD = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["containers"],
            "properties": {
                "containers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {**NAMED, "required": ["name", "image", "resources"]},
                },
                "volumes": {"type": "array", "items": NAMED},
            },
        }
    },
}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
HEAD = {"rayStartParams": TEXTS, "template": POD, "serviceType": {"type": "string"}}
WORKERS = {
    **HEAD,
    "groupName": {"type": "string"},
    **{name: {"type": "integer"} for name in ("replicas", "minReplicas", "maxReplicas")},
}


def strict(properties, *required):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


SPEC = {
    "rayVersion": {"type": "string"},
    "enableInTreeAutoscaling": {"type": "boolean"},
    "headGroupSpec": strict(HEAD, "template", "rayStartParams"),
    "workerGroupSpecs": {
        "type": "array",
        "items": strict(WORKERS, "groupName", "template", "rayStartParams"),
    },
}
SCHEMA = strict(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayCluster"},
        "metadata": NAMED,
        "spec": strict(SPEC, "headGroupSpec"),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)


def manifest():
    return yaml.safe_load((pages.DOCS / "kuberay.yaml").read_text())


def test_the_manifest_keeps_the_schema():
    """Every field is one that the resource has, and of its type."""
    jsonschema.validate(manifest(), SCHEMA)


def test_a_slip_would_be_found():
    """The schema is no formality."""
    wrong = manifest()
    wrong["spec"]["workerGroupSpecs"][0]["replica"] = 3
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        jsonschema.validate(wrong, SCHEMA)


def test_it_asks_for_the_version_that_is_pinned():
    """Head, workers and driver must have the same one."""
    pins = (pages.ROOT / "constraints.txt").read_text()
    assert f"ray=={manifest()['spec']['rayVersion']}\n" in pins
