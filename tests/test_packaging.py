"""What an installation holds: every package, weights, configs, references and examples."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

import nco
from nco.core.errors import InstanceError
from nco.registry.shipped import examples
from nco.training import references
from nco.zoo import weights

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "nco": "nco",
    "problems": "nco/problems",
    "models": "nco/models",
    "configs": "nco/configs",
}
WANTED = {
    ".py",
    ".typed",
    ".safetensors",
    ".json",
    ".csv",
    ".yaml",
    ".tsp",
    ".vrp",
    ".txt",
    ".css",
    ".js",
}
ASK = (
    "example:cvrp/customers.csv",
    "example:knapsack/luggage.csv",
    "example:vrp/deliveries.csv",
)  # for a capacity
LIST = """
import json, setuptools
from distutils.core import run_setup
build = run_setup("setup.py", stop_after="config").get_command_obj("build_py")
build.ensure_finalized()
print(json.dumps(build.get_outputs(include_bytecode=False)))
"""


def shipped() -> set[str]:
    """The source files that belong into the wheel, by their path there."""
    found = set()
    for folder, target in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in WANTED and "__pycache__" not in path.parts:
                found.add(f"{target}/{path.relative_to(ROOT / folder).as_posix()}")
    return found


def test_setup_lists_every_file() -> None:
    """Without building: what setuptools would copy is what the source folders hold."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIST],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    outputs = json.loads(done.stdout.splitlines()[-1])
    listed = {path.replace(os.sep, "/").removeprefix("build/lib/") for path in outputs}
    assert shipped() - listed == set()
    assert listed - shipped() == set()


def test_data_are_found_through_the_packages() -> None:
    """Not by the layout of the source tree, which an installed wheel does not have."""
    assert Path(str(files("nco.configs"))) == references.SHIPPED
    assert references.SHIPPED.joinpath("references", "tsp50", "set.json").is_file()
    assert Path(str(files("nco.models"))) == weights.FOLDER.parent


def test_every_example_is_readable_by_its_name() -> None:
    """Each is a case of that name."""
    names = examples()
    assert "example:tsp/capitals.tsp" in names
    for name in names:
        beside = {"capacity": 40} if name in ASK else None
        case = nco.read(name, arguments=beside)
        assert case.size > 0
        assert name.removeprefix("example:").rpartition("/")[2].startswith(case.name)


def test_an_unknown_example_lists_those_there_are() -> None:
    """The error is a help."""
    with pytest.raises(InstanceError, match=r"example:tsp/capitals\.tsp"):
        nco.read("example:nowhere.tsp")


def test_constraints_pin_exactly() -> None:
    """A range of torch would let pip take a build with gigabytes of CUDA libraries."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line for line in pins)
    names = {line.split("==")[0] for line in pins}
    assert {"torch", "lightning", "ortools", "pyvrp", "hypothesis", "mypy", "ruff"} <= names


@pytest.mark.slow
def test_the_wheel_works_from_another_folder(tmp_path: Path) -> None:
    """Built from a copy (setuptools writes into the source), unpacked, and run beside it."""
    source = tmp_path / "source"
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=ignore)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", *build], cwd=source, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert shipped() <= set(archive.namelist())
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}  # before the editable one
    script = "import nco, nco.models, nco.problems, nco.configs; print(nco.__file__, "
    script += "nco.models.__file__, nco.problems.__file__)"
    script += "; from nco.cli import main; main(['check', 'example:items.txt', 'one.json'])"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "one.json").write_text("[0]")
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    origins, verdict = done.stdout.splitlines()
    assert all(path.startswith(str(tmp_path / "site")) for path in origins.split())
    assert verdict.startswith("feasible")
