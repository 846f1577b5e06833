"""What `backward(v)` computes, and how softmax and a likelihood become `cross_entropy`.

The definitions that the site explains, to import and to read. `losses` holds softmax, its
logarithm and the three losses built on them; `backward` holds worked examples of the
vector-Jacobian product beside the Jacobian itself; `graph` shows the graph that is walked for it;
`chunked` holds the loss again, for logits that are large.
"""

from autograd_notes.backward import BackwardRun, linear_map, quadratic_form, run_backward
from autograd_notes.chunked import chunked_cross_entropy, linear_cross_entropy
from autograd_notes.graph import backward_graph, draw_graph
from autograd_notes.losses import cross_entropy, log_softmax, logsumexp, nl, nll, softmax

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
