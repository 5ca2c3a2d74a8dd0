"""Single layers of neuron trees: hard (the original's), straight-through and soft with path-weighted entropy (dense
forms of its subclass)."""

import torch

import layers
import trees
from store import write_case

TOKENS, WIDTH = 24, 12


def _layer(kind, trees_, depth, seed):
    torch.manual_seed(seed)
    layer = kind(WIDTH, WIDTH, depth, trees_)
    with torch.no_grad():
        layer.linear_in.weight.normal_(std=0.4)
        layer.linear_in.bias.normal_(std=0.3)
        layer.linear_out.weight.normal_(std=0.4)
    return layer, torch.randn(TOKENS, WIDTH), torch.randn(TOKENS, WIDTH)


def _logits(layer, x):
    return layer.linear_in(x).view(-1, layer.parallel_size, layer.n_nodes)


def _case(name, about, kind, trees_, depth, compute, seed, *, extra=None, saturate=False, **document):
    def make_case(seed):
        layer, x, dy = _layer(kind, trees_, depth, seed)
        if saturate:
            x[:3] *= 12.0
        tensors, errors = layers.run(layer, x, dy, compute)
        tensors["output/logits"], tensors["f64/output/logits"] = _logits(layer, x), _logits(layer.double(), x.double())
        layer.float()
        if extra:
            extra(layer, x, tensors)
        return tensors, {"errors": errors}, tensors["output/logits"].abs().min().item()

    tensors, found = layers.search(make_case, seed, floor=1e-3)
    write_case(name, tensors,
               {"about": about, "trees": trees_, "depth": depth, "width": WIDTH, "tokens": TOKENS, **document, **found})


def _check_straight_through(original):
    """Forward bits are the original's; rows of nodes off every token's path get exactly no gradient."""

    def check(layer, x, tensors):
        hard = original.fff(WIDTH, WIDTH, layer.depth, layer.parallel_size)
        hard.load_state_dict(layer.state_dict())
        assert torch.equal(hard(x), tensors["output/y"]), (
            "straight-through must equal the hard layer in the forward pass")
        layer(x)
        unvisited = (layer.rho.sum(0) == 0).flatten()
        assert unvisited.any(), "the case should have a node that no token visits"
        assert ((tensors["grad/linear_in.weight"][unvisited] == 0).all() and
                (tensors["grad/linear_out.weight"][:, unvisited] == 0).all())

    return check


def _with_entropy(tau):
    def compute(layer, x):
        y = layer(x)
        return {"y": y, "rho": layer.rho, "entropy": trees.path_entropy(layer.logits, layer.rho, layer.depth, tau)}

    return compute


def make(original):
    plain = lambda layer, x: {"y": layer(x)}
    hard = "The original's layer alone. output/y for input/x, grad/... for the upstream gradient input/dy."
    _case("layer_hard_2x3", hard, original.fff, 2, 3, plain, 10, tau=None)
    _case("layer_hard_1x5", hard, original.fff, 1, 5, plain, 20, tau=None)
    _case("layer_hard_7x0", hard + " Depth 0: every neuron is a tree.", original.fff, 7, 0, plain, 30, tau=None)
    straight = "Straight-through decisions in the dense form; output/y is bit for bit the hard layer's."
    for trees_, depth, seed in ((2, 3, 40), (1, 5, 50)):
        _case(f"layer_straight_through_{trees_}x{depth}", straight, trees.straight_through_tree(original.fff, 0.7),
              trees_, depth, plain, seed, tau=0.7, extra=_check_straight_through(original))
    _case("layer_soft_2x3",
          "Soft decisions in the dense form, with the path-weighted entropy and its own gradients under entropy/. "
          "The first three tokens are large, so that some decisions are saturated and clamped.",
          trees.soft_tree(original.fff, 0.5), 2, 3, _with_entropy(0.5), 60, tau=0.5, saturate=True)
