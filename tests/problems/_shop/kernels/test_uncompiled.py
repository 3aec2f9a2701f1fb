"""The kernels are Python functions too: parts are tested so, and the answers are the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shops import generated

from nco.problems._shop.kernels.tabu import improve
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP

UNCOMPILED = "NUMBA_DISABLE_JIT"
pytestmark = pytest.mark.skipif(UNCOMPILED in os.environ, reason="this is the uncompiled run")
PRINT = """
import json, sys
from nco.problems._shop.kernels.tabu import improve
print(json.dumps([improve(work, iterations=600, seed=3) for work in json.load(sys.stdin)]))
"""


def run(command: list[str], given: str = "") -> str:
    """What Python prints without a compiler."""
    done = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {UNCOMPILED: "1"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.long
def test_each_part_is_right() -> None:
    """The tests of the parts, which only Python can call, pass."""
    file = Path(__file__).parent / "test_parts.py"
    printed = run(["-m", "pytest", "-n", "0", "-p", "no:cacheprovider", str(file)])
    assert " passed" in printed
    assert "skipped" not in printed


def test_compiled_and_uncompiled_are_equal() -> None:
    """For equal seeds and steps, with and without alternatives."""
    works = [*generated(JSSP(6), 1, 2), *generated(FJSP(6), 1, 2)]
    plans = [improve(work, iterations=600, seed=3) for work in works]
    assert json.loads(run(["-c", PRINT], json.dumps(works))) == json.loads(json.dumps(plans))
