"""relaxpy.truth, categorical and probabilities."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, RelaxIndexError, categorical, probabilities, relax, soft, truth

D = torch.float64
W = torch.tensor([0.2, 0.5, 0.3], dtype=D)


def test_truths_of_numbers_arrays_and_lists() -> None:
    def program(p: Any, q: Any) -> Any:
        several = truth(q)
        listed = truth([p, 0.25])
        return (
            1.0 if truth(p) else 0.0,
            several.sum(),
            [1.0 if each else 0.0 for each in listed],
            sum(several),
            truth(1) + 0,
        )

    single, total, listed, count, certain = relax(program)(torch.tensor(0.7, dtype=D), W)
    assert float(single) == pytest.approx(0.7)
    assert float(total) == pytest.approx(1.0)
    assert [float(each) for each in listed] == pytest.approx([0.7, 0.25])
    assert float(count) == pytest.approx(1.0)
    assert float(certain) == 1


def test_categoricals_of_one_of_several_and_of_lists() -> None:
    def program(w: Any, rows: Any) -> Any:
        words = categorical(rows)
        return (
            probabilities(categorical(w), 3),
            probabilities(categorical([0.5, 0.25, w[0] + 0.05]), 3),
            [probabilities(letter, 3) for letter in words],
            len(words),
            [[probabilities(k, 3) for k in row] for row in categorical(torch.stack([rows, rows]))],
        )

    rows = torch.stack([W, W.flip(0)])
    single, listed, word, length, nested = relax(program)(W, rows)
    torch.testing.assert_close(single, W)
    torch.testing.assert_close(listed, torch.tensor([0.5, 0.25, 0.25], dtype=D))
    torch.testing.assert_close(torch.stack(word), rows)
    assert length == 2
    assert len(nested) == len(nested[0]) == 2
    batch = torch.stack([rows, rows.roll(1, 0), rows])
    together = relax(program, batch=True)(W.expand(3, 3), batch)
    torch.testing.assert_close(torch.stack(together[2], 1), batch)


def test_two_unmodified_categoricals_are_equal_by_cosine_similarity() -> None:
    v = torch.tensor([0.6, 0.1, 0.3], dtype=D)

    def program(w: Any, v: Any) -> Any:
        k, j = categorical(w), categorical(v)
        return (
            (1.0 if k == j else 0.0),
            (1.0 if k == k else 0.0),
            (1.0 if k + 0 == j + 1 else 0.0),
            (1.0 if k == 1 else 0.0),
        )

    same, itself, shifted, plain = relax(program)(W, v)
    torch.testing.assert_close(same, torch.cosine_similarity(W, v, dim=0))
    assert float(itself) == pytest.approx(1.0)
    torch.testing.assert_close(shifted, W[1] * v[0] + W[2] * v[1])
    torch.testing.assert_close(plain, W[1])


def levenshtein(a: Any, b: Any) -> Any:
    # not the one of relaxpy.algorithms: a callee is relaxed only if it is of the same package as its caller
    distance = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        distance[i][0] = i
    for j in range(len(b) + 1):
        distance[0][j] = j
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = 0 if a[i - 1] == b[j - 1] else 1
            distance[i][j] = min(distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + change)
    return distance[-1][-1]


def test_one_program_on_strings_on_lists_and_on_categoricals() -> None:
    def of_words(p: Any, q: Any) -> Any:
        return levenshtein(categorical(p), categorical(q))

    a, b = "gattaca", "tacgac"
    letters = "acgt"
    p, q = (torch.eye(4, dtype=D)[[letters.index(c) for c in word]] for word in (a, b))
    assert relax(levenshtein)(a, b) == levenshtein(a, b) == levenshtein(list(a), list(b))
    assert float(relax(of_words, beta=1e4)(p, q)) == pytest.approx(levenshtein(a, b), abs=1e-3)
    blurred = torch.softmax(3 * p + torch.randn_like(p), 1).requires_grad_()
    together = relax(of_words, beta=9.0, batch=True)(torch.stack([p, blurred]), torch.stack([q, q]))
    torch.testing.assert_close(together[1], relax(of_words, beta=9.0)(blurred, q), atol=1e-4, rtol=1e-4)
    (gradient,) = torch.autograd.grad(relax(of_words, beta=9.0)(blurred, q), blurred)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_outside_a_call() -> None:
    assert probabilities(2, 4).tolist() == [0.0, 0.0, 1.0, 0.0]
    assert probabilities(True, 2).tolist() == [0.0, 1.0]
    for make in (truth, categorical):
        with pytest.raises(RelaxError, match="lives inside a relaxed call only"):
            make(W)
    with pytest.raises(RelaxIndexError, match=r"4 is not among 0, \.\.\., 3"):
        probabilities(4, 4)
    with pytest.raises(RelaxError, match="round it first"):
        probabilities(1.5, 4)


def test_mass_outside() -> None:
    with pytest.raises(RelaxIndexError, match=r"is outside 0, \.\.\., 1 with probability 0\.3"):
        relax(lambda w: probabilities(categorical(w), 2))(W)


def test_what_is_no_probability_is_refused_where_it_matters() -> None:
    def guarded(x: Any) -> Any:
        return (1.0 if truth(x) else 0.0) if x < 1 else 5.0

    xs = torch.tensor([0.5, 40.0], dtype=D)
    assert relax(guarded, batch=True, beta=1e3)(xs).tolist() == pytest.approx([0.5, 5.0])
    with pytest.raises(RelaxError, match="hold 40, which is not between 0 and 1"):
        relax(lambda x: 1.0 if truth(x) else 0.0, batch=True)(xs)
    with pytest.raises(RelaxError, match=r"sum to 1\.5, not to 1"):
        relax(lambda w: categorical(w * 1.5))(W)
    with pytest.raises(RelaxError, match=r"hold -0\.2"):
        relax(lambda w: categorical(torch.cat([-w[:1], 2 * w[:1], w[1:]])))(W)
    with pytest.raises(RelaxError, match="no probabilities"):
        relax(lambda w: categorical(w[:0]))(W)
    half = torch.softmax(torch.randn(50), 0).to(torch.float16)
    assert relax(lambda w: categorical(w) * 1.0)(half).dtype == torch.float16


def test_soft_numbers_made_inside() -> None:
    def program(n: Any) -> Any:
        level = soft(0.5)
        return 1.0 if n * 0.25 > level else 0.0

    result = relax(program, beta=2.0)(3)
    assert isinstance(result, Tensor)
    assert float(result) == pytest.approx(1 / (1 + torch.tensor(-0.5).exp().item()), rel=1e-5)
