"""Types of VRPLIB files: what they say beside their sections, and which are read here."""

import re
from typing import NamedTuple

from nco.problems.vrp.case import Backhauls, Rounding


class Kind(NamedTuple):
    """What a TYPE says beside the sections.

    Attributes:
        rounding: of EUC_2D; open: routes end at their last client; backhauls: their order.
    """

    rounding: Rounding = Rounding.ROUND
    open: bool = False
    backhauls: Backhauls = Backhauls.MIXED


DIMACS = Kind(Rounding.TRUNC1)
THOUSANDTHS = Kind(Rounding.ROUND3)
KINDS = {
    **dict.fromkeys(("VRPTW", "CVRPTW", "PCVRPTW", "MTVRPTWR", "MTVRPTW"), DIMACS),
    **dict.fromkeys(("MDVRPTW", "SDVRPTW"), THOUSANDTHS),
    **dict.fromkeys(("VRP", "CVRP", "ACVRP", "DVRP", "DCVRP", "GVRP", "PCVRP", "MDVRP"), Kind()),
    **dict.fromkeys(("MTVRP", "VRPPD", "VRPSPD", "VRPMPD", "VRPMB", "RVRP"), Kind()),
    **dict.fromkeys(("PDP", "CPDP", "PDVRP"), Kind()),
    **dict.fromkeys(("HFVRP", "HFVRPTW", "PDPTW", "CPDPTW"), Kind(Rounding.EXACT)),
    **dict.fromkeys(("OVRP", "COVRP", "MDOVRP"), Kind(open=True)),
    "OVRPTW": Kind(Rounding.TRUNC1, open=True),
    "VRPB": Kind(backhauls=Backhauls.AFTER_SOME),
    "VRPBTW": Kind(Rounding.TRUNC1, backhauls=Backhauls.AFTER_SOME),
}
OTHERS = {"HCVRP", "HFVRP"}  # types of a file that is read here only where the user says so
WIDE = {"CVRP", "VRP"}  # types that are read here only where a section says more than they do
RULES = (  # keywords or sections of which one makes a file of a plain type one of this problem
    *("TIME_WINDOW", "SERVICE_TIME", "RELEASE_TIME", "PRIZE", "BACKHAUL", "PICKUP", "LINEHAUL"),
    *("MUTUALLY_EXCLUSIVE_GROUP", "DISTANCE", "ROUNDING", "VEHICLES_"),
)
IN_WORDS = {
    Rounding.EXACT: "not rounded",
    Rounding.ROUND: "rounded to whole numbers",
    Rounding.ROUND3: "rounded to 0.001",
    Rounding.TRUNC1: "truncated to one decimal",
}

_TYPE = re.compile(r"^[ \t\ufeff]*TYPE[ \t]*:[ \t]*([A-Z0-9_-]+)", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(
    rf"^[ \t]*(?:{'|'.join(RULES)})[A-Z_]*[ \t]*(?::(.*))?$", re.IGNORECASE | re.MULTILINE
)


def recognise(text: str) -> bool:
    """Whether a text is a VRPLIB file that states more than `cvrp` and `hcvrp` read."""
    stated = _TYPE.search(text)
    if stated is None or stated[1].upper() not in KINDS or stated[1].upper() in OTHERS:
        return False
    return stated[1].upper() not in WIDE or any(
        rule[1] is None or rule[1].strip(" \t0.") != "" for rule in _RULE.finditer(text)
    )
