"""Which runs the experiment has, those that say most first."""

import collections
import fnmatch
import re

# The published variants, and what stands for them here: they have 3072 to 4095 neurons beside a width of 768, these a
# third of the trees beside a width of 256, trained hard as the published ones were. Of 4x9, 2x10 and 1x11 there remains
# one tree, which is 0.8, 1.5 and 3 times as large as a third of them.
PAPER = {"3072x0": "dense-1024", "1536x1": "512x1+hard", "512x2": "171x2+hard", "256x3": "85x3+hard",
         "128x4": "43x4+hard", "64x5": "21x5+hard", "32x6": "11x6+hard", "16x7": "5x7+hard", "8x8": "3x8+hard",
         "4x9": "1x9+hard", "2x10": "1x10+hard", "1x11": "1x11+hard"}

# LAYER+NAME: a layer with one thing changed.
VARIANTS = {
    "hard": ["routing.mode=hard"],  # decisions get no gradient: cheaper than straight-through
    "muon": ["train.optimizer=muon"],
}

SHORT, LONG, RACE = 5, 20, 60  # processor minutes
EQUAL, EQUAL_TOKENS = 0, 2**21  # the budget of PAPER's: these tokens, whatever time they take
EVALUATIONS = {EQUAL: 4, SHORT: 6, LONG: 10, RACE: 12}

Run = collections.namedtuple("Run", "layer minutes rate seed")
Block = collections.namedtuple("Block", "minutes layers rates seeds")

SWEPT = ["none", "dense-16", "dense-64", "dense-256", "1x7", "1x9", "1x11", "4x7", "leaf-4x64"]
FRONT = ["dense-64", "4x7+hard", "dense-16", "1x9+hard"]  # at 20 minutes: the best two of each kind
BEST = ["dense-64", "4x7+hard"]  # of equals the one that uses more neurons: longer runs want wider layers
PLAN = [
    # Rates, by powers of two until the best is enclosed; below 2e-3 all five that were tried lost 0.19 and more.
    Block(SHORT, SWEPT, [4e-3, 2e-3, 8e-3], [1]),
    Block(SHORT, ["none", "dense-64", "1x7", "1x9", "leaf-4x64"], [1.6e-2], [1]),
    Block(SHORT, ["none", "dense-16", "dense-256", "1x9", "1x11"], [1e-3], [1]),
    # These see half the tokens of dense-16 or fewer, which is 0.3 nats and more, several times what layers differ by.
    Block(SHORT, ["dense-1024", "32x5", "128x4"], [4e-3, 2e-3], [1]),
    # 8x6, 16x3 and 32x1 use 56, 64 and 64 neurons a token.
    Block(SHORT, ["dense-4095", "8x6", "16x3", "32x1"], [4e-3], [1]),
    # The best rate of 5 minutes is 4e-3 or at most 0.055 better than that, and longer runs want smaller ones.
    Block(LONG, SWEPT[:4] + SWEPT[5:] + ["1x9+hard", "1x11+hard", "4x7+hard"], [4e-3], [1]),
    Block(LONG, ["none", "1x9", "dense-64"], [8e-3], [1]),
    Block(RACE, BEST, [4e-3], [1, 2]),
    Block(LONG, FRONT, [4e-3], [2, 3]),
    Block(EQUAL, list(PAPER.values()), [2e-3], [1]),
    # The optimizer at equal time.
    Block(LONG, [layer + "+muon" for layer in BEST], [4e-3], [1, 2, 3]),
]


def budget_name(minutes):
    return "equal" if minutes == EQUAL else f"{minutes}m"


def run_name(run):
    return f"{run.layer}_{budget_name(run.minutes)}_lr{run.rate:g}_s{run.seed}"


def named_run(name):
    """The run of that whole name, planned or not; None where it is no such name."""
    found = re.fullmatch(r"(.+)_(equal|\d+m)_lr([\d.]+(?:e-\d+)?)_s(\d+)", name)
    budgets = {budget_name(minutes): minutes for minutes in EVALUATIONS}
    if not found or found[2] not in budgets or not is_layer(found[1]):
        return None
    run = Run(found[1], budgets[found[2]], float(found[3]), int(found[4]))
    return run if run_name(run) == name else None


Shape = collections.namedtuple("Shape", "trees depth leaf_width")  # leaf_width 0: of neurons alone


def tree_shape(layer):
    """Of KxD, K trees of neurons, and leaf-DxW, a tree of gates with W neurons in each leaf; None without trees."""
    found = re.fullmatch(r"(leaf-)?(\d+)x(\d+)", layer.split("+")[0])
    if not found:
        return None
    first, second = int(found[2]), int(found[3])
    return Shape(1, first, second) if found[1] else Shape(first, second, 0)


def neurons(layer):
    """(neurons of the layer, those that a token uses), gates among them"""
    shape = tree_shape(layer)
    if shape and shape.leaf_width:
        return 2 ** shape.depth * (shape.leaf_width + 1) - 1, shape.depth + shape.leaf_width
    if shape:
        return shape.trees * (2 ** (shape.depth + 1) - 1), shape.trees * (shape.depth + 1)
    width = int(layer.split("+")[0].removeprefix("dense-").replace("none", "0"))
    return width, width


def overrides(layer):
    """Of base.yaml, as arguments of the program."""
    shape = tree_shape(layer)
    variants = [setting for name in layer.split("+")[1:] for setting in VARIANTS[name]]
    if shape and shape.leaf_width:
        return ["arch.ffn.type=leaf_tree", "arch.ffn.leaf_activation=gelu", f"arch.ffn.depth={shape.depth}",
                f"arch.ffn.leaf_width={shape.leaf_width}"] + variants
    if shape:
        return ["arch.ffn.type=neuron_tree", f"arch.ffn.trees={shape.trees}",
                f"arch.ffn.depth={shape.depth}"] + variants
    return ["arch.ffn.type=dense", f"arch.ffn.width={neurons(layer)[0]}"] + variants


def by_kind(layer):
    """Order of tables and colours: none, dense, trees by the neurons that a token uses."""
    return tree_shape(layer) is not None, neurons(layer)[1], neurons(layer)[0]


def is_layer(name):
    layer, *variants = name.split("+")
    known = all(variant in VARIANTS for variant in variants)
    return known and re.fullmatch(r"none|dense-[1-9]\d*|[1-9]\d*x\d+|leaf-\d+x[1-9]\d*", layer) is not None


def whole_plan(named=()):
    """All runs, finished ones too, each once, and those of these names."""
    planned = [Run(layer, block.minutes, rate, seed)
               for block in PLAN for rate in block.rates for seed in block.seeds for layer in block.layers]
    return list(dict.fromkeys(planned + [named_run(name) for name in named if named_run(name)]))


def chosen(runs, patterns):
    """Those whose layer, name or budget (5m) matches a pattern; all without patterns."""
    def matches(run, pattern):
        return any(fnmatch.fnmatchcase(text, pattern)
                   for text in (run.layer, run_name(run), budget_name(run.minutes)))
    return [run for run in runs if not patterns or any(matches(run, pattern) for pattern in patterns)]
