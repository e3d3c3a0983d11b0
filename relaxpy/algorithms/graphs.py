"""Graphs and grids: shortest paths, trees, regions."""


def shortest_grid_path(costs: list[list[float]]) -> tuple[float, list[list[float]]]:
    """Find the cheapest way from the first to the last cell of a square grid, in eight directions (Bellman-Ford).

    The cost of a way is the sum over its cells. Returned are the cost and the way, as a grid of ones and zeros.

    >>> shortest_grid_path([[1.0, 9.0, 9.0], [9.0, 1.0, 9.0], [9.0, 9.0, 1.0]])
    (3.0, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """
    n = len(costs)
    distance = [float("inf")] * (n * n)
    came_from = [0] * (n * n)
    distance[0] = costs[0][0]
    for _ in range(n):
        for cell in range(1, n * n):
            for neighbour in grid_neighbours(cell, n):
                cost = distance[neighbour] + costs[cell // n][cell % n]
                if cost < distance[cell]:
                    distance[cell] = cost
                    came_from[cell] = neighbour
    way = [0.0] * (n * n)
    cell = n * n - 1
    way[cell] = 1.0
    while cell != 0:
        cell = came_from[cell]
        way[cell] = 1.0
    return distance[n * n - 1], [way[row * n : row * n + n] for row in range(n)]


def grid_neighbours(cell: int, n: int) -> list[int]:
    """List the up to eight cells around ``cell`` on an n x n grid whose cells are numbered row by row.

    >>> grid_neighbours(0, 3)
    [1, 3, 4]
    """
    row, column = divmod(cell, n)
    return [
        r * n + c
        for r in range(max(row - 1, 0), min(row + 2, n))
        for c in range(max(column - 1, 0), min(column + 2, n))
        if (r, c) != (row, column)
    ]


def floyd_warshall(lengths: list[list[float]]) -> list[list[float]]:
    """Turn a matrix of edge lengths into the matrix of shortest distances, in place.

    >>> floyd_warshall([[0.0, 1.0, 5.0], [1.0, 0.0, 2.0], [5.0, 2.0, 0.0]])
    [[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]
    """
    for middle in range(len(lengths)):
        for start in range(len(lengths)):
            for end in range(len(lengths)):
                detour = lengths[start][middle] + lengths[middle][end]
                if detour < lengths[start][end]:
                    lengths[start][end] = detour
    return lengths


def dijkstra(lengths: list[list[float]], source: int = 0) -> list[float]:
    """Return the shortest distances from ``source``, finding the nearest open node by a linear scan.

    >>> dijkstra([[0.0, 1.0, 5.0], [1.0, 0.0, 2.0], [5.0, 2.0, 0.0]])
    [0.0, 1.0, 3.0]
    """
    count = len(lengths)
    far = 0.0
    for row in lengths:
        far += sum(row)
    distance = [far] * count
    distance[source] = 0.0
    closed = [False] * count
    for _ in range(count):
        nearest, shortest = source, far
        for node in range(count):
            if not closed[node] and distance[node] < shortest:
                nearest, shortest = node, distance[node]
        closed[nearest] = True
        for node in range(count):
            reach = distance[nearest] + lengths[nearest][node]
            if reach < distance[node]:
                distance[node] = reach
    return distance


def spanning_tree_length(lengths: list[list[float]]) -> float:
    """Return the total length of the minimum spanning tree (Prim).

    >>> spanning_tree_length([[0.0, 1.0, 5.0], [1.0, 0.0, 2.0], [5.0, 2.0, 0.0]])
    3.0
    """
    count = len(lengths)
    reach = list(lengths[0])
    outside = [1.0] * count
    outside[0] = 0.0
    far = 1.0 + max(max(row) for row in lengths)
    total = 0.0
    for _ in range(count - 1):
        nearest = min(range(count), key=lambda node: reach[node] * outside[node] + far * (1 - outside[node]))
        total += reach[nearest]
        outside[nearest] = 0.0
        for node in range(count):
            if lengths[nearest][node] < reach[node]:
                reach[node] = lengths[nearest][node]
    return total


def find(parent: list[int], node: int) -> int:
    """Follow parents up to the root of the tree that ``node`` is in.

    >>> find([0, 0, 1], 2)
    0
    """
    while parent[node] != node:
        node = parent[node]
    return node


def count_clusters(places: list[float], reach: float) -> int:
    """Count the groups of points on a line whose neighbours are closer than ``reach`` (union-find).

    >>> count_clusters([0.0, 5.0, 0.5, 5.4], 1.0)
    2
    """
    parent = list(range(len(places)))
    for i in range(len(places)):
        for j in range(i):
            if abs(places[i] - places[j]) < reach:
                parent[find(parent, i)] = find(parent, j)
    return sum(parent[i] == i for i in range(len(parent)))


def flood_fill(heights: list[list[float]], level: float) -> list[list[bool]]:
    """Tell which cells get wet when water of the given level enters at the first cell and spreads in four directions.

    >>> flood_fill([[0.0, 9.0], [1.0, 9.0]], 5.0)
    [[True, False], [True, False]]
    """
    rows, columns = len(heights), len(heights[0])
    wet = [[False] * columns for _ in range(rows)]
    if heights[0][0] < level:
        wet[0][0] = True
    for _ in range(rows * columns - 1):
        for r in range(rows):
            for c in range(columns):
                if heights[r][c] < level and touches_water(wet, r, c):
                    wet[r][c] = True
    return wet


def touches_water(wet: list[list[bool]], r: int, c: int) -> bool:
    """Tell whether one of the four neighbours is wet.

    >>> touches_water([[True, False]], 0, 1)
    True
    """
    return (
        (r > 0 and wet[r - 1][c])
        or (c > 0 and wet[r][c - 1])
        or (r + 1 < len(wet) and wet[r + 1][c])
        or (c + 1 < len(wet[0]) and wet[r][c + 1])
    )
