"""Networks on further cores: another search in a child process, on one thread each."""

import threading
import time

import numpy as np
import pytest
import torch

import nco
from nco.registry import sources
from nco.solving import elsewhere, neural, threads
from nco.solving.options import Options
from nco.solving.schedule import ELSEWHERE


def points(size: int = 20) -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 1000, (size, 2)).round()


def test_its_search_tells_ever_better_solutions(tiny):
    """Each is told once, and the last of them is the answer."""
    case, told = sources.as_case(points(), None), []
    solver = elsewhere.networks(case, Options(model=tiny["tsp"]))
    assert (solver.name, elsewhere.model_of(solver)) == (ELSEWHERE, tiny["tsp"])
    answer = solver.solve(case, time_limit=0.5, seed=1, found=told.append)
    costs = [nco.check(points(), tour).cost for tour in told]
    assert answer == told[-1]
    assert costs == sorted(set(costs), reverse=True)
    assert costs[0] < nco.check(points(), case.construct()).cost


def test_its_search_begins_from_what_it_is_given(tiny):
    """What is never worse than the start; and without a limit there is nothing to search."""
    case = sources.as_case(points(), None)
    best = nco.solve(points(), model="none", time_limit=0.5).solution
    solve = elsewhere.networks(case, Options(model=tiny["tsp"])).solve
    answer = solve(case, time_limit=0.1, seed=0, start=best)
    assert nco.check(points(), answer).cost <= nco.check(points(), best).cost
    assert solve(case, time_limit=None, seed=0, start=best) is best


@pytest.mark.long
def test_networks_alone_search_on_every_core(tiny, monkeypatch):
    """The plan says so, and an answer of the child is named by the model's name."""
    case = sources.as_case(points(), None)
    solver = elsewhere.networks(case, Options(model=tiny["tsp"]))
    monkeypatch.setattr(neural, "play", lambda *given: time.sleep(0.9))  # the child's is the best
    with nco.Session(cores=2) as session:
        for core in range(2):
            session._lanes.lane(core).workers.warm(solver)
        found = session.solve(points(), model=tiny["tsp"], time_limit=1.0, classical=False)
    assert (found.found_by, found.faults) == (tiny["tsp"], [])
    assert found.cost < nco.check(points(), case.construct()).cost
    assert [line.split(";")[0].split(": ")[1] for line in found.plan] == [
        "networks, from the best",
        "networks elsewhere, seed +1",
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
