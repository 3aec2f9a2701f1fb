"""Training that begins with the weights of a network which knew fewer columns."""

import pytest
import torch

from nco.core.errors import NCOError
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.bq import BQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.cvrp.instances import Instance
from nco.problems.cvrp.problem import CVRPVia
from nco.problems.vrp import VRP
from nco.training.method import Training
from nco.zoo.weights import load


def method(initial: str, *, zero: bool = True, width: int = 128) -> BQ:
    encoder = TransformerEncoder(width=width, bf16=True)
    training = Training(initial=initial, new_columns="zero" if zero else "refuse")
    return BQ(VRP(), BQPolicy(encoder, neighbours=40), training=training)


def test_the_new_network_decides_as_the_old_where_new_columns_say_nothing() -> None:
    """On plain capacitated instances the rich network begins with bq-cvrp's very routes."""
    policy = method("bq-cvrp").policy.eval()
    problem = VRP(size=12, variants=["cvrp"], extras=0.0)
    instance = problem.generate(3, generator(0, "plain"))
    plain = Instance(instance.coords.float(), instance.demand, instance.capacity[:, 0])
    with torch.inference_mode():
        old = rollout(CVRPVia(), load("bq-cvrp").policy, plain, 1, greedy)
        new = rollout(problem, policy, instance, 1, greedy)
    torch.testing.assert_close(old.actions, new.actions)


@pytest.mark.parametrize(
    ("initial", "arguments", "message"),
    [
        ("bq-cvrp", {"zero": False}, "say training.new_columns: zero"),
        ("bq-cvrp", {"width": 64}, "its width is 128, not 64"),
        ("bq-tsp", {}, "its focus, actions and two_way are"),
        ("am-cvrp", {}, "are other networks"),
    ],
)
def test_other_networks_are_refused(
    initial: str, arguments: dict[str, bool | int], message: str
) -> None:
    """One line says what the weights are of, and what to do where only columns are new."""
    with pytest.raises(NCOError, match=message) as error:
        method(initial, **arguments)  # type: ignore[arg-type]
    assert str(error.value).startswith(f"initial {initial}: ")
    assert "\n" not in str(error.value)


def test_new_columns_takes_two_words() -> None:
    """Anything but refuse and zero is an error at construction."""
    with pytest.raises(ValueError, match="new_columns must be refuse or zero, not maybe"):
        Training(new_columns="maybe")  # type: ignore[arg-type]
