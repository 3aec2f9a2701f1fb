"""What a `Solution` says beside its cost: measures, and of a policy its first orders."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


LONG = 100  # characters from which on a rule has a line for each part


def figures(measures: Mapping[str, float]) -> str:
    """Measures by name in a line; large numbers as whole ones, not as powers of ten."""
    return ", ".join(
        f"{name} {value:.4g}" if abs(value) < 1e4 else f"{name} {value:.0f}"
        for name, value in measures.items()
    )


def rule_lines(rule: str | None) -> Iterator[str]:
    """A rule in words, in one line where it is short."""
    if rule is None:
        return
    parts = rule.split("; ") if len(rule) > LONG else [rule]
    if len(parts) == 1:
        yield f"  rule: {rule}"
        return
    yield "  rule:"
    yield from (f"    {part}" for part in parts)


def order_lines(orders: Sequence[Row]) -> Iterator[str]:
    """A heading, and ``store: order 14 from depot`` for each node, with its stock beside it."""
    if not orders:
        return
    yield "  order now:"
    said = [_order(row) for row in orders]
    wide = max(len(words) for words in said)
    for row, words in zip(orders, said, strict=True):
        stock = f"stock {row['stock']}, on order {row['on_order']}"
        short = ""
        if row["sent"] != row["order"]:
            short = f"; {row['from']} can send {row['sent']} now"
        yield f"    {words:<{wide}}  ({stock}{short})"


def _order(row: Row) -> str:
    amount = row["order"] or "nothing"
    return f"{row['node']}: order {amount} from {row['from']}"


def comparison_lines(rows: Sequence[Row]) -> Iterator[str]:
    """What another policy or a changed instance costs more or less than the best policy."""
    for row in rows:
        name = "your rule" if row["what"] == "policy" else "what if"
        more, error = row["difference"], row["difference_standard_error"]
        word = "cost" if row["objective"] == row["cost"] else "objective"
        than = "the best" if row["what"] == "policy" else "now"
        side = ("more" if more >= 0 else "less") if word == "cost" else "worse"
        if word == "objective" and more < 0:
            side = "better"
        yield (
            f"  {name} ({row['given']}): {word} {row['objective']:.6g} "
            f"±{row['cost_standard_error']:.2g}, {abs(more):.4g} ±{error:.2g} {side} than {than} "
            f"(same {row['traces']} futures)"
        )
        level = row["measures"].get("service_level")
        if level is not None:
            yield f"    service_level {level:.4g}, mean_stock {row['measures']['mean_stock']:.4g}"
        yield from (f"  {line}" for line in rule_lines(row["rule"]))
        for violation in row["violations"]:
            yield f"    violated: {violation}"
