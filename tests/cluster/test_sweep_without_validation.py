"""A sweep whose trials validate nothing would never end: each trial says so at its start."""

from pathlib import Path

import pytest
from lightning.pytorch import Trainer

from nco.cluster.sweep import Report, Sweep, _reason
from nco.core.errors import NCOError
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.reinforce import Reinforce
from nco.problems.tsp import TSP
from nco.training.data import Fresh

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # Lightning's, of torch's trees
    pytest.mark.filterwarnings("ignore:Total length"),  # of no validation sets
]


def test_a_trial_without_a_reference_set_ends_at_once(tmp_path: Path) -> None:
    """Before its first step, with the option that is missing."""
    policy = AttentionPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16), heads=2)
    trainer = Trainer(
        max_steps=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Report(Sweep(("fit",), {}, str(tmp_path)), 0.0, tmp_path)],
    )
    with pytest.raises(NCOError, match="names no set to validate on: give"):
        trainer.fit(Reinforce(TSP(size=5), policy), Fresh(batch_size=2))
    assert trainer.global_step == 0


def test_the_reason_of_a_failed_trial_is_its_last_line(tmp_path: Path) -> None:
    """As Ray keeps it; without one, the budget may have been too small."""
    assert "give more --seconds" in _reason(tmp_path)
    (tmp_path / "tune" / "trial000").mkdir(parents=True)
    (tmp_path / "tune" / "trial000" / "error.txt").write_text("Traceback\n  x\nNCOError: why\n\n")
    assert _reason(tmp_path) == "NCOError: why"
