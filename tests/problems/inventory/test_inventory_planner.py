"""What an inventory planner's own files and questions look like: spreadsheets, depots, pictures."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import nco
from nco.core.errors import InstanceError, NCOError
from nco.problems.inventory import files
from nco.solving import versus
from nco.solving.drawing import draw

NET = """problem: inventory
history: demand.csv
nodes:
  north: {holding: 1, penalty: 9, unmet: lost}
  south: {holding: 1, penalty: 9, unmet: lost}
edges:
  - {from: supplier, to: north, lead_time: 1}
  - {from: supplier, to: south, lead_time: 1}
"""


def read(folder: Path, table: str, encoding: str = "utf-8") -> files.Case:
    """The network of two stores with a table of demands beside it."""
    (folder / "net.yaml").write_text(NET)
    (folder / "demand.csv").write_text(table, encoding=encoding)
    found = nco.read(folder / "net.yaml")
    assert isinstance(found, files.Case)
    return found


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        ("Datum;north;south\n02.01.2023;4,5;6\n09.01.2023;5;7,25\n", "utf-8-sig"),
        ("Woche;north;south\n1;4,5;6\n2;5;7,25\n", "utf-16"),
        ("Stand,north,south\n2023-01-02,4.5,6\n2023-01-09,5,7.25\n", "utf-8"),
        ("Zeit\tnorth\tsouth\nKW 1\t4,5\t6\nKW 2\t5\t7,25\n", "cp1252"),
        ("sep=;\nwk;south;north\n2023-W01;6;4,5\n\n2023-W02;7,25;5\n", "utf-8"),
        (",north,south\n0,4.5,6\n1,5,7.25\n", "utf-8"),
    ],
)
def test_spreadsheets_of_demand_are_read(tmp_path: Path, table: str, encoding: str) -> None:
    """Semicolons, tabs, decimal commas, byte-order marks; a first column that says when."""
    found = read(tmp_path, table, encoding)
    assert found.history is not None
    assert found.history.tolist() == [[4.5, 6], [5, 7.25]]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("Datum;north\n02.01.2023;1.234\n09.01.2023;5\n", "demand.csv:2: history north 1.234: may"),
        ("Datum;north\n02.01.2023;4\n\n09.01.2023;x\n", "demand.csv:4: history north x: text"),
        ("Ort;north\nhere;4\nthere;5\n", "demand.csv: history Ort: a column of no node"),
        ("Datum\n02.01.2023\n09.01.2023\n", "demand.csv: history: has no column of a store"),
    ],
)
def test_what_a_spreadsheet_leaves_open_is_told(tmp_path: Path, table: str, sentence: str) -> None:
    """Thousands or decimals, text, a first column that is no time."""
    with pytest.raises(InstanceError) as caught:
        read(tmp_path, table)
    assert sentence in str(caught.value)


def test_dates_of_any_form_say_how_long_a_period_is(tmp_path: Path) -> None:
    """Two years of months by German dates, as a file and as a DataFrame, have a season of 12."""
    pandas = pytest.importorskip("pandas")
    rows = [(f"01.{1 + t % 12:02}.{2021 + t // 12}", 10 + t % 12, 5) for t in range(36)]
    text = "Datum;north;south\n" + "\n".join(";".join(map(str, row)) for row in rows)
    assert read(tmp_path, text).season == 12
    import yaml

    data: dict[str, Any] = yaml.safe_load(NET)
    frame = pandas.DataFrame(rows, columns=["Tag der Lieferung", "north", "south"])
    found = files.from_arrays({**data, "history": frame})
    assert found is not None
    assert found.season == 12
    frame["Tag der Lieferung"] = pandas.to_datetime(frame.iloc[:, 0], format="%d.%m.%Y")
    found = files.from_arrays({**data, "history": frame})
    assert found is not None
    assert found.season == 12


def test_a_rule_in_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """With semicolons, decimal commas and a byte-order mark; what is wrong has its line."""
    network = read(tmp_path, "week,north,south\n1,4,6\n2,5,7\n")
    path = tmp_path / "rule.csv"
    path.write_text("node;min;max\nnorth;4,5;12\nsouth;6;14,5\n", encoding="utf-8-sig")
    rule = versus.policy(network, str(path))
    assert rule["min"] == {"north": 4.5, "south": 6}
    assert rule["max"] == {"north": 12, "south": 14.5}
    path.write_text("node;min;max\nnorth;4,5;12\n\nsouth;6;much\n")
    with pytest.raises(InstanceError, match=r"rule\.csv:4: max much: text where a number belongs"):
        versus.policy(network, str(path))


ONE = {
    "nodes": {"shop": {"holding": 1, "demand": {"normal": {"mean": 10, "sd": 0}}}},
    "edges": [{"from": "supplier", "to": "shop", "lead_time": 5}],
}


def one(**changes: Any) -> files.Case:
    """One backlogged store with a steady demand of 10."""
    found = files.from_arrays({**ONE, **changes})
    assert found is not None
    return found


def test_the_mean_stock_is_what_holding_is_paid_for() -> None:
    """Base stock 65, lead time 5, demand 10: 5 are left after demand, and cost 5."""
    found = versus.report(one(), {"rule": "base_stock", "levels": {"shop": 65}}, traces=4)
    assert found.cost == pytest.approx(5)
    assert found.measures["mean_stock"] == pytest.approx(5)


def test_a_store_without_penalty_is_told() -> None:
    """Nothing speaks for ordering there; a penalty or a price does."""
    assert one().notes()[0].startswith("shop: no penalty and no price")
    assert one().changed("nodes.shop.penalty=3").notes() == []


def test_an_error_about_a_depot_names_a_command_that_works() -> None:
    """The rule in the message is a whole rule of this very network."""
    network = nco.read("example:inventory/six_stores.yaml")
    assert isinstance(network, files.Case)
    with pytest.raises(InstanceError) as caught:
        network.policy_in_words("min-max 40 90 every 2")
    command = str(caught.value)
    assert "nco solve example:inventory/six_stores.yaml --policy" in command
    rule = network.policy_in_words(command.split('"')[1])
    assert rule["review"] == 2
    assert rule["max"]["depot"] > rule["min"]["depot"] > 90


def test_futures_that_the_limit_cut_are_told() -> None:
    """Of a million futures a second allows some, and a note says how many; of few, all."""
    network = one(simulation={"periods": 40, "warmup": 10})
    found = nco.solve(network, model="none", time_limit=1, traces=1_000_000)
    played = int(found.measures["traces"])
    assert played < 1_000_000
    assert f"played {played} of 1000000 futures within the limit" in found.notes
    found = nco.solve(network, model="none", time_limit=20, traces=10)
    assert not [note for note in found.notes if note.startswith("played")]


@pytest.mark.long
def test_check_prints_the_digits_of_solve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six digits of a mean, with its error."""
    from nco.cli import main

    read(tmp_path, "week,north,south\n1,4,6\n2,5,7\n")
    (tmp_path / "rule.csv").write_text("node;level\nnorth;12,5\nsouth;14\n")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path / "net.yaml"), str(tmp_path / "rule.csv")])
    assert ended.value.code == 0
    figure = capsys.readouterr().out.split("objective ")[1].split(" ")[0]
    assert len(figure.replace(".", "")) <= 6
    assert float(figure) > 0


@pytest.mark.long
@pytest.mark.parametrize("size", [(6, 6), (9, 4)])
def test_titles_do_not_lie_on_each_other(size: tuple[float, float]) -> None:
    """Whatever the figure was: rows are closer than axes are high, and no words overlap."""
    network = nco.read("example:inventory/six_stores.yaml")
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.add_subplot()
    rule = {"rule": "echelon_stock", "levels": dict.fromkeys(network.nodes, 100.0)}
    draw(network, rule, ax)
    FigureCanvasAgg(figure).draw()
    panels = [panel for panel in figure.axes if panel is not ax]
    words = [panel.title.get_window_extent() for panel in panels]
    (legend,) = figure.legends
    words += [legend.get_window_extent(), figure._suptitle.get_window_extent()]
    assert not [1 for a, b in itertools.combinations(words, 2) if a.overlaps(b)]
    upper, lower = panels[0].get_window_extent(), panels[3].get_window_extent()
    assert upper.y0 - lower.y1 < 0.6 * lower.height
    assert "stock, on the way and downstream" in [text.get_text() for text in legend.get_texts()]


def test_a_store_that_has_no_column_in_the_history_is_refused() -> None:
    """It would otherwise be a depot that nothing leaves."""
    nodes = {
        "shop": {"holding": 1, "penalty": 5},
        "kiosk": {"holding": 1, "penalty": 5},
    }
    edges = [{"from": "supplier", "to": name, "lead_time": 1} for name in nodes]
    history = {"shop": [3.0, 4.0, 5.0]}
    with pytest.raises(InstanceError, match="kiosk: has a penalty, but neither a demand nor a col"):
        files.from_arrays({"nodes": nodes, "edges": edges, "history": history})


def test_several_suppliers_of_a_store_are_remarked_on() -> None:
    """Rules order equally from each of them."""
    nodes = {"shop": {"holding": 1, "penalty": 5, "demand": {"poisson": 5}}}
    pairs = [("supplier", "depot"), ("supplier", "shop"), ("depot", "shop")]
    edges = [{"from": first, "to": last, "lead_time": 1} for first, last in pairs]
    case = files.from_arrays({"nodes": nodes | {"depot": {"holding": 0.5}}, "edges": edges})
    assert case is not None
    assert case.notes()[-1].startswith("shop: rules order equally from each supplier")


def test_an_online_problem_begins_from_no_plan() -> None:
    """A rule of the user's is compared instead, which the error says."""
    with pytest.raises(NCOError, match=r"a rule of yours is compared by policy \(--policy\)"):
        nco.solve(one(), start={"rule": "base_stock", "levels": {"shop": 65}}, model="none")
