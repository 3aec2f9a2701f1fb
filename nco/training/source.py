"""The labelled sets of a training run: read chunk by chunk, and made where they are missing."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.labels.produce import Product, Production
from nco.labels.recipe import Recipe
from nco.labels.store import (
    Labelled,
    check_encoding,
    chunk_digests,
    problem_of,
    read_chunk,
    read_spec,
)
from nco.workers.cores import usable_cores


class Source:
    """Labelled sets, each numbered once, whoever names it.

    Args:
        sets: recipes, or folders of complete sets.
        problem: in whose encoding labels are read.
        chunk: instances of a file of all recipes, instead of their own number.

    Attributes:
        mentions: the number of each of `sets`; one that is named twice occurs twice.

    Raises:
        NCOError: where a folder holds no complete set, or another set than its recipe's.
    """

    def __init__(
        self, sets: Sequence[str | Recipe], problem: Problem[Any, Any], chunk: int | None
    ) -> None:
        recipes: dict[str, Recipe] = {}
        for recipe in (item for item in sets if isinstance(item, Recipe)):
            if recipes.setdefault(_name(recipe), recipe) != recipe:
                raise NCOError(f"{recipe.folder}: two recipes for one folder")
        named = [_name(item) for item in sets]
        names = list(dict.fromkeys(named))
        self.mentions = [names.index(name) for name in named]
        self._recipes = [number for number, name in enumerate(names) if name in recipes]
        self._products = [
            _product(recipes[name], Path(name), chunk) if name in recipes else _whole(Path(name))
            for name in names
        ]
        self._own = [problem_of(product.spec, product.folder) for product in self._products]
        for product, own in zip(self._products, self._own, strict=True):
            check_encoding(product.spec, product.folder, own, problem)
        self._problem = problem
        self._production: Production | None = None
        self._bar: Any = None

    def labels(self, number: int) -> list[int]:
        """The labels of each chunk of a set."""
        spec = self._products[number].spec
        return [spec.labels(index) for index in range(spec.chunks())]

    def produce(self, order: Sequence[tuple[int, int]], workers: int | None, free: int) -> None:
        """Has the chunks made that are missing, in the given order.

        Args:
            order: every chunk once.
            workers: solvers at a time; None: `free`, or all cores in turn with the training.
            free: cores that nobody needs.
        """
        missing = {
            (number, index)
            for number in self._recipes
            for index in self._products[number].missing()
        }
        if not missing:
            return
        self._bar = self._progress(missing)
        self._production = Production(
            self._products,
            [chunk for chunk in order if chunk in missing],
            workers=workers or (free if free > 0 else usable_cores()),
            ahead=workers is not None or free > 0,
            made=_Progress(self._products, self._bar),
        )

    def _progress(self, missing: set[tuple[int, int]]) -> Any:
        from tqdm import tqdm

        total = sum(self._products[number].spec.instances for number in self._recipes)
        left = sum(self._products[number].spec.count(index) for number, index in missing)
        # below the bar of the training
        return tqdm(
            total=total,
            initial=total - left,
            desc="Labels",
            unit="label",
            position=1,
            leave=False,
            disable=None,
        )

    def read(self, number: int, chunk: int) -> Labelled:
        """A chunk; waits until it is made."""
        product = self._products[number]
        if self._production is not None:
            self._production.wait(number, chunk)
        elif number in self._recipes:
            product.wait(chunk)
        digests = chunk_digests(product.folder)
        return read_chunk(
            product.spec,
            self._own[number],
            product.folder,
            chunk,
            None if digests is None else digests[chunk],
            self._problem,
        )

    def read_all(self, number: int) -> Iterator[Labelled]:
        """All chunks of a set."""
        for index in range(self._products[number].spec.chunks()):
            yield self.read(number, index)

    def stop(self) -> None:
        """Ends the production; a later run goes on from there."""
        if self._production is not None:
            self._production.stop()
            self._bar.close()


class _Progress:
    """Moves the bar by the instances of each chunk that was made."""

    def __init__(self, products: Sequence[Product], bar: Any) -> None:
        self._products, self._bar = products, bar

    def __call__(self, number: int, chunk: int) -> None:
        self._bar.update(self._products[number].spec.count(chunk))


def _name(item: str | Recipe) -> str:
    """The folder of a set, by which it is known."""
    return os.path.normpath(item.folder if isinstance(item, Recipe) else item)


def _product(recipe: Recipe, folder: Path, chunk: int | None) -> Product:
    """What a recipe says is to be made."""
    recipe = recipe if chunk is None else replace(recipe, chunk=chunk)
    return Product(recipe.spec(), folder, recipe.base())


def _whole(folder: Path) -> Product:
    """A set that is at hand."""
    spec = read_spec(folder)
    if chunk_digests(folder) is None:
        raise NCOError(f"{folder}: the set is not complete; run the same `nco label` again")
    return Product(spec, folder)
