"""Objects as plain data and back; what cannot be stored, or must not be imported, is refused."""

import dataclasses
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from nco.core.describe import Described, allow, arguments_of, construct, describe
from nco.core.errors import NCOError
from nco.core.geometry import Clustered
from nco.core.lazy import attribute
from nco.problems.cvrp import CVRP
from nco.problems.tsp import TSP

HERE = (__name__ + ".",)


class Base(Described):
    """Remembers what it was made of."""

    def __init__(self, size: int, name: str = "base") -> None:
        self.size, self.name = size, name


class Child(Base):
    """Calls its parent with arguments of its own."""

    def __init__(self, factor: int = 2) -> None:
        super().__init__(10 * factor, name="child")


class Heir(Base):
    """Has its parent's constructor."""


@dataclasses.dataclass(frozen=True)
class Record(Described):
    """A dataclass, one of whose fields is described as well."""

    part: Base | None
    options: dict[str, Any]


def test_arguments_are_those_of_the_outermost_class() -> None:
    """Defaults included; what a parent was given is no business of the description."""
    assert arguments_of(Child(factor=3)) == {"factor": 3}
    assert arguments_of(Child()) == {"factor": 2}
    assert arguments_of(Heir(4)) == {"size": 4, "name": "base"}


def test_nested_objects_come_back() -> None:
    """Dataclasses, lists, dicts and described parts of parts."""
    record = Record(Base(3, "x"), {"list": (1, 2.5, None, True), "inner": Child(4)})
    plain = describe(record)
    assert plain["class_path"] == f"{__name__}.Record"
    assert plain["init_args"]["options"]["list"] == [1, 2.5, None, True]
    again = construct(plain, HERE)
    assert isinstance(again, Record)
    assert isinstance(again.part, Base)
    assert (again.part.size, again.part.name) == (3, "x")
    assert again.options["inner"].size == 40
    assert describe(again) == plain


@pytest.mark.parametrize("problem", [TSP(20, points=Clustered(4, 0.1)), CVRP([10, 20])])
def test_problems_come_back_with_their_distributions(problem: Described) -> None:
    """As cards and checkpoints store them."""
    again = construct(describe(problem))
    assert type(again) is type(problem)
    assert describe(again) == describe(problem)


@pytest.mark.parametrize("value", [torch.zeros(2), object(), {1, 2}, len, 3 + 4j])
def test_what_is_not_plain_is_refused(value: object) -> None:
    """Tensors, functions and sets have no place in a checkpoint's description."""
    with pytest.raises(NCOError, match="cannot be stored in a checkpoint"):
        describe(Record(None, {"value": value}))


def test_a_dict_that_only_looks_like_a_description_stays_a_dict() -> None:
    """With further keys, or without a class."""
    for data in ({"init_args": {}}, {"class_path": "x.Y", "other": 1}, {"a": [1, {"b": 2}]}):
        assert construct(data) == data


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("foreign_package.Thing", {}, "is not part of nco: import foreign_package yourself"),
        ("nco.core.nowhere.Thing", {}, "cannot be imported"),
        ("nco.core.geometry.Nothing", {}, "is not a Described class of this version"),
        ("nco.core.geometry.check_size", {}, "is not a Described class of this version"),
        ("nco.core.errors.NCOError", {}, "is not a Described class of this version"),
        ("nco.problems.tsp.TSP", {"colour": 1}, "takes other arguments"),
        ("nco.core.geometry.Clustered", {"clusters": 1, "clusterz": 2}, "takes other arguments"),
    ],
)
def test_a_description_cannot_make_just_anything(
    path: str, arguments: dict[str, Any], message: str
) -> None:
    """Foreign modules are not imported, and only classes that describe themselves are called."""
    with pytest.raises(NCOError, match=message) as caught:
        construct({"class_path": path, "init_args": arguments})
    assert "\n" not in str(caught.value)
    assert "foreign_package" not in sys.modules


def test_what_the_program_has_imported_itself_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A user's own problem comes back from a checkpoint once its module is there."""
    module = ModuleType("someones_package")
    module.Base = Base  # type: ignore[attr-defined]
    description = {"class_path": "someones_package.Base", "init_args": {"size": 5}}
    with pytest.raises(NCOError, match="import someones_package yourself"):
        construct(description)
    monkeypatch.setitem(sys.modules, "someones_package", module)
    assert construct(description).size == 5


def test_names_are_imported_when_first_asked_for() -> None:
    """And unknown ones are named with their package."""
    find = attribute("nco.core", {"derive": "seeds", "NCOError": "errors"})
    assert find("NCOError") is NCOError
    assert find("derive").__module__ == "nco.core.seeds"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"module nco.core has no attribute other"):
        find("other")


def test_what_the_user_names_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module or what lies in a package, here and in child processes; nothing else."""
    (tmp_path / "named_package").mkdir()
    (tmp_path / "named_package" / "__init__.py").write_text("")
    text = "from nco.core.describe import Described\n\n\nclass Thing(Described):\n    pass\n"
    (tmp_path / "named_package" / "inner.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NCO_IMPORT", "named_pack")
    with pytest.raises(NCOError, match=r"on the command line --import named_package\.inner"):
        construct({"class_path": "named_package.inner.Thing"})
    allow("named_package")
    assert os.environ["NCO_IMPORT"] == "named_pack,named_package"
    assert type(construct({"class_path": "named_package.inner.Thing"})).__name__ == "Thing"
