"""The pool: every algorithm of the package, with a source of random inputs.

``needs`` is "core" where an algorithm gets along with statements and comparisons, "indices" where it has indices that
depend on comparisons, or recursion that does, and "builtins" where it needs relaxed builtins (``min``, ``sorted``,
``//``, ``%``, filters of comprehensions ...).
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from relaxpy.algorithms import (
    control,
    counting,
    dynamic,
    graphs,
    numeric,
    ordering,
    rendering,
    rules,
    searching,
    sequences,
    sorting,
)
from tests.algorithms.watched import closest_comparison

MARGIN = 1e-3
ALL_LAWS = frozenset({"identity", "convergence", "gradient", "batch"})
SHARP_ONLY = frozenset({"identity", "convergence"})

Random = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One algorithm under the laws.

    ``inputs`` draws arguments: floats and (nested) lists of floats are what is relaxed, all else is hard.
    ``beta``: moderate, for gradients. ``laws``: those that it obeys. ``ties``: whether it compares equal numbers, such
    as one with itself, where it does not matter which side is taken. ``variant``: what tells apart two cases of one algorithm.
    """

    function: Callable[..., Any]
    inputs: Callable[[Random], tuple[Any, ...]]
    needs: str = "core"
    beta: float = 3.0
    laws: frozenset[str] = ALL_LAWS
    ties: bool = False
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.function.__name__}-{self.variant}" if self.variant else self.function.__name__

    def draw(self, count: int) -> list[tuple[Any, ...]]:
        """Draw arguments whose comparisons are further apart than the margin; the same ones at every call."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        drawn: list[tuple[Any, ...]] = []
        for _ in range(1000):
            arguments = self.inputs(random)
            if closest_comparison(self.function, copy.deepcopy(arguments), self.ties) > MARGIN:
                drawn.append(arguments)
            if len(drawn) == count:
                return drawn
        raise RuntimeError(f"too few inputs of {self.name} are free of near ties")


def one(random: Random, low: float = -2.0, high: float = 2.0) -> float:
    """Draw a number."""
    return float(random.uniform(low, high))


def some(random: Random, n: int, low: float = -2.0, high: float = 2.0) -> list[float]:
    """Draw a list of numbers."""
    return [float(x) for x in random.uniform(low, high, n)]


def rising(random: Random, n: int) -> list[float]:
    """Draw an ascending list with gaps of 0.3 to 1.3."""
    return [float(x) for x in np.cumsum(random.uniform(0.3, 1.3, n))]


def grid(random: Random, rows: int, columns: int, low: float = 0.2, high: float = 2.0) -> list[list[float]]:
    """Draw a matrix."""
    return [some(random, columns, low, high) for _ in range(rows)]


def distances(random: Random, n: int) -> list[list[float]]:
    """Draw a symmetric matrix of lengths with a zero diagonal."""
    upper = np.triu(random.uniform(0.5, 3.0, (n, n)), 1)
    return [[float(x) for x in row] for row in upper + upper.T]


def symbols(random: Random, n: int) -> list[float]:
    """Draw a word over the letters 0.0, 1.0 and 2.0."""
    return [float(x) for x in random.integers(0, 3, n)]


def blurred_symbols(random: Random, n: int) -> list[float]:
    """Draw a word over letters near 0, 1 and 2, no two of which are equal."""
    return [x + one(random, 0.01, 0.2) for x in symbols(random, n)]


def triangles(random: Random, n: int) -> list[list[float]]:
    """Draw counter-clockwise triangles around the middle of the unit square."""
    drawn = []
    for _ in range(n):
        angles = np.array([0.0, 2.1, 4.2]) + random.uniform(0, 1, 3)
        corners = 0.5 + random.uniform(0.3, 0.6, 3)[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        drawn.append([float(x) for x in corners.reshape(-1)])
    return drawn


CORE = [
    Case(sorting.bubble_sort, lambda r: (some(r, 4),)),
    Case(sorting.cocktail_sort, lambda r: (some(r, 4),)),
    Case(sorting.insertion_sort, lambda r: (some(r, 4),)),
    Case(sorting.gnome_sort, lambda r: (some(r, 4),)),
    Case(sorting.odd_even_sort, lambda r: (some(r, 4),)),
    Case(sorting.comb_sort, lambda r: (some(r, 4),)),
    Case(sorting.shell_sort, lambda r: (some(r, 5),)),
    Case(sorting.median_of_three, lambda r: tuple(some(r, 3))),
    Case(searching.linear_search, lambda r: (some(r, 5), one(r))),
    Case(searching.first_crossing, lambda r: (some(r, 5), one(r))),
    Case(searching.last_crossing, lambda r: (some(r, 5), one(r))),
    Case(searching.zero_crossings, lambda r: (some(r, 5),)),
    Case(searching.count_peaks, lambda r: (some(r, 6), one(r, -1.0, 1.0))),
    Case(searching.majority_vote, lambda r: (some(r, 5), one(r, -1.0, 1.0))),
    Case(searching.closest_pair_sum, lambda r: (rising(r, 4), one(r, 2.0, 5.0)), ties=True),
    Case(searching.partition_point, lambda r: (some(r, 4), one(r))),
    Case(searching.interpolate, lambda r: (rising(r, 4), some(r, 4), one(r, 0.0, 4.0))),
    Case(numeric.horner, lambda r: (some(r, 4), one(r))),
    Case(numeric.bisect_root, lambda r: ([1.0, 0.5, -one(r, 0.5, 3.0)], 0.0, 2.0)),
    Case(numeric.newton_sqrt, lambda r: (one(r, 0.3, 4.0),)),
    Case(numeric.newton_root, lambda r: ([1.0, 0.0, -one(r, 1.0, 4.0)], one(r, 1.0, 3.0))),
    Case(numeric.nearest_to_parabola, lambda r: (one(r), -3.0, 3.0)),
    Case(numeric.subtract_gcd, lambda r: (float(r.integers(1, 5)) * 0.5, float(r.integers(1, 5)) * 0.5)),
    Case(numeric.years_until, lambda r: (one(r, 0.5, 1.0), one(r, 0.2, 0.6), one(r, 1.5, 3.0))),
    Case(numeric.running_maximum, lambda r: (some(r, 5),), ties=True),
    Case(numeric.clip, lambda r: (some(r, 5), one(r, -1.5, -0.5), one(r, 0.5, 1.5))),
    Case(numeric.soft_threshold, lambda r: (one(r), one(r, 0.3, 1.0))),
    Case(numeric.trapezoid_above, lambda r: (some(r, 5), one(r, -1.0, 0.0))),
    Case(control.hysteresis, lambda r: (some(r, 6), one(r, -1.0, -0.3), one(r, 0.3, 1.0))),
    Case(control.thermostat, lambda r: (some(r, 6, 5.0, 15.0), one(r, 18.0, 21.0), 20.0)),
    Case(control.bouncing_ball, lambda r: (one(r, 0.3, 1.0), one(r))),
    Case(control.leaky_integrator, lambda r: (some(r, 6, 0.0, 2.0), 0.7, one(r, 1.0, 2.0))),
    Case(control.dead_zone, lambda r: (some(r, 5), one(r, 0.3, 1.0))),
    Case(control.cruise_control, lambda r: (one(r, 0.0, 1.0), one(r, 1.0, 2.0), one(r, 0.2, 0.5))),
    Case(control.collision, lambda r: (rising(r, 2), some(r, 2))),
    Case(control.traffic_light, lambda r: (some(r, 6, 0.0, 6.0), one(r, 2.0, 4.0), one(r, 1.0, 3.0))),
    Case(rules.income_tax, lambda r: (one(r, 0.0, 60.0),)),
    Case(rules.parcel_price, lambda r: (one(r, 0.0, 7.0), one(r, 0.0, 6.0))),
    Case(rules.fizz_count, lambda r: (some(r, 5), one(r), one(r))),
    Case(rules.run_stack_machine, lambda r: (["0", "1", "max", "2", "-", "3", "min", "1", "*"], some(r, 4))),
    Case(rules.crossover_trades, lambda r: (some(r, 9, 1.0, 5.0),)),
    Case(rules.settle, lambda r: (one(r, 0.0, 2.0), some(r, 5))),
    Case(rules.debounce, lambda r: (some(r, 6), one(r, -0.5, 0.5))),
    Case(sequences.kadane, lambda r: (some(r, 6),)),
    Case(sequences.best_trade, lambda r: (some(r, 6),), ties=True),
    Case(sequences.longest_rise, lambda r: (some(r, 6),)),
    Case(sequences.trapped_water, lambda r: (some(r, 6, 0.0, 3.0),), ties=True),
    Case(sequences.largest_container, lambda r: (some(r, 5, 0.0, 3.0),)),
    Case(sequences.second_largest, lambda r: (some(r, 5),)),
    Case(sequences.exceed_streak, lambda r: (some(r, 6), one(r, -1.0, 0.5))),
    Case(sequences.rank_of_first, lambda r: (some(r, 6),)),
]

INDICES = [
    Case(ordering.selection_sort, lambda r: (some(r, 4),), "indices"),
    Case(ordering.insertion_sort_by_shifting, lambda r: (some(r, 4),), "indices"),
    Case(ordering.rank_sort, lambda r: (some(r, 4),), "indices"),
    Case(ordering.merge_sort, lambda r: (some(r, 4),), "indices"),
    Case(ordering.heap_sort, lambda r: (some(r, 4),), "indices"),
    Case(ordering.binary_search, lambda r: (rising(r, 5), one(r, 0.0, 5.0)), "indices"),
    Case(ordering.halving_search, lambda r: (rising(r, 7), one(r, 0.0, 6.0)), "indices"),
    Case(dynamic.cut_rod, lambda r: (rising(r, 4), 5), "indices"),
    Case(graphs.shortest_grid_path, lambda r: (grid(r, 3, 3),), "indices", ties=True),
    Case(graphs.floyd_warshall, lambda r: (distances(r, 4),), "indices", ties=True),
    Case(graphs.dijkstra, lambda r: (distances(r, 4),), "indices", ties=True),
    Case(graphs.count_clusters, lambda r: (some(r, 4), one(r, 0.3, 1.0)), "indices"),
    Case(graphs.flood_fill, lambda r: (grid(r, 3, 3), one(r, 1.0, 2.0)), "indices"),
    Case(counting.histogram, lambda r: (some(r, 5, 0.0, 4.0), rising(r, 3)), "indices"),
    Case(counting.run_lengths, lambda r: (some(r, 5),), "indices"),
    Case(counting.automaton, lambda r: (some(r, 6, 0.0, 4.0), one(r, 0.8, 1.5), one(r, 2.0, 3.0)), "indices"),
    Case(rendering.silhouette, lambda r: (triangles(r, 2), 2), "indices"),
]

BUILTINS = [
    Case(ordering.selection_order, lambda r: (some(r, 4),), "builtins"),
    Case(ordering.bisect_left, lambda r: (rising(r, 5), one(r, 0.0, 5.0)), "builtins", laws=SHARP_ONLY),
    Case(ordering.median, lambda r: (some(r, 5),), "builtins"),
    Case(dynamic.knapsack, lambda r: (some(r, 4, 0.5, 3.0), [int(w) for w in r.integers(1, 4, 4)], 5), "builtins"),
    # equal letters are so for certain: then counts are plain, and their `min` is Python's, else it is Eq. 10; a jump
    Case(dynamic.edit_distance, lambda r: (symbols(r, 4), symbols(r, 3)), "builtins", laws=SHARP_ONLY),
    Case(dynamic.edit_distance, lambda r: (blurred_symbols(r, 4), blurred_symbols(r, 3)), "builtins", variant="blurred"),
    Case(dynamic.longest_common_subsequence, lambda r: (symbols(r, 4), symbols(r, 3)), "builtins", laws=SHARP_ONLY),
    Case(
        dynamic.longest_common_subsequence,
        lambda r: (blurred_symbols(r, 4), blurred_symbols(r, 3)),
        "builtins",
        variant="blurred",
    ),
    Case(dynamic.time_warping, lambda r: (some(r, 4), some(r, 3)), "builtins"),
    Case(dynamic.matrix_chain, lambda r: (some(r, 5, 0.5, 2.0),), "builtins"),
    Case(dynamic.longest_increasing_subsequence, lambda r: (some(r, 5),), "builtins"),
    Case(dynamic.viterbi, lambda r: (some(r, 2), grid(r, 2, 2), grid(r, 4, 2)), "builtins"),
    Case(graphs.spanning_tree_length, lambda r: (distances(r, 4),), "builtins", ties=True),
    Case(counting.euclid_gcd, lambda r: (one(r, 2.0, 5.0), one(r, 0.5, 2.0)), "builtins"),
    Case(counting.nearest_neighbours, lambda r: (some(r, 4), some(r, 4), one(r)), "builtins"),
    Case(counting.nearest_label, lambda r: (some(r, 4), some(r, 4), one(r)), "builtins"),
    Case(counting.quantise, lambda r: (some(r, 4), one(r, 0.3, 0.6)), "builtins"),
    Case(counting.split_duration, lambda r: (one(r, 0.0, 300.0),), "builtins"),
    Case(counting.mean_above, lambda r: (some(r, 5), one(r, -1.0, 0.5)), "builtins"),
    Case(counting.is_ascending, lambda r: (some(r, 3),), "builtins"),
    Case(counting.out_of_bounds, lambda r: (some(r, 4), one(r, -1.8, -1.0), one(r, 1.0, 1.8)), "builtins"),
    Case(
        counting.box_overlap, lambda r: (some(r, 2, 0.0, 1.0) + some(r, 2, 1.5, 3.0), [0.5, 0.4, 2.0, 2.2]), "builtins"
    ),
    Case(counting.cluster_two, lambda r: (some(r, 3, -2.0, -0.5) + some(r, 3, 0.5, 2.0),), "builtins"),
    Case(rendering.silhouette_by_distance, lambda r: (triangles(r, 1), 2), "builtins"),
]

POOL = CORE + INDICES + BUILTINS
