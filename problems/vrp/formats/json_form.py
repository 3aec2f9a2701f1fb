"""Our own JSON form: the arrays of `arrays` as they are, with ``"problem": "vrp"``.

The schema is published as ``docs/_static/vrp.schema.json``. A case goes through it without loss.
"""

import json
from typing import Any

from nco.core.errors import InstanceError
from nco.problems._common import yamlfile
from nco.problems.vrp.case import Case, Rounding
from nco.problems.vrp.formats import arrays
from nco.problems.vrp.formats.data import data_of

SCHEMA = "vrp.schema.json"


def recognise(text: str) -> bool:
    """Whether a text is a JSON object that says ``"problem": "vrp"`` near its begin."""
    return text.lstrip("\ufeff \t\r\n")[:1] == "{" and yamlfile.states_problem(text, "vrp")


def parse(text: str, path: str | None) -> dict[str, Any]:
    """The object in a text.

    Raises:
        InstanceError: no JSON, no object, a key stated twice, infinity or NaN.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InstanceError("this key is stated twice", field=twice, path=path)
        return found

    def refused(word: str) -> Any:
        raise InstanceError("JSON has no such number: null is no limit", value=word, path=path)

    try:
        data = json.loads(
            text.removeprefix("\ufeff"), object_pairs_hook=once, parse_constant=refused
        )
    except json.JSONDecodeError as error:
        raise InstanceError(f"is no JSON: {error.msg}", path=path, line=error.lineno) from error
    except RecursionError as error:
        raise InstanceError("is nested too deeply", path=path) from error
    if not isinstance(data, dict):
        raise InstanceError("must be an object", value=type(data).__name__, path=path)
    return data


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a text.

    Raises:
        InstanceError: naming the key and the value.
    """
    data = parse(text, path)
    data.pop("$schema", None)
    if rounding is not None:
        data["rounding"] = rounding.value
    return arrays.case_of(data, path)


def write(case: Case) -> str:
    """The text from which `read` makes the same case: a key a line, a row a line."""
    lines = []
    for key, value in data_of(case).items():
        lines.append(f" {json.dumps(key)}: {_written(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _written(value: Any) -> str:
    """A value on one line; of a list of lists or objects each on one."""
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n  " + ",\n  ".join(_flat(one) for one in value) + "\n ]"
    return _flat(value)


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
