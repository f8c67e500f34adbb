"""Which faults come: by the seed alone, and every kind before one comes again."""

from broker.cli.chaos.faults import kinds
from broker.cli.chaos.plan import plan

KINDS = ("b", "a", "d", "c")


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    assert plan(KINDS, seed=7, count=40) == plan(tuple(reversed(KINDS)), seed=7, count=40)
    assert plan(KINDS, seed=7, count=40) != plan(KINDS, seed=8, count=40)


def test_every_kind_comes_before_one_comes_again() -> None:
    order = plan(KINDS, seed=3, count=10)

    assert len(order) == 10
    assert sorted(order[:4]) == sorted(order[4:8]) == sorted(KINDS)


def test_a_full_run_deals_every_kind() -> None:
    for database in ("sqlite", "postgresql"):
        known = kinds(database, clocks=True)
        assert set(plan(tuple(known), seed=1, count=60)) == known.keys()


def test_clocks_are_left_alone_where_they_cannot_be_shifted() -> None:
    assert not [name for name in kinds("sqlite", clocks=False) if name.startswith("clock")]
