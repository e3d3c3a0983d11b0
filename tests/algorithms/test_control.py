"""Controllers, simulations and rules against independent restatements."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from relaxpy.algorithms import control, rules

RANDOM = np.random.default_rng(4)
SIGNALS = [[float(x) for x in RANDOM.normal(size=10)] for _ in range(20)]


@pytest.mark.parametrize("signal", SIGNALS)
def test_switches(signal: list[float]) -> None:
    expected, state = [], 0.0
    for sample in signal:
        state = 1.0 if sample > 0.5 else 0.0 if sample < -0.5 else state
        expected.append(state)
    assert control.hysteresis(signal, -0.5, 0.5) == expected
    shifted = np.sign(signal) * np.maximum(np.abs(signal) - 0.5, 0)
    assert control.dead_zone(signal, 0.5) == pytest.approx(list(shifted))


@pytest.mark.parametrize("signal", SIGNALS)
def test_debounce(signal: list[float]) -> None:
    states = rules.debounce(signal, 0.0)
    raw = [x > 0 for x in signal]
    for i in range(1, len(raw)):
        if raw[i] == raw[i - 1]:
            assert states[i] == raw[i]
    for i in range(1, len(raw)):
        if states[i] != states[i - 1]:
            assert raw[i] == raw[i - 1] == states[i]


def test_leaky_integrator_never_keeps_more_than_the_threshold() -> None:
    for signal in SIGNALS:
        spikes, charge = control.leaky_integrator([abs(x) for x in signal], 0.5, 1.0)
        assert charge <= 1.0
        assert 0 <= spikes <= len(signal)
    assert control.leaky_integrator([2.0] * 5, 0.5, 1.0) == (5, 0.0)
    assert control.leaky_integrator([0.5] * 3, 0.5, 1.0) == (0, 0.875)


def test_thermostat_settles_near_the_target() -> None:
    temperature, fuel, switchings = control.thermostat([10.0] * 200, 5.0, 20.0)
    assert temperature == pytest.approx(20.0, abs=2.0)
    assert 0 < fuel < 200
    assert switchings > 10


def test_ball_rises_again_and_loses_energy() -> None:
    height, speed, bounces = control.bouncing_ball(1.0, 0.0, 400)
    assert bounces > 3
    assert 9.81 * height + speed**2 / 2 < 9.81
    assert control.bouncing_ball(100.0, 0.0, 3) == pytest.approx((100 - 0.0981 * 6, -2.943, 0))


def test_controller_reaches_its_target_and_is_limited() -> None:
    assert control.cruise_control(0.0, 1.0, 10.0, 300)[0] == pytest.approx(1.0, abs=1e-6)
    controller = control.Controller(1.0, 0.0, 0.5)
    assert [controller.update(error) for error in (2.0, -2.0, 0.25)] == [0.5, -0.5, 0.25]
    assert controller.total == 0.25


def test_collisions_keep_energy_and_momentum() -> None:
    left, right = control.Particle(1.0, 1.0, 2.0), control.Particle(3.0, 0.5, -1.0)
    control.collide(left, right)
    assert left.speed + 3 * right.speed == pytest.approx(2.0 - 3.0)
    assert left.speed**2 + 3 * right.speed**2 == pytest.approx(4.0 + 3.0)
    assert left.speed < right.speed
    _, _, a, b = control.collision([1.0, 2.0], [1.5, -1.0], 50)
    assert a**2 + 2 * b**2 == pytest.approx(1.5**2 + 2.0)


def test_traffic_light() -> None:
    lamps, changes = control.traffic_light([0.0, 5.0, 5.0, 1.0], 3.0, 2.0)
    assert (lamps, changes) == ({"red": False, "green": False, "amber": True}, 2)


@pytest.mark.parametrize("income", [0.0, 9.0, 10.0, 25.0, 40.0, 90.0])
def test_income_tax(income: float) -> None:
    assert rules.income_tax(income) == pytest.approx(float(np.interp(income, [10, 40, 140], [0, 6, 46])))


def test_parcel_price() -> None:
    prices = {(0.5, 1): 3.6, (0.5, 2.5): 4.0, (0.5, 4): 6.0, (2, 1): 7.2, (2, 4): 9.2, (8, 1): 12.0, (8, 10): 17.0}
    for (weight, distance), price in prices.items():
        assert rules.parcel_price(weight, distance) == pytest.approx(price)


def test_fizz_counts_every_value_once() -> None:
    for signal in SIGNALS:
        counts = rules.fizz_count(signal, 0.3, 0.6)
        assert sum(counts.values()) == len(signal)
        assert counts["fizz"] + counts["fizzbuzz"] == sum(x > 0.3 for x in signal)
        assert counts["buzz"] + counts["fizzbuzz"] == sum(x < 0.6 for x in signal)


def test_stack_machine() -> None:
    for a, b in itertools.product([1.0, 2.0, 3.0], repeat=2):
        assert rules.run_stack_machine(["0", "1", "max", "0", "1", "min", "-"], [a, b]) == abs(a - b)
        assert rules.run_stack_machine(["0", "1", "+", "0", "*"], [a, b]) == (a + b) * a
    with pytest.raises(ValueError, match="unknown word 'mod'"):
        rules.run_stack_machine(["0", "0", "mod"], [1.0])


def test_trades() -> None:
    for prices in SIGNALS:
        fast = np.convolve(prices, [1 / 2] * 2, "valid")[3:]
        slow = np.convolve(prices, [1 / 4] * 4, "valid")[1:]
        held = fast > slow
        changes = np.diff(held.astype(int), prepend=0)
        final = prices[-1] if held[-1] else 0.0
        cash, trades = rules.crossover_trades(prices)
        assert cash == pytest.approx(final - float(np.sum(changes * np.array(prices[4:]))))
        assert trades == int(np.sum(np.abs(changes)))


def test_settle() -> None:
    assert rules.settle(5.0, [-1.0, 2.0]) == (6.0, 0)
    assert rules.settle(0.0, [-1.0, -1.0, -1.0]) == (-3.0, 2)
