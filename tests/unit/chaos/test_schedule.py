"""A storm is planned from its seed alone."""

from __future__ import annotations

from benchmarks.chaos.schedule import WEIGHTS, Act, Action, schedule


def planned(seed: int, *, seconds: float = 60.0) -> list[Action]:
    """Return a schedule with five actions a second."""
    return schedule(seed, seconds, rate=5.0, lease=2.0)


def test_the_same_seed_plans_the_same() -> None:
    """What broke a promise once can be tried again."""
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


def test_actions_come_in_order_and_in_time() -> None:
    """Nothing is planned for later than the storm lasts, and about as much as was asked for."""
    moments = [action.at for action in planned(7)]
    assert moments == sorted(moments)
    assert 0.0 < moments[0] < moments[-1] < 60.0
    assert 200 < len(moments) < 400


def test_every_act_comes() -> None:
    """A long storm leaves nothing out."""
    assert {action.act for action in planned(7, seconds=3600.0)} == set(Act) == set(WEIGHTS)


def test_some_stops_outlast_a_lease() -> None:
    """A worker that is stopped is taken for dead now and then; mostly it comes back in time."""
    spans = [action.span for action in planned(7, seconds=600.0)]
    long = sum(span > 2.0 for span in spans)
    assert 0.15 < long / len(spans) < 0.35
    assert max(spans) < 20.0


def test_a_draw_picks_one_of_those_that_are_there() -> None:
    """Whoever is hit is there, whatever was drawn."""
    assert [Action(0.0, Act.KILL_WORKER, draw, 0.0).pick(3) for draw in (0.0, 0.4, 0.999)] == [0, 1, 2]
