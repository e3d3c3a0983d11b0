"""Silhouettes of triangles on a grid of pixels.

A triangle is six numbers, x and y of three corners, counter-clockwise. Pixel (row, column) of an image of
``size`` x ``size`` has its centre at x = (column + 1/2) / size, y = (row + 1/2) / size.
"""

import math


def side(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Tell on which side of the line from (x0, y0) to (x1, y1) a point lies: positive is left.

    >>> side(0.0, 1.0, 0.0, 0.0, 1.0, 0.0)
    1.0
    """
    return (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)


def silhouette(triangles: list[list[float]], size: int) -> list[list[float]]:
    """Set each pixel that lies left of the three edges of some triangle.

    >>> silhouette([[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]], 3)
    [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    image = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for column in range(size):
            image[row][column] = pixel_by_edges(triangles, (column + 0.5) / size, (row + 0.5) / size)
    return image


def pixel_by_edges(triangles: list[list[float]], x: float, y: float) -> float:
    """Return 1 if the point lies in a triangle, else 0.

    >>> pixel_by_edges([[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]], 0.2, 0.2)
    1.0
    """
    value = 0.0
    for x0, y0, x1, y1, x2, y2 in triangles:
        if side(x, y, x0, y0, x1, y1) > 0:
            if side(x, y, x1, y1, x2, y2) > 0:
                if side(x, y, x2, y2, x0, y0) > 0:
                    value = 1.0
    return value


def segment_distance(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Return the distance of a point from a line segment.

    >>> segment_distance(2.0, 1.0, 0.0, 0.0, 1.0, 0.0)
    1.4142135623730951
    """
    along_x, along_y = x1 - x0, y1 - y0
    share = ((x - x0) * along_x + (y - y0) * along_y) / (along_x * along_x + along_y * along_y)
    share = max(0.0, min(1.0, share))
    return math.hypot(x - x0 - share * along_x, y - y0 - share * along_y)


def directed_distance(x: float, y: float, triangle: list[float]) -> float:
    """Return the distance of a point from the border of a triangle, negative outside.

    >>> directed_distance(0.0, -1.0, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    -1.0
    """
    x0, y0, x1, y1, x2, y2 = triangle
    distance = min(
        segment_distance(x, y, x0, y0, x1, y1),
        segment_distance(x, y, x1, y1, x2, y2),
        segment_distance(x, y, x2, y2, x0, y0),
    )
    inside = side(x, y, x0, y0, x1, y1) > 0 and side(x, y, x1, y1, x2, y2) > 0 and side(x, y, x2, y2, x0, y0) > 0
    return distance if inside else -distance


def silhouette_by_distance(triangles: list[list[float]], size: int) -> list[list[float]]:
    """Set each pixel whose directed distance from some triangle is positive.

    >>> silhouette_by_distance([[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]], 3)
    [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    image = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for column in range(size):
            for triangle in triangles:
                if directed_distance((column + 0.5) / size, (row + 0.5) / size, triangle) > 0:
                    image[row][column] = 1.0
    return image
