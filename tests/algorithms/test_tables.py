"""Dynamic programming, graphs, counting and rendering against brute force."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from relaxpy.algorithms import counting, dynamic, graphs, rendering

RANDOM = np.random.default_rng(5)


def floats(*shape: int) -> list:  # type: ignore[type-arg]
    return RANDOM.uniform(0.1, 3.0, shape).tolist()  # type: ignore[no-any-return]


def recursive_distance(a: str, b: str) -> int:
    @lru_cache(None)
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        change = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(change, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(a), len(b))


@pytest.mark.parametrize(("a", "b"), [("", ""), ("kitten", "sitting"), ("flaw", "lawn"), ("abc", ""), ("same", "same")])
def test_edit_distance(a: str, b: str) -> None:
    assert dynamic.edit_distance(a, b) == recursive_distance(a, b)
    assert dynamic.edit_distance(list(a), list(b)) == recursive_distance(a, b)


def test_longest_common_subsequence() -> None:
    for _ in range(10):
        a, b = ("".join(RANDOM.choice(list("abc"), 6)) for _ in range(2))
        parts = {"".join(part) for n in range(7) for part in itertools.combinations(a, n)}
        common = [p for p in parts if p in {"".join(part) for part in itertools.combinations(b, len(p))}]
        assert dynamic.longest_common_subsequence(a, b) == max(map(len, common))


def test_knapsack() -> None:
    for _ in range(10):
        values, weights = floats(6), [int(w) for w in RANDOM.integers(1, 5, 6)]
        packs = [pack for n in range(7) for pack in itertools.combinations(range(6), n)]
        best = max(sum(values[i] for i in p) for p in packs if sum(weights[i] for i in p) <= 8)
        assert dynamic.knapsack(values, weights, 8) == pytest.approx(best)


def test_time_warping() -> None:
    a, b = floats(4), floats(3)

    def cheapest(i: int, j: int) -> float:
        before = [cheapest(k, m) for k, m in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if k >= 0 and m >= 0]
        return (a[i] - b[j]) ** 2 + min(before, default=0.0)  # type: ignore[no-any-return]

    assert dynamic.time_warping(a, b) == pytest.approx(cheapest(3, 2))


def test_matrix_chain() -> None:
    sizes = floats(6)

    def work(first: int, last: int) -> float:
        ways = [
            work(first, k) + work(k + 1, last) + sizes[first] * sizes[k + 1] * sizes[last + 1]
            for k in range(first, last)
        ]
        return min(ways, default=0.0)

    assert dynamic.matrix_chain(sizes) == pytest.approx(work(0, 4))


def test_longest_increasing_subsequence() -> None:
    for _ in range(10):
        values = floats(7)
        rising = [p for n in range(1, 8) for p in itertools.combinations(values, n) if list(p) == sorted(p)]
        assert dynamic.longest_increasing_subsequence(values) == max(map(len, rising))


def test_cut_rod() -> None:
    prices = floats(5)

    def best(length: int) -> float:
        return max((prices[k - 1] + best(length - k) for k in range(1, min(length, 5) + 1)), default=0.0)

    total, first = dynamic.cut_rod(prices, 7)
    assert total == pytest.approx(best(7))
    assert len(first) == 7
    assert total == pytest.approx(prices[first[6] - 1] + best(7 - first[6]))


def test_viterbi() -> None:
    start, step, seen = floats(3), floats(3, 3), floats(4, 3)

    def score(path: tuple[int, ...]) -> float:
        moves = sum(step[r][s] for r, s in itertools.pairwise(path))
        return start[path[0]] + moves + sum(seen[t][s] for t, s in enumerate(path))  # type: ignore[no-any-return]

    best = max(itertools.product(range(3), repeat=4), key=score)
    total, path = dynamic.viterbi(start, step, seen)
    assert total == pytest.approx(score(best))
    assert path == list(best)


def shortest(lengths: list[list[float]]) -> Any:
    result = np.array(lengths)
    for _ in lengths:
        result = np.min(result[:, :, None] + result[None], axis=1)
    return result


def test_distances() -> None:
    for _ in range(5):
        upper = np.triu(RANDOM.uniform(0.1, 3.0, (5, 5)), 1)
        lengths = (upper + upper.T).tolist()
        expected = shortest(lengths)
        assert np.allclose(graphs.dijkstra(lengths, 2), expected[2])
        edges = list(itertools.combinations(range(5), 2))
        trees = [t for t in itertools.combinations(edges, 4) if spans(t, 5)]
        assert graphs.spanning_tree_length(lengths) == pytest.approx(
            min(sum(lengths[i][j] for i, j in t) for t in trees)
        )
        assert np.allclose(graphs.floyd_warshall(lengths), expected)


def spans(tree: tuple[tuple[int, int], ...], count: int) -> bool:
    reached = {0}
    for _ in tree:
        reached |= {n for edge in tree if reached & set(edge) for n in edge}
    return len(reached) == count


def test_grid_path() -> None:
    for n in (1, 2, 4):
        costs = floats(n, n)
        lengths = np.full((n * n, n * n), np.inf)
        for cell in range(n * n):
            for neighbour in graphs.grid_neighbours(cell, n):
                lengths[cell, neighbour] = costs[neighbour // n][neighbour % n]
            lengths[cell, cell] = 0.0
        cost, way = graphs.shortest_grid_path(costs)
        assert cost == pytest.approx(costs[0][0] + shortest(lengths.tolist())[0, -1])
        assert cost == pytest.approx(float(np.sum(np.array(way) * np.array(costs))))


def test_clusters() -> None:
    for _ in range(10):
        places = sorted(floats(6))
        assert graphs.count_clusters(places, 0.4) == 1 + int(np.sum(np.diff(places) >= 0.4))


def test_flood_fill() -> None:
    heights = [[1.0, 9.0, 1.0], [1.0, 9.0, 1.0], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0], [1.0, 1.0, 1.0]]
    wet = graphs.flood_fill(heights, 5.0)
    assert wet == [[h < 5 and r < 4 for h in row] for r, row in enumerate(heights)]
    assert not any(map(any, graphs.flood_fill(heights, 0.5)))


def test_counting() -> None:
    for _ in range(10):
        values = floats(8)
        expected = np.histogram(values, [-np.inf, 0.8, 1.9, np.inf])[0]
        assert counting.histogram(values, [0.8, 1.9]) == expected.tolist()
        above = [x for x in values if x > 1.0]
        assert counting.mean_above(values, 1.0) == pytest.approx(sum(above) / (len(above) + 1))
        assert counting.is_ascending(values) == (values == sorted(values))
        assert counting.is_ascending(sorted(values))
        assert counting.out_of_bounds(values, 0.5, 2.5) == bool(
            np.any((np.array(values) < 0.5) | (np.array(values) > 2.5))
        )
        assert counting.quantise(values, 0.4) == pytest.approx((np.floor(np.array(values) / 0.4) * 0.4).tolist())
        labels = floats(8)
        order = np.argsort(np.abs(np.array(values) - 1.5))
        assert counting.nearest_label(values, labels, 1.5) == labels[order[0]]
        assert counting.nearest_neighbours(values, labels, 1.5, 3) == pytest.approx(
            np.mean(np.array(labels)[order[:3]])
        )


def test_run_lengths() -> None:
    word = [float(x) for x in RANDOM.integers(0, 2, 12)]
    groups = [(head, len(list(group))) for head, group in itertools.groupby(word)]
    heads, lengths, last = counting.run_lengths(word)
    assert list(zip(heads, lengths, strict=False))[: last + 1] == groups
    assert sum(lengths) == 12


def test_split_duration() -> None:
    assert counting.split_duration(185.0) == (3.0, 5.0)


def test_box_overlap() -> None:
    assert counting.box_overlap([0, 0, 1, 1], [2, 2, 3, 3]) == 0.0
    assert counting.box_overlap([0, 0, 2, 1], [0, 0, 2, 1]) == 1.0


def test_cluster_two() -> None:
    assert counting.cluster_two([0.0, 0.2, 4.0, 5.0, 6.0]) == pytest.approx((0.1, 5.0))


def test_automaton() -> None:
    assert counting.automaton([5.0, 2.0, 5.0, 2.0, 0.0], 1.0, 3.0) == (0, 2)


def test_silhouettes_agree() -> None:
    shape = [[0.1, 0.1, 0.9, 0.2, 0.5, 0.8], [0.6, 0.6, 0.95, 0.7, 0.7, 0.97]]
    image = rendering.silhouette(shape, 12)
    assert image == rendering.silhouette_by_distance(shape, 12)
    area = sum(abs((t[2] - t[0]) * (t[5] - t[1]) - (t[3] - t[1]) * (t[4] - t[0])) / 2 for t in shape)
    assert sum(map(sum, image)) / 144 == pytest.approx(area, abs=0.05)


def test_directed_distance() -> None:
    triangle = [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    assert rendering.directed_distance(0.25, 0.25, triangle) == pytest.approx(0.25)
    assert rendering.directed_distance(1.0, 1.0, triangle) == pytest.approx(-math.sqrt(0.5))
    assert rendering.directed_distance(2.0, 0.0, triangle) == pytest.approx(-1.0)
