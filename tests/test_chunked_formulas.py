"""The losses of one chunk in edge cases: small, unlikely, impossible, 16 bits, no weight."""

import math

import pytest
import torch
from test_chunked import T, results
from test_chunked_chunk import from_clone, from_unit_vectors

from autograd_notes import chunked_cross_entropy, cross_entropy
from autograd_notes.chunked._formulas import widened

INF = math.inf
Q = torch.tensor([[0.5, 0.0, 0.5], [0.25, 0.5, 0.25]])


@pytest.mark.parametrize("shift", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("function", [chunked_cross_entropy, from_clone, from_unit_vectors])
def test_small_loss_keeps_its_digits_beside_an_unlikely_class(function, shift):
    x = torch.tensor([[0.0, -20.0, -20.0], [1000.0, 0.0, 0.0]]) + shift
    losses, _ = results(lambda x: function(x, T, reduction="none"), x)
    expected = torch.tensor([math.log1p(2 * math.exp(-20)), 1000.0])
    torch.testing.assert_close(losses, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("function", [chunked_cross_entropy, from_clone])
def test_unlikely_class_of_16_bits_costs_as_much_in_32(function):
    x = torch.tensor([[0.0, -110.0, 0.0]]).bfloat16()
    with torch.autocast("cpu"):
        loss, _ = results(lambda x: function(x, T[1:]), x)
    torch.testing.assert_close(loss, torch.tensor(110 + math.log(2)))


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (torch.tensor([0, 2]), {"label_smoothing": 0.25}),
        (torch.tensor([0, 2]), {"label_smoothing": 0.25, "weight": torch.tensor([0.5, 2.0, 1.0])}),
        (Q, {}),
    ],
)
def test_impossible_class_changes_the_loss_of_its_sample_alone(target, options):
    x = torch.tensor([[0.0, -INF, 1.0], [2.0, 0.0, -INF]])
    finite = x.nan_to_num(neginf=-3.0)
    for logits in (x, finite, torch.stack([x[0], finite[1]])):
        found, expected = (
            f(logits, target, reduction="none", **options)
            for f in (chunked_cross_entropy, cross_entropy)
        )
        torch.testing.assert_close(found, expected)


def test_smoothed_loss_without_any_weight_is_zero():
    options = {"weight": torch.zeros(3), "label_smoothing": 0.5, "reduction": "sum"}
    loss, gradient = results(lambda x: chunked_cross_entropy(x, T, **options), torch.randn(2, 3))
    assert loss == 0
    assert not gradient.any()


def test_16_bit_products_are_widened_once():
    x = torch.tensor([0.5, 3.0]).half()
    logits, p = widened(x, x)
    assert logits is p
    torch.testing.assert_close(p, torch.tensor([0.5, 3.0]), rtol=0, atol=0)
