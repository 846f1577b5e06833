"""The losses of a chunk of samples, with their gradients: of classes, smoothed, of probabilities.

Each overwrites the buffer `p`, which may be the logits `x` themselves. `dim` is the dimension of
the classes.
"""

import torch
from torch import Tensor

from autograd_notes._modes import read
from autograd_notes.chunked._batch import wide_dtype


def widened(x: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in the dtype of sums, and the buffer for their probabilities."""
    wide = wide_dtype(x.dtype)
    if p.dtype != wide:  # 16-bit products of an accelerator
        x = x.to(wide)
        return x, x
    return (x if x.dtype == wide else p.copy_(x)), p


def class_losses(x: Tensor, dim: int, target: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return -log(p) of one class each, (p - onehot) * total, and total, the sum of p.

    The sum of the other probabilities keeps the digits that 1 - p would lose, and is more accurate
    than the sum by which the kernel divides. If p underflows, the loss is computed from the logits,
    before they are overwritten.
    """
    wide = wide_dtype(x.dtype)
    picked = x.gather(dim, target).to(wide)
    unlikely = picked - x.amax(dim, keepdim=True) < -80 if p is x else None
    exact = None if unlikely is None else losses_from_logits(x, dim, picked, unlikely)
    logits, p = widened(x, p)
    p = torch.softmax(logits, dim, out=p)
    likelihood = p.gather(dim, target)
    if unlikely is None:
        unlikely = likelihood < torch.finfo(wide).tiny
        exact = losses_from_logits(x, dim, picked, unlikely)
    rest = p.scatter_(dim, target, 0.0).sum(dim, keepdim=True)
    total = rest + likelihood
    likely = (rest / likelihood).log1p()
    losses = torch.where(rest < likelihood, likely, total.log() - likelihood.log())
    losses = losses if exact is None else torch.where(unlikely, exact, losses)
    return losses.squeeze(dim), p.scatter_(dim, target, -rest), total.squeeze(dim)


def losses_from_logits(x: Tensor, dim: int, picked: Tensor, needed: Tensor) -> Tensor | None:
    """Return -log(p) from the logits, or None if it is known that none is needed."""
    if read(needed.any()) is False:
        return None
    return x.to(picked.dtype).logsumexp(dim, keepdim=True) - picked


def smoothed_losses(
    x: Tensor, dim: int, target: Tensor, weight: Tensor | None, smoothing: float, *, p: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of smoothed classes q, p - q / total, and total, the sum of q.

    q is `share` for each class and `hard` more for the target, times the class weights.
    """
    logits, p = widened(x, p)
    log_p = torch.log_softmax(logits, dim, out=p)
    index, share = target.unsqueeze(dim), smoothing / x.shape[dim]
    hard = (1 - smoothing) * (
        torch.ones_like(target, dtype=p.dtype) if weight is None else weight.flatten()[target]
    )
    total = hard + (smoothing if weight is None else share * weight.sum())
    rest = (log_p if weight is None else log_p * weight).sum(dim)
    losses = -(hard * log_p.gather(dim, index).squeeze(dim) + share * rest)
    if not known_finite(losses):
        q = torch.full_like(log_p, share) * (1.0 if weight is None else weight)
        losses = masked_losses(log_p, dim, q.scatter_add_(dim, index, hard.unsqueeze(dim)))
    inverse = total.masked_fill(total == 0, 1.0).reciprocal().unsqueeze(dim)
    shares = share * inverse if weight is None else share * inverse * weight
    p = log_p.exp_().sub_(shares)
    return losses, p.scatter_add_(dim, index, -hard.unsqueeze(dim) * inverse), total


def expected_losses(
    x: Tensor, dim: int, target: Tensor, weight: Tensor | None, smoothing: float, *, p: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the sum of -q log(p) for class probabilities q, and its gradient."""
    logits, p = widened(x, p)
    log_p = torch.log_softmax(logits, dim, out=p)
    q = target.to(wide_dtype(target.dtype))
    q = (1 - smoothing) * q + smoothing / x.shape[dim] if smoothing else q
    q = q if weight is None else q * weight
    losses = -(q * log_p).sum(dim)
    if not known_finite(losses):
        losses = masked_losses(log_p, dim, q)
    return losses, log_p.exp_().mul_(q.sum(dim, keepdim=True)).sub_(q)


def known_finite(losses: Tensor) -> bool:
    """Return whether all losses are finite, or False if this can't be read."""
    return read(losses.isfinite().all()) is True


def masked_losses(log_p: Tensor, dim: int, q: Tensor) -> Tensor:
    """Return the sum of -q log(p), where 0 log(0) is 0."""
    impossible = (q == 0) & log_p.isneginf()
    return -(q * log_p.masked_fill(impossible, 0.0)).sum(dim)
