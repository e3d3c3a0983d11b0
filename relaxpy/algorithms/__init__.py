"""Plain Python algorithms: ordinary code on floats and lists, which knows nothing of relaxation.

>>> from relaxpy.algorithms.sorting import bubble_sort
>>> bubble_sort([3.0, 1.0, 2.0])
([1.0, 2.0, 3.0], True, 2)

The modules are grouped by topic. Each function runs as it stands, and each can be given to ``relaxpy.relax``.
"""
