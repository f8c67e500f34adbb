"""The figures of the benchmark."""

from io import StringIO

import pytest
from rich.console import Console

from broker.cli.bench_cpu import since, used_s
from broker.cli.bench_report import Figure, as_json, show


@pytest.mark.parametrize(
    ("figure", "target", "reached"),
    [
        (Figure(name="a", what="a", value=1500, at_least=1500), "at least 1,500", True),
        (Figure(name="a", what="a", value=0.39, at_least=0.4), "at least 0.4", False),
        (Figure(name="a", what="a", value=0.71, at_most=0.7), "at most 0.7", False),
        (Figure(name="a", what="a", value=0, at_most=0), "at most 0", True),
        (Figure(name="a", what="a", value=5), "", None),
    ],
)
def test_a_figure_knows_its_target(figure: Figure, target: str, reached: bool | None) -> None:
    assert (figure.target, figure.reached) == (target, reached)


def test_the_table_shows_each_figure_with_its_verdict() -> None:
    out = StringIO()

    show(
        [
            Figure(name="rate", what="rate of sends", value=12345.6, unit="/s"),
            Figure(name="lost", what="lost", value=1, at_most=0),
        ],
        Console(file=out, width=100),
    )

    assert "12,346 /s" in out.getvalue()
    assert "missed" in out.getvalue()


def test_the_json_names_what_it_was_measured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_TAKE_SIZE", "100")
    monkeypatch.setenv("BROKER_SECRET_KEY", "not to be shown")

    found = as_json([Figure(name="lost", what="lost", value=0, at_most=0, detail={"accepted": 3})])

    assert found["settings"] == {"BROKER_TAKE_SIZE": "100"}
    assert found["figures"]["lost"]["reached"] is True
    assert found["figures"]["lost"]["detail"] == {"accepted": 3}


def test_cpu_of_a_process_that_is_gone_is_nothing() -> None:
    assert used_s(2**30) == 0.0
    assert since({"worker": 1.5}, {"worker": 2.0, "redis": 0.5}) == {"worker": 0.5, "redis": 0.5}
