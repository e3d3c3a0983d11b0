"""Random programs whose relaxation must keep the laws, and equal their exact expectation where it merges without loss.

``python -m tests.fuzz.campaign --programs 2000 --seed 0`` runs those of many seeds, ``--by hypothesis`` those of a strategy.
"""
