"""Random programs whose relaxation must equal their exact expectation.

``python -m tests.fuzz.campaign --programs 2000 --seed 0`` runs many of them.
"""
