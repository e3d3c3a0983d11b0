"""Sorting in place by comparing and swapping, where every position is known before the run."""


def swap(array: list[float], i: int, j: int) -> None:
    """Exchange two elements of ``array``.

    >>> numbers = [1.0, 2.0, 3.0]
    >>> swap(numbers, 0, 2)
    >>> numbers
    [3.0, 2.0, 1.0]
    """
    array[i], array[j] = array[j], array[i]


def bubble_sort(array: list[float]) -> tuple[list[float], bool, int]:
    """Sort ``array`` in place; tell also whether it was out of order, and how many swaps it took.

    >>> bubble_sort([3.0, 1.0, 2.0])
    ([1.0, 2.0, 3.0], True, 2)
    """
    end = len(array) - 1
    out_of_order = False
    swaps = 0
    swapped = True
    while swapped:
        swapped = False
        for i in range(end):
            if array[i] > array[i + 1]:
                array[i], array[i + 1] = array[i + 1], array[i]
                swapped = True
                out_of_order = True
                swaps += 1
        end -= 1
    return array, out_of_order, swaps


def cocktail_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place by bubbling up and down in turn.

    >>> cocktail_sort([2.0, 3.0, 1.0])
    [1.0, 2.0, 3.0]
    """
    low, high = 0, len(array) - 1
    while low < high:
        swapped = False
        for i in range(low, high):
            if array[i] > array[i + 1]:
                swap(array, i, i + 1)
                swapped = True
        if not swapped:
            break
        high -= 1
        for i in range(high, low, -1):
            if array[i - 1] > array[i]:
                swap(array, i - 1, i)
        low += 1
    return array


def insertion_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place, moving each element left until its neighbour is no larger.

    >>> insertion_sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    for i in range(1, len(array)):
        j = i
        while j > 0 and array[j - 1] > array[j]:
            array[j - 1], array[j] = array[j], array[j - 1]
            j -= 1
    return array


def gnome_sort(array: list[float]) -> tuple[list[float], int]:
    """Sort ``array`` as the garden gnome sorts his flower pots; return it with the number of steps he walked back.

    >>> gnome_sort([3.0, 1.0, 2.0])
    ([1.0, 2.0, 3.0], 2)
    """
    steps = 0
    for pot in range(1, len(array)):
        place = pot
        while place > 0:
            if array[place - 1] <= array[place]:
                break
            swap(array, place - 1, place)
            place -= 1
            steps += 1
    return array, steps


def odd_even_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place, comparing odd and even pairs of neighbours in turn.

    >>> odd_even_sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    is_sorted = False
    while not is_sorted:
        is_sorted = True
        for start in (1, 0):
            for i in range(start, len(array) - 1, 2):
                if array[i] > array[i + 1]:
                    array[i], array[i + 1] = array[i + 1], array[i]
                    is_sorted = False
    return array


def comb_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place with a shrinking gap, and end with a bubble sort.

    >>> comb_sort([4.0, 3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0, 4.0]
    """
    gap = len(array)
    while gap > 1:
        gap = gap * 10 // 13
        if gap < 1:
            gap = 1
        for i in range(len(array) - gap):
            if array[i] > array[i + gap]:
                swap(array, i, i + gap)
    bubble_sort(array)
    return array


def shell_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place by insertion over gaps that halve.

    >>> shell_sort([4.0, 3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0, 4.0]
    """
    gap = len(array) // 2
    while gap > 0:
        for i in range(gap, len(array)):
            j = i
            while j >= gap and array[j - gap] > array[j]:
                array[j - gap], array[j] = array[j], array[j - gap]
                j -= gap
        gap //= 2
    return array


def median_of_three(a: float, b: float, c: float) -> float:
    """Return the middle one of three numbers.

    >>> median_of_three(3.0, 1.0, 2.0)
    2.0
    """
    if a > b:
        a, b = b, a
    if b > c:
        b = c
    return a if a > b else b
