"""What `backward(v)` computes, and how softmax and a likelihood become `cross_entropy`.

The definitions that the site explains, to import and to read. `logits` holds softmax and its
logarithm, `losses` the three losses built on them, and `chunked` the same loss for a large
vocabulary; `backward` holds worked examples of the vector-Jacobian product beside the Jacobian;
`graph` records the graph that `backward()` walks, and `graph_drawing` draws it.
"""

from autograd_notes.backward import BackwardRun, linear_map, quadratic_form, run_backward
from autograd_notes.chunked import chunked_cross_entropy, linear_cross_entropy
from autograd_notes.graph import backward_graph
from autograd_notes.graph_drawing import draw_graph
from autograd_notes.logits import log_softmax, logsumexp, softmax
from autograd_notes.losses import cross_entropy, nl, nll

__all__ = [
    "BackwardRun",
    "backward_graph",
    "chunked_cross_entropy",
    "cross_entropy",
    "draw_graph",
    "linear_cross_entropy",
    "linear_map",
    "log_softmax",
    "logsumexp",
    "nl",
    "nll",
    "quadratic_form",
    "run_backward",
    "softmax",
]
