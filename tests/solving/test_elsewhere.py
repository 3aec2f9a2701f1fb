"""Networks on further cores: another search in a child process, on one thread each."""

import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import nco
from nco.core.errors import InstanceError
from nco.registry import sources
from nco.solving import elsewhere, neural, threads
from nco.solving.incumbents import Progress
from nco.solving.options import Options
from nco.solving.schedule import ELSEWHERE


def points(size: int = 20) -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 1000, (size, 2)).round()


def test_its_search_tells_ever_better_solutions(tiny):
    """Each is told once, and the last of them is the answer."""
    case, told = sources.as_case(points(), None), []
    solver = elsewhere.networks(case, Options(model=tiny["tsp"]))
    assert (solver.name, elsewhere.title_of(solver)) == (ELSEWHERE, Path(tiny["tsp"]).name)
    start = list(range(20))
    answer = solver.solve(case, time_limit=0.5, seed=1, start=start, found=told.append)
    costs = [nco.check(points(), tour).cost for tour in told]
    assert answer == told[-1]
    assert costs == sorted(set(costs), reverse=True)
    assert costs[0] < nco.check(points(), start).cost


def test_its_search_begins_from_what_it_is_given(tiny):
    """What is no better than that is not an answer."""
    case = sources.as_case(points(), None)
    best = nco.solve(points(), model="none", time_limit=0.5).solution
    solver = elsewhere.networks(case, Options(model=tiny["tsp"]))
    assert solver.solve(case, time_limit=0.1, seed=0, start=best) is None


def test_a_case_that_a_network_refuses_is_a_fault_only_where_it_was_named(monkeypatch):
    """The call's own search says it otherwise."""
    case = sources.as_case(points(), None)

    def refuse(*given):
        raise InstanceError("too large for it", field="size", value=20)

    monkeypatch.setattr(neural, "load_cases", refuse)
    assert elsewhere.networks(case, Options()).solve(case, time_limit=0.1, seed=0) is None
    named = elsewhere.networks(case, Options(model="bq-tsp"))
    with pytest.raises(InstanceError):
        named.solve(case, time_limit=0.1, seed=0)


def test_each_core_has_a_search_of_its_own(monkeypatch):
    """No two of them have the same seed, and none repeats what has none."""
    case, seen = sources.as_case(points(), None), []

    def search(name):
        return lambda task, budget, start: seen.append((name, budget.seed)) or iter(())

    monkeypatch.setattr(neural, "named", search)
    for model in ("auto", "bq-tsp", "am-tsp"):
        progress = Progress([case], time.perf_counter())
        progress.construct()
        until = time.perf_counter() + 10
        seen.clear()
        options = Options(model=model, seed=5)
        neural.play(progress, options, until, lambda: False, seen.append, short=False)
        own = len(seen)
        assert own > 1
        for core in (1, 2, 3):
            beside = replace(options, seed=5 + core)
            neural.play_beside(progress, beside, until, seen.append)
        assert len(set(seen)) == len(seen)
        assert not any(name in neural.SEEDLESS for name, _ in seen[own:])


def test_a_child_imports_the_modules_of_ones_own_classes(tiny, tmp_path):
    """Those of the package come with the searches, so that children are ready for every model."""
    case = sources.as_case(points(), None)
    assert elsewhere.networks(case, Options()).modules == ("nco.solving.neural",)
    own = tmp_path / "own"
    shutil.copytree(tiny["tsp"], own)
    card = (own / "card.json").read_text()
    assert '"class_path": "nco.models.nets.' in card
    (own / "card.json").write_text(
        re.sub(r'"nco\.models\.nets\.[a-z.]*AttentionPolicy"', '"mine.nets.Policy"', card)
    )
    solver = elsewhere.networks(case, Options(model=str(own)))
    assert solver.modules == ("nco.solving.neural", "mine.nets")


def test_there_are_none_beside_a_device_that_all_cores_share(tiny):
    """Nor without a model."""
    case = sources.as_case(points(), None)
    assert elsewhere.networks(case, Options(model="none")) is None
    shared = replace(Options(model=tiny["tsp"]))
    object.__setattr__(shared, "device", "cuda")
    assert elsewhere.networks(case, shared) is None


@pytest.mark.long
def test_networks_alone_search_on_every_core(monkeypatch):
    """As soon as a process is ready: the plan says so, and an answer has its model's name."""
    case, threads_of = sources.as_case(points(), None), []

    def play(*given, **named):  # the child's is the best
        threads_of.append(torch.get_num_threads())
        time.sleep(0.9)

    monkeypatch.setattr(neural, "play", play)
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with nco.Session(cores=2) as session:
            first = session.solve(points(), model="bq-tsp", time_limit=1.0, classical=False)
            lane, until = session._lanes.lane(0), time.perf_counter() + 60
            while "nco.solving.neural" not in lane.workers._children[0].imported:
                assert time.perf_counter() < until
                time.sleep(0.1)
            found = session.solve(points(), model="bq-tsp", time_limit=1.0, classical=False)
    finally:
        torch.set_num_threads(usual)
    assert threads_of == [2, 1]
    assert [line.split(";")[0].split(": ")[0][:4] for line in first.plan] == ["core"]
    assert first.cost == nco.check(points(), case.construct()).cost
    assert (found.found_by, found.model, found.faults) == ("bq-tsp", "bq-tsp", [])
    assert found.cost < first.cost
    assert [line.split(";")[0].split(": ")[1] for line in found.plan] == [
        "networks, from the best",
        "networks in a process, from the best, seed +1",
    ]


def test_torch_has_its_threads_again_when_the_last_search_has_ended(monkeypatch):
    """Also where the searches end in another order than they began."""
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        limit, inside, leave = threads.Threads(), threading.Event(), threading.Event()

        def search() -> None:
            with limit.at_most(2):
                inside.set()
                leave.wait()

        with limit.at_most(1):
            assert torch.get_num_threads() == 1
            other = threading.Thread(target=search)
            other.start()
            inside.wait()
        leave.set()
        other.join()
        seen = []
        last = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        last.start()
        last.join()
        assert seen == [3]
    finally:
        torch.set_num_threads(usual)
