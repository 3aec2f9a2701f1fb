"""What must hold of a network as a whole."""

from typing import TYPE_CHECKING

from nco.core.errors import InstanceError
from nco.problems.inventory.parts import KINDS

if TYPE_CHECKING:
    from nco.problems.inventory.files import Case


def check_network(case: "Case") -> None:
    """Every store can be supplied, and goods cannot go in a circle within a period."""
    if case.size == 0:
        raise InstanceError("no node has demand: give one a demand or a history", field="nodes")
    for node, name in enumerate(case.nodes):
        if case.kind[node] == 0 and case.penalty[node] > 0 and node not in case.source:
            reason = "has a penalty, but neither a demand nor a column of the history"
            raise InstanceError(reason, field=f"node {name}")
    reached, grown = {-1}, True
    while grown:
        new = {int(t) for s, t in zip(case.source, case.target, strict=True) if int(s) in reached}
        grown = not new <= reached
        reached |= new
    for node in range(len(case.nodes)):
        if node not in reached:
            what = "store" if case.kind[node] > 0 else "node"
            raise InstanceError(
                f"this {what} has no supplier: add an edge to it", field=f"node {case.nodes[node]}"
            )
    for node in range(len(case.nodes)):
        if not case.keeps[node] and (case.kind[node] > 0 or node not in case.source):
            raise InstanceError(
                "a node that keeps no stock must have edges from it, and no demand",
                field=f"node {case.nodes[node]} keeps_stock",
            )
    _check_circles(case)


def _check_circles(case: "Case") -> None:
    """Nodes are taken away while none at once supplies them; what is left goes in a circle."""
    instant = {
        (int(s), int(t))
        for s, t, lead in zip(case.source, case.target, case.lead, strict=True)
        if s >= 0 and lead == 0
    }
    left = {node for edge in instant for node in edge}
    while left:
        free = {node for node in left if not any(s in left and t == node for s, t in instant)}
        if not free:
            names = ", ".join(case.nodes[node] for node in sorted(left))
            raise InstanceError(
                "a cycle without lead time: give one of its edges a lead_time of at least 1",
                field="edges",
                value=names,
            )
        left -= free


def check_demand(case: "Case") -> None:
    """Refuses correlations that do not exist, and mixtures of demand that cannot be drawn."""
    if not -1 <= case.correlation <= 1:
        reason = "a correlation lies between -1 and 1"
        raise InstanceError(reason, field="correlation", value=case.correlation)
    stores = case.kind[case.kind > 0]
    if case.correlation != 0 and not (stores == KINDS.index("normal")).all():
        raise InstanceError("only normal demands may be correlated", field="correlation")
    lowest = -1 / max(case.size - 1, 1)
    if case.correlation < lowest:
        reason = f"{case.size} stores cannot all be correlated below {lowest:.4g}"
        raise InstanceError(reason, field="correlation", value=case.correlation)
    mixed = (stores == KINDS.index("history")).any()
    if mixed and not (stores == KINDS.index("history")).all():
        missing = next(
            name
            for name, kind in zip(case.nodes, case.kind, strict=True)
            if 0 < kind < KINDS.index("history")
        )
        raise InstanceError(
            "has a generated demand where others have a history: give all a history",
            field=f"node {missing}",
        )
    if case.history is not None and case.block > len(case.history):
        reason = f"longer than the history of {len(case.history)} periods"
        raise InstanceError(reason, field="block", value=case.block)
    if case.season and case.block > case.season:
        raise InstanceError(
            f"longer than a season of {case.season}", field="block", value=case.block
        )
    if not float(case.mean.sum()) > 0:
        raise InstanceError("no store has any demand: a mean must be positive", field="nodes")
