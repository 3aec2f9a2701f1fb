"""A problem's folder: its parts, each imported when first asked for."""

import functools
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nco.core.errors import NCOError, did_you_mean
from nco.registry.interface import (
    Check,
    Classical,
    Decomposition,
    Explain,
    Files,
    FindsOptimum,
    LowerBound,
    PartName,
    Plot,
    Policies,
    ReadsTables,
    Replan,
    Rules,
    Sheet,
    Solver,
)

ROOT = "nco.problems"


@dataclass(frozen=True)
class Folder:
    """The package of a problem, such as ``nco.problems.tsp``; empty where a class has none.

    A part that is not there is an `NCOError` which says so; `has` asks beforehand. A user's own
    package need only have the parts that are used.
    """

    package: str

    @property
    def name(self) -> str:
        """The problem's name, which its cases have too; of a user's package its full name."""
        return self.package.removeprefix(f"{ROOT}.")

    @functools.cached_property
    def path(self) -> Path:
        """The directory."""
        return Path(importlib.import_module(self.package).__path__[0])

    @functools.cached_property
    def problem_class(self) -> Any:
        """The class of ``problem.py`` that the other parts serve. Needs torch.

        Raises:
            NCOError: neither ``__init__.py`` nor ``problem.py`` has what ``PROBLEM`` names.
        """
        package = importlib.import_module(self.package)
        if hasattr(package, package.PROBLEM):
            return getattr(package, package.PROBLEM)
        name = f"{self.package}.problem"
        found = importlib.util.find_spec(name) is not None
        module = importlib.import_module(name) if found else package
        if not hasattr(module, package.PROBLEM):
            reason = f"PROBLEM states {package.PROBLEM}, which {module.__name__} does not have"
            raise NCOError(f"{self.package}: {reason}")
        return getattr(module, package.PROBLEM)

    def has(self, part: PartName) -> bool:
        """Whether the folder has a part; nothing but the package itself is imported for that."""
        if not self.package:
            return False
        return importlib.util.find_spec(f"{self.package}.{part}") is not None

    @functools.cached_property
    def files(self) -> Files[Any]:
        """Reading and writing."""
        return cast(Files[Any], self._module("files"))

    @functools.cached_property
    def check(self) -> Check[Any]:
        """The independent checker."""
        return cast(Check[Any], self._module("check"))

    @functools.cached_property
    def classical(self) -> Classical[Any]:
        """The classical solvers."""
        return cast(Classical[Any], self._module("classical"))

    @functools.cached_property
    def policies(self) -> Policies[Any] | None:
        """The same of an online problem, which also says what rules suit a case; None of others."""
        classical = self.classical
        return classical if isinstance(classical, Policies) else None

    @property
    def is_online(self) -> bool:
        """Whether solutions are policies, to be judged by simulation. Needs no torch."""
        return self.policies is not None

    @functools.cached_property
    def plot(self) -> Plot[Any]:
        """Pictures of solutions."""
        return cast(Plot[Any], self._module("plot"))

    @functools.cached_property
    def bound(self) -> LowerBound[Any]:
        """Certified bounds, which some problems have."""
        return cast(LowerBound[Any], self._module("bound"))

    @functools.cached_property
    def decomposition(self) -> Decomposition[Any]:
        """How large solutions are cut into parts, which some problems have."""
        return cast(Decomposition[Any], self._module("decomposition"))

    @functools.cached_property
    def explain(self) -> Explain[Any]:
        """Why something cannot be served, where plans may leave something out."""
        return cast(Explain[Any], self._module("explain"))

    @functools.cached_property
    def optimum(self) -> FindsOptimum[Any]:
        """An exact method for cases where it is cheap, which some problems have."""
        return cast(FindsOptimum[Any], self._module("optimum"))

    @functools.cached_property
    def replan(self) -> Replan[Any]:
        """Planning again while a plan is carried out, which some problems have."""
        return cast(Replan[Any], self._module("replan"))

    @functools.cached_property
    def rules(self) -> Rules[Any]:
        """Policies of rules, which online problems have."""
        return cast(Rules[Any], self._module("rules"))

    @functools.cached_property
    def sheet(self) -> Sheet[Any]:
        """Solutions as tables, which most problems have."""
        return cast(Sheet[Any], self._module("sheet"))

    @functools.cached_property
    def reads_tables(self) -> ReadsTables[Any] | None:
        """The same where it makes cases of tables, too; None of others."""
        sheet = self.sheet if self.has("sheet") else None
        return sheet if isinstance(sheet, ReadsTables) else None

    def solver(self, name: str) -> Solver[Any]:
        """A classical solver by name, or ``module:function``: one of the user's own.

        Raises:
            NCOError: where there is none of that name.
        """
        if ":" in name:
            return _imported(name)
        solvers = self.classical.solvers()
        if name not in solvers:
            near = did_you_mean(name, solvers)
            raise NCOError(f"{name}: no such solver;{near} {self.name} has {', '.join(solvers)}")
        return solvers[name]

    def improvers(self) -> list[Solver[Any]]:
        """The installed solvers that can improve a given solution, the best first."""
        return [self.solver(name) for name in self.classical.improvers()]

    def _module(self, part: PartName) -> Any:
        if not self.has(part):
            raise NCOError(f"{self.package or 'a module without a package'} has no {part}.py")
        return importlib.import_module(f"{self.package}.{part}")


def _imported(name: str) -> Solver[Any]:
    """The solver ``module:function``, which takes nothing beside its limits."""
    module, _, function = name.partition(":")
    try:
        return Solver(getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise NCOError(f"{name}: no such solver ({error})") from error
