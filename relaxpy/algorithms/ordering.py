"""Sorting and searching where positions depend on what was compared before."""


def selection_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place, swapping the smallest of the rest to the front.

    >>> selection_sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    for i in range(len(array) - 1):
        smallest = i
        for j in range(i + 1, len(array)):
            if array[j] < array[smallest]:
                smallest = j
        array[i], array[smallest] = array[smallest], array[i]
    return array


def selection_order(array: list[float]) -> list[float]:
    """Return the elements in ascending order, finding the smallest of the rest by ``min`` with a key.

    >>> selection_order([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    rest = list(array)
    result = []
    for i in range(len(rest)):
        smallest = min(range(i, len(rest)), key=lambda j: rest[j])
        result.append(rest[smallest])
        rest[smallest] = rest[i]
    return result


def insertion_sort_by_shifting(array: list[float]) -> list[float]:
    """Sort ``array`` in place, shifting larger elements right to make room for the next.

    >>> insertion_sort_by_shifting([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    for i in range(1, len(array)):
        value = array[i]
        j = i - 1
        while j >= 0 and array[j] > value:
            array[j + 1] = array[j]
            j -= 1
        array[j + 1] = value
    return array


def rank_sort(array: list[float]) -> tuple[list[float], list[int]]:
    """Return the elements in ascending order, each put where its rank says, with the ranks.

    >>> rank_sort([3.0, 1.0, 2.0])
    ([1.0, 2.0, 3.0], [2, 0, 1])
    """
    result = [0.0] * len(array)
    ranks = []
    for i in range(len(array)):
        rank = 0
        for j in range(len(array)):
            if j != i and array[j] < array[i]:
                rank += 1
        result[rank] = array[i]
        ranks.append(rank)
    return result, ranks


def merge(left: list[float], right: list[float]) -> list[float]:
    """Merge two ascending lists.

    >>> merge([1.0, 3.0], [2.0])
    [1.0, 2.0, 3.0]
    """
    if len(left) == 0:
        return right
    if len(right) == 0:
        return left
    if left[0] <= right[0]:
        return [left[0], *merge(left[1:], right)]
    return [right[0], *merge(left, right[1:])]


def merge_sort(array: list[float]) -> list[float]:
    """Return the elements in ascending order by merging the sorted halves.

    >>> merge_sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    if len(array) <= 1:
        return list(array)
    middle = len(array) // 2
    return merge(merge_sort(array[:middle]), merge_sort(array[middle:]))


def push_down(heap: list[float], parent: int, end: int) -> None:
    """Restore the heap below ``parent``, whose two subtrees are heaps.

    >>> heap = [1.0, 3.0, 2.0]
    >>> push_down(heap, 0, 3)
    >>> heap
    [3.0, 1.0, 2.0]
    """
    left, right = 2 * parent + 1, 2 * parent + 2
    if right < end and heap[left] < heap[right]:
        lift(heap, right, parent, end)
    elif left < end:
        lift(heap, left, parent, end)


def lift(heap: list[float], child: int, parent: int, end: int) -> None:
    """Exchange ``child`` with ``parent`` if it is larger, and go on below.

    >>> heap = [1.0, 3.0]
    >>> lift(heap, 1, 0, 2)
    >>> heap
    [3.0, 1.0]
    """
    if heap[parent] < heap[child]:
        heap[parent], heap[child] = heap[child], heap[parent]
        push_down(heap, child, end)


def heap_sort(array: list[float]) -> list[float]:
    """Sort ``array`` in place with a heap.

    >>> heap_sort([3.0, 1.0, 4.0, 2.0])
    [1.0, 2.0, 3.0, 4.0]
    """
    for parent in range(len(array) // 2 - 1, -1, -1):
        push_down(array, parent, len(array))
    for end in range(len(array) - 1, 0, -1):
        array[0], array[end] = array[end], array[0]
        push_down(array, 0, end)
    return array


def quick_sort(array: list[float]) -> list[float]:
    """Return the elements in ascending order, split by the first one.

    >>> quick_sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    if len(array) <= 1:
        return list(array)
    pivot = array[0]
    below = [value for value in array[1:] if value < pivot]
    above = [value for value in array[1:] if value >= pivot]
    return [*quick_sort(below), pivot, *quick_sort(above)]


def binary_search(ascending: list[float], target: float) -> int:
    """Return how many elements of a sorted list are smaller than ``target``.

    >>> binary_search([1.0, 3.0, 5.0, 7.0], 4.0)
    2
    """

    def search(low: int, high: int) -> int:
        if low == high:
            return low
        middle = (low + high) // 2
        if ascending[middle] < target:
            return search(middle + 1, high)
        return search(low, middle)

    return search(0, len(ascending))


def halving_search(ascending: list[float], target: float) -> int:
    """Return how many elements of a sorted list of length 2**k - 1 are smaller than ``target``, by halving steps.

    >>> halving_search([1.0, 3.0, 5.0], 4.0)
    2
    """
    below = 0
    step = (len(ascending) + 1) // 2
    while step > 0:
        if ascending[below + step - 1] < target:
            below += step
        step //= 2
    return below


def bisect_left(ascending: list[float], target: float) -> int:
    """Return how many elements of a sorted list are smaller than ``target``, narrowing two bounds.

    >>> bisect_left([1.0, 3.0, 5.0, 7.0], 4.0)
    2
    """
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low


def median(values: list[float]) -> float:
    """Return the middle of the sorted values, or the mean of the middle two.

    >>> median([3.0, 1.0, 2.0])
    2.0
    """
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 == 1 else (ordered[half - 1] + ordered[half]) / 2
