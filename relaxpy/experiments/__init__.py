"""Experiments that train networks through relaxed algorithms; each is a module with ``main(argv) -> int``.

>>> from relaxpy.experiments import sorting
>>> sorting.main(["--n", "5", "--seed", "1"])  # doctest: +SKIP

What they need beyond relaxpy itself comes with ``pip install 'relaxpy[experiments]'``, and is imported when one runs.
"""
