"""Dynamic programming: tables filled from small problems to large ones."""

from collections.abc import Sequence


def knapsack(values: list[float], weights: list[int], capacity: int) -> float:
    """Return the largest total value of things whose total weight is at most ``capacity``.

    >>> knapsack([6.0, 10.0, 12.0], [1, 2, 3], 5)
    22.0
    """
    best = [0.0] * (capacity + 1)
    for value, weight in zip(values, weights, strict=False):
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


def edit_distance(a: Sequence[object], b: Sequence[object]) -> int:
    """Return the Levenshtein distance of two sequences.

    >>> edit_distance("kitten", "sitting")
    3
    """
    distance = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        distance[i][0] = i
    for j in range(len(b) + 1):
        distance[0][j] = j
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = 0 if a[i - 1] == b[j - 1] else 1
            distance[i][j] = min(distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + change)
    return distance[len(a)][len(b)]


def longest_common_subsequence(a: Sequence[object], b: Sequence[object]) -> int:
    """Return the length of the longest sequence that can be got from both by leaving things out.

    >>> longest_common_subsequence("nematode", "empty")
    3
    """
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a)):
        for j in range(len(b)):
            if a[i] == b[j]:
                length[i + 1][j + 1] = length[i][j] + 1
            else:
                length[i + 1][j + 1] = max(length[i][j + 1], length[i + 1][j])
    return length[len(a)][len(b)]


def time_warping(a: list[float], b: list[float]) -> float:
    """Return the dynamic time warping distance of two curves.

    >>> time_warping([1.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0])
    0.0
    """
    cost = [[0.0] * len(b) for _ in range(len(a))]
    for i in range(len(a)):
        for j in range(len(b)):
            gap = (a[i] - b[j]) ** 2
            if i > 0 and j > 0:
                gap += min(cost[i - 1][j], cost[i][j - 1], cost[i - 1][j - 1])
            elif i > 0:
                gap += cost[i - 1][j]
            elif j > 0:
                gap += cost[i][j - 1]
            cost[i][j] = gap
    return cost[-1][-1]


def matrix_chain(sizes: list[float]) -> float:
    """Return the least work of multiplying a chain of matrices, the i-th of ``sizes[i]`` x ``sizes[i + 1]``.

    >>> matrix_chain([1.0, 2.0, 3.0, 4.0])
    18.0
    """
    count = len(sizes) - 1
    work = [[0.0] * count for _ in range(count)]
    for span in range(1, count):
        for first in range(count - span):
            last = first + span
            work[first][last] = min(
                work[first][split] + work[split + 1][last] + sizes[first] * sizes[split + 1] * sizes[last + 1]
                for split in range(first, last)
            )
    return work[0][count - 1]


def longest_increasing_subsequence(values: list[float]) -> int:
    """Return the length of the longest rising sequence that can be got by leaving values out.

    >>> longest_increasing_subsequence([3.0, 1.0, 2.0, 4.0])
    3
    """
    length = [1] * len(values)
    for i in range(len(values)):
        for j in range(i):
            if values[j] < values[i] and length[j] + 1 > length[i]:
                length[i] = length[j] + 1
    return max(length)


def cut_rod(prices: list[float], length: int) -> tuple[float, list[int]]:
    """Return the best price of a rod cut into pieces, ``prices[i]`` for a piece of i + 1, and the first cuts.

    >>> cut_rod([1.0, 5.0, 8.0, 9.0], 4)
    (10.0, [1, 2, 3, 2])
    """
    best = [0.0]
    first = []
    for size in range(1, length + 1):
        revenue = prices[0] + best[size - 1]
        cut = 1
        for piece in range(2, min(size, len(prices)) + 1):
            if prices[piece - 1] + best[size - piece] > revenue:
                revenue = prices[piece - 1] + best[size - piece]
                cut = piece
        best.append(revenue)
        first.append(cut)
    return best[length], first


def viterbi(start: list[float], step: list[list[float]], seen: list[list[float]]) -> tuple[float, list[int]]:
    """Return the best score of a chain of hidden states, and the states.

    ``start[s]`` scores the first state, ``step[r][s]`` going from r to s, ``seen[t][s]`` state s at time t.

    >>> viterbi([0.0, 0.0], [[0.0, -3.0], [-3.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    (2.0, [0, 0, 0])
    """
    states = len(start)
    score = [start[s] + seen[0][s] for s in range(states)]
    came_from = []
    for t in range(1, len(seen)):
        previous, best = [0] * states, [0.0] * states
        for s in range(states):
            best[s] = score[0] + step[0][s]
            for r in range(1, states):
                if score[r] + step[r][s] > best[s]:
                    best[s] = score[r] + step[r][s]
                    previous[s] = r
            best[s] += seen[t][s]
        score = best
        came_from.append(previous)
    state = max(range(states), key=lambda s: score[s])
    path = [state]
    for previous in reversed(came_from):
        state = previous[state]
        path.append(state)
    path.reverse()
    return max(score), path
