"""Trees with MLP leaves: the published soft training forward, and dense forms with a temperature and with
straight-through decisions."""

import torch

import layers
import trees
from store import write_case

TOKENS, WIDTH, LEAF, DEPTH = 20, 10, 4, 3


class _DoubleTorch:
    """The published forward allocates with dtype=torch.float;
    its double twin sees this module instead, where torch.float is float64."""

    float = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def _published(fff, tree, x, hard=False):
    """The published training forward: (y, mean entropy over nodes of the batch mean), in x's precision."""
    fff.torch = _DoubleTorch() if x.dtype == torch.float64 else torch
    try:
        y, entropies = tree.training_forward(x, return_entropies=True, use_hard_decisions=hard)
    finally:
        fff.torch = torch
    return y, entropies.mean()


def _logits(tree, x):
    return x @ tree.node_weights.T + tree.node_biases.T


def _leaf_outputs(tree, x):
    hidden = tree.activation(torch.einsum("nd,ldw->nlw", x, tree.w1s) + tree.b1s)
    return torch.einsum("nlw,lwo->nlo", hidden, tree.w2s) + tree.b2s


def dense(tree, x, decide):
    """The same function written as a sum over all leaves; decide(logits) gives c."""
    leaves = 2**DEPTH
    logits = _logits(tree, x)
    padded = torch.cat((decide(logits), torch.zeros_like(x[:, :1]).expand(-1, leaves)), dim=1)
    rho = trees.path_weights(padded, DEPTH)
    return (rho[:, -leaves:, None] * _leaf_outputs(tree, x)).sum(1), logits, rho


def _tree(fff, seed):
    torch.manual_seed(seed)
    tree = fff.FFF(WIDTH, LEAF, WIDTH, DEPTH).train()
    with torch.no_grad():
        tree.node_weights.normal_(std=0.5)
        tree.w1s.normal_(std=0.5), tree.b1s.normal_(std=0.3), tree.w2s.normal_(std=0.5), tree.b2s.normal_(std=0.3)
    return tree, torch.randn(TOKENS, WIDTH), torch.randn(TOKENS, WIDTH)


def _hard(fff, tree, x, tensors):
    """Hard inference. The published eval_forward forgets the second bias;
    the training forward with hard decisions has it."""
    with torch.no_grad():
        logits = _logits(tree, x)
        node = torch.zeros(len(x), dtype=torch.long)
        for _ in range(DEPTH):
            right = logits.gather(1, node[:, None])[:, 0] >= 0
            node = 2 * node + 1 + right
        leaf = node - (2**DEPTH - 1)
        hard, _ = _published(fff, tree, x, hard=True)
        evaluated = tree.eval_forward(x)
        assert (hard - evaluated - tree.b2s[leaf]).abs().max() < 1e-5, "eval_forward is expected to lack b2s"
        double = tree.double()
        hard64, _ = _published(fff, double, x.double(), hard=True)
        tree.float()
    tensors.update({"output/leaf": leaf, "output/hard": hard, "f64/output/hard": hard64})


def _margin(tree, x):
    """Distance from the nearest tie of a decision and the nearest kink of a ReLU."""
    with torch.no_grad():
        pre = torch.einsum("nd,ldw->nlw", x, tree.w1s) + tree.b1s
        return min(_logits(tree, x).abs().min().item(), pre.abs().min().item())


def _case(fff, name, about, compute, seed, **document):
    def make_case(seed):
        tree, x, dy = _tree(fff, seed)
        tensors, errors = layers.run(tree, x, dy, compute)
        _hard(fff, tree, x, tensors)
        return tensors, {"errors": errors}, _margin(tree, x)

    tensors, found = layers.search(make_case, seed, floor=1e-4)
    if name == "leaf_straight_through":
        assert (tensors["output/y"] - tensors["output/hard"]).abs().max() < 1e-5, (
            "straight-through must equal hard inference")
    write_case(name, tensors, {"about": about, "depth": DEPTH, "width": WIDTH, "leaf_width": LEAF, "tokens": TOKENS,
                               "activation": "relu", **document, **found})


def _soft(fff):
    def compute(tree, x):
        y, entropy = _published(fff, tree, x)
        own, logits, rho = dense(tree, x, lambda l: trees.soft(l, 1.0))
        assert (own - y).abs().max() < 1e-5
        return {"y": y, "entropy_all_nodes": entropy, "entropy": trees.path_entropy(logits, rho, DEPTH, 1.0)}

    return compute


def _soft_tau(tree, x, tau=0.5):
    y, logits, rho = dense(tree, x, lambda l: trees.soft(l, tau))
    return {"y": y, "entropy": trees.path_entropy(logits, rho, DEPTH, tau)}


def _straight(tree, x):
    y, _, _ = dense(tree, x, lambda l: trees.straight_through(l, 0.7, l >= 0))
    return {"y": y}


def make(fff):
    _case(fff, "leaf_soft",
          "The published soft training forward (tau 1): y, the all-nodes entropy and its gradients under "
          "entropy_all_nodes/; the path-weighted entropy under entropy/; hard inference with its leaf.",
          _soft(fff), 100, tau=1.0)
    _case(fff, "leaf_soft_tau",
          "Soft decisions with tau 0.5 in the dense form, and the path-weighted entropy under entropy/.",
          _soft_tau, 200, tau=0.5)
    _case(fff, "leaf_straight_through",
          "Straight-through decisions with tau 0.7 in the dense form: right where logit >= 0.",
          _straight, 300, tau=0.7)
