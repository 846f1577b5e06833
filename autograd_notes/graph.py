"""The graph that `backward()` walks, as a networkx graph."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from autograd_notes._checks import check_tensor
from autograd_notes._modes import recomputed

if TYPE_CHECKING:
    import networkx  # type: ignore[import-untyped]  # noqa: ICN001  # the name that Sphinx looks up


def backward_graph(tensor: Tensor, names: Mapping[str, Tensor] | None = None) -> "networkx.DiGraph":
    r"""Return the graph that ``tensor.backward()`` would walk, without walking it.

    .. math:: (f, g) \in E \iff f \text{ hands a gradient to } g

    The result is a record of this moment: it holds numbers and text, and keeps no tensor alive.

    **Nodes.** The backward functions and the leaves are numbered from 0, the function of `tensor`
    itself, in the order of their distance from it. What function `n` saved under the name `slot`
    is the node `(n, slot)`. Each node has the attributes

    - `kind`: ``"function"``, ``"leaf"`` or ``"saved"``;
    - `name`: of the function, ``"AccumulateGrad"`` for a leaf, or the slot;
    - `tensor`: its name in `names`, or None. A function stands for the tensor that it made in the
      forward, and takes the gradient of;
    - `shape`, a tuple, and `dtype`: of that tensor, and so of its gradient. None for a function
      with several results, and for a freed tensor; a nested tensor has no `shape`;
    - `state`: ``"kept"``, or for a saved tensor also ``"freed"``, ``"changed in place"`` or, in a
      checkpoint that is not reentrant, ``"recomputed"``;
    - `label`: the same in two lines.

    **Edges** point where the numbers go during ``backward``: from a function to those that take
    its gradients, down to the leaves, and from a saved tensor to the function that reads it. The
    former have the attribute `count`, how many gradients go that way: two for ``x * x``.

    Args:
        tensor: one that requires grad, of any shape; a leaf makes a graph of one node.
        names: the names of tensors. A tensor is recognised by identity, not by its values: a copy
            or a view is another tensor. Of two names for one tensor, the last is taken.

    Returns:
        The graph, as a :class:`networkx.DiGraph`.

    Raises:
        TypeError: if `tensor`, or one of `names`, is not a tensor, or `names` is not a mapping from
            strings.
        ValueError: if `tensor` has no graph.

    Looking at a saved tensor calls its unpack hook, if any, and passes its errors on; that of
    a checkpoint, which would run the model, is not called. A custom
    :class:`torch.autograd.Function` shows the tensors given to ``save_for_backward``, not the
    attributes of `ctx`; once freed, one node ``tensors`` stands for all of them, even for none.

    Example:
        >>> import torch
        >>> from autograd_notes import backward_graph
        >>> x = torch.tensor([[1.0], [5.0]], requires_grad=True)
        >>> graph = backward_graph(x.exp().sum(), names={"x": x})
        >>> for node, label in graph.nodes(data="label"):
        ...     print(node, label.split("\n"))
        0 ['SumBackward0', '()']
        1 ['ExpBackward0', '(2, 1)']
        (1, 'result') ['saved result', '(2, 1)']
        2 ['AccumulateGrad', 'x (2, 1)']
        >>> list(graph.edges)
        [(0, 1), (1, 2), ((1, 'result'), 1)]

    Agrees with ``grad_fn`` and :attr:`torch.autograd.graph.Node.next_functions`.
    """
    _check_graph(tensor)
    known = _named({} if names is None else names)
    # Lazy: torch depends on networkx, but does not import it either.
    from networkx import DiGraph  # noqa: PLC0415

    graph = DiGraph()
    functions = [_edge(tensor)[0]]
    numbers = {functions[0]: 0}
    for function in functions:  # the list grows: recursion would have a limit of depth
        number = numbers[function]
        graph.add_node(number, **_function(function, known))
        for slot, saved in _saved(function):
            graph.add_node((number, slot), **_saved_tensor(slot, saved, known))
            graph.add_edge((number, slot), number)
        taking = Counter(taker for taker, _ in function.next_functions if taker is not None)
        for taker, count in taking.items():
            if taker not in numbers:
                numbers[taker] = len(functions)
                functions.append(taker)
            graph.add_edge(number, numbers[taker], count=count)
    return graph


def _check_graph(tensor: Tensor) -> None:
    check_tensor("tensor", tensor)
    if tensor.requires_grad:
        return
    if not (tensor.is_floating_point() or tensor.is_complex()):
        why = f"nothing of dtype {tensor.dtype} has a gradient"
    elif tensor.is_inference():
        why = "it was made under torch.inference_mode()"
    else:
        why = "it was made of nothing that requires grad, or under torch.no_grad(), "
        why += "or it was detached"
    raise ValueError(f"tensor: expected one that requires grad, got one without a graph: {why}")


_Key = tuple[Node, int] | int


def _key(tensor: Tensor) -> _Key:
    """Return the identity of a tensor: a saved one may come back as another object."""
    return _edge(tensor) if tensor.requires_grad else id(tensor)


def _edge(tensor: Tensor) -> tuple[Node, int]:
    """Return the function of `tensor`, and which of its outputs `tensor` is."""
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_nr
    # get_gradient_edge takes no sparse or nested leaf, and none inside inference_mode.
    with torch.inference_mode(mode=False), torch.enable_grad():
        dense = tensor.layout == torch.strided and not tensor.is_nested
        user: Any = (tensor.view_as(tensor) if dense else tensor.clone()).grad_fn
    return user.next_functions[0]  # type: ignore[no-any-return]


def _named(names: Mapping[str, Tensor]) -> dict[_Key, str]:
    if not isinstance(names, Mapping):
        raise TypeError(
            f"names: expected a mapping from names to tensors, got {type(names).__name__}"
        )
    for name, tensor in names.items():
        if not isinstance(name, str):
            raise TypeError(f"names: expected strings as keys, got {name!r}")
        check_tensor(f"names[{name!r}]", tensor)
    return {_key(tensor): name for name, tensor in names.items()}


def _function(function: Node, known: dict[_Key, str]) -> dict[str, Any]:
    name = function.name().removeprefix("torch::autograd::")
    made = function._input_metadata  # noqa: SLF001  # the shapes have no public name
    names = [known[function, i] for i in range(len(made)) if (function, i) in known]
    one = made[0] if len(made) == 1 else None
    nested = one is not None and (one.is_nested_tensor or one.is_cpp_nested_tensor)
    return _node(
        kind="leaf" if name == "AccumulateGrad" else "function",
        name=name,
        tensor=", ".join(names) or None,
        shape=None if one is None or nested else tuple(one.shape),
        dtype=one and one.dtype,
        what="nested" if nested else None if one else f"({len(made)} outputs)",
    )


def _saved_tensor(slot: str, saved: Tensor | str, known: dict[_Key, str]) -> dict[str, Any]:
    if isinstance(saved, str):
        return _node(kind="saved", name=slot, state=saved, what=saved)
    return _node(
        kind="saved",
        name=slot,
        tensor=known.get(_key(saved)),
        shape=None if saved.is_nested else tuple(saved.shape),
        dtype=saved.dtype,
        what="nested" if saved.is_nested else None,
    )


def _node(
    *,
    kind: str,
    name: str,
    tensor: str | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: torch.dtype | None = None,
    state: str = "kept",
    what: str | None = None,
) -> dict[str, Any]:
    first = f"saved {name}" if kind == "saved" else name
    second = " ".join(filter(None, [tensor, what or str(shape)]))
    label = f"{first}\n{second}"
    return {
        "kind": kind,
        "name": name,
        "tensor": tensor,
        "shape": shape,
        "dtype": dtype,
        "state": state,
        "label": label,
    }


def _saved(function: Node) -> Iterator[tuple[str, Tensor | str]]:
    """Yield the name of each saved tensor, and the tensor, or its state if it can't be read."""
    for attribute in dir(type(function)):
        if not attribute.startswith(("_saved_", "saved_tensors")):
            continue
        slot = attribute.removeprefix("_saved_").removeprefix("saved_")
        try:
            value = recomputed(getattr(function, f"_raw_{attribute.removeprefix('_')}", None))
            value = getattr(function, attribute) if value is None else value
        except RuntimeError as error:
            if "already been freed" in str(error):
                yield slot, "freed"
            elif "modified by an inplace operation" in str(error):
                yield slot, "changed in place"
            else:
                raise
            continue
        if isinstance(value, (Tensor, str)):
            yield slot, value
        elif isinstance(value, tuple):
            found = ((f"{slot}[{i}]", v) for i, v in enumerate(value))
            yield from ((name, v) for name, v in found if isinstance(v, (Tensor, str)))
