"""Tests of the plain algorithms: against references, and under the laws of relaxation."""
