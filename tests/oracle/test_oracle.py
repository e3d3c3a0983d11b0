from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.oracle import Integer, Number, PathBudgetExceeded, expectation, flatten

X = torch.tensor([0.4, -0.3], dtype=torch.float64)
Y = torch.tensor([0.1, 0.9], dtype=torch.float64)
P, Q = torch.sigmoid(2 * X), torch.sigmoid(2 * Y)


def _expect(function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    return expectation(function, arguments or (X, Y), beta=2.0, **options).leaves


def test_paths_are_summed_by_probability() -> None:
    def program(x: Any, y: Any) -> Any:
        return (1.0 if x > 0 else 5.0) + (10.0 if y > 0 else 20.0)

    assert torch.allclose(_expect(program)["result"], P + 5 * (1 - P) + 10 * Q + 20 * (1 - Q))


def test_a_named_truth_is_drawn_anew_at_each_test() -> None:
    def program(x: Any, y: Any) -> Any:
        c = x > 0
        count = 0
        if c:
            if c:
                count = 1
        return count, c

    leaves = _expect(program)
    assert torch.allclose(leaves["result[0]"], P * P)
    assert torch.allclose(leaves["result[1]"], P)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x > 0 and y > 0", P * Q),
        ("x > 0 or y > 0", P + Q - P * Q),
        ("not x > 0", 1 - P),
        ("not (x > 0 and y > 0)", 1 - P * Q),
        ("(x > 0 and y > 0) or x > 0", P * Q + (1 - P * Q) * P),
        ("0 < x < y", P * torch.sigmoid(2 * (Y - X))),
        ("x == 0", 1 / torch.cosh(X) ** 2),
        ("x != 0", 1 - 1 / torch.cosh(X) ** 2),
        ("float('inf') > x", torch.ones(2, dtype=torch.float64)),
    ],
)
def test_values_of_conditions(text: str, expected: torch.Tensor) -> None:
    value = eval(f"lambda x, y: ({text})")
    tested = eval(f"lambda x, y: 1.0 if {text} else 0.0")
    for function in (value, tested):
        assert torch.allclose(torch.as_tensor(_expect(function)["result"]), expected)


def test_integers_are_drawn_where_they_index() -> None:
    weights = dict(enumerate(torch.tensor([[0.2, 0.1], [0.5, 0.6], [0.3, 0.3]], dtype=torch.float64)))

    def program(x: Any) -> Any:
        k = Integer(weights)
        return [5.0, 7.0, 11.0][k], k, k + k, k >= 1, 2 * k - 1

    leaves = _expect(program, X)
    mean = weights[1] + 2 * weights[2]
    assert torch.allclose(leaves["result[0]"], 5 * weights[0] + 7 * weights[1] + 11 * weights[2])
    assert torch.allclose(leaves["result[1]"], mean)
    assert torch.allclose(leaves["result[2]"], 2 * mean)
    assert torch.allclose(leaves["result[3]"], 1 - weights[0])
    assert torch.allclose(leaves["result[4]"], 2 * mean - 1)


def test_endless_loops_and_too_many_paths_are_refused() -> None:
    def endless(x: Any, y: Any) -> Any:
        while x > -1e9:
            pass

    def many(x: Any, y: Any) -> Any:
        return sum(x > 0.01 * k and y > 0 for k in range(12))

    with pytest.raises(PathBudgetExceeded, match="more than 100 decisions"):
        _expect(endless, limit=100)
    with pytest.raises(PathBudgetExceeded, match="more than 50 paths"):
        _expect(many, budget=50)


def test_paths_of_different_structure_are_refused() -> None:
    with pytest.raises(ValueError, match="different structure"):
        _expect(lambda x, y: [1.0] if x > 0 else [1.0, 2.0])
    with pytest.raises(ValueError, match="paths give 'a' and 'b' at result"):
        _expect(lambda x, y: "a" if x > 0 else "b")


def test_flatten_names_each_leaf_by_its_place() -> None:
    class Thing:
        def __init__(self) -> None:
            self.parts = (1.0, Number(X))
            self.me = self

    leaves = flatten({"k": [Thing(), None]})
    assert list(leaves) == ["result['k'][0].parts[0]", "result['k'][0].parts[1]", "result['k'][1]"]
    assert list(flatten(torch.zeros(2, 3), lanes=True)) == ["result[0]", "result[1]", "result[2]"]
