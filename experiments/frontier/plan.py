"""Which runs the experiment has, in the order in which they are worth most."""

import collections
import fnmatch
import re

# The layers of the first group are run first.
FIRST = ["dense-16", "dense-256", "1x9", "none", "1x11", "32x5", "1x7", "dense-1024", "128x4"]
# 32x1, 16x3 and 8x7 use 64 neurons a token, as many as dense-64. Hard routing is cheaper than straight-through: forests
# get half as fast again. leaf-4x64: of 16 MLPs of 64 neurons, as many as dense-64, a token's path chooses one.
THEN = ["leaf-4x64", "dense-64", "dense-4095", "4x7", "4x7+hard", "8x6", "32x1", "16x3", "8x7", "1x9+hard",
        "32x5+hard", "128x4+hard"]
# These have no 20 minutes: they see about half the tokens of dense-16 or fewer, and half the tokens are 0.3 nats and
# more, which is several times what the layers' losses differ by.
TOO_SLOW = {"dense-1024", "dense-4095", "32x5", "128x4", "128x4+hard"}
# The published variants, and what stands for them here: they have 3072 to 4095 neurons beside a width of 768, these a
# third of the trees beside a width of 256, trained hard as the published ones were. Of 4x9, 2x10 and 1x11 there remains
# one tree, which is 0.8, 1.5 and 3 times as large as a third of them.
PAPER = {"3072x0": "dense-1024", "1536x1": "512x1+hard", "512x2": "171x2+hard", "256x3": "85x3+hard",
         "128x4": "43x4+hard", "64x5": "21x5+hard", "32x6": "11x6+hard", "16x7": "5x7+hard", "8x8": "3x8+hard",
         "4x9": "1x9+hard", "2x10": "1x10+hard", "1x11": "1x11+hard"}
PAPER_RATE = 2e-3  # one for all, as published

# LAYER+NAME: a layer with one thing changed.
VARIANTS = {
    "hard": ["routing.mode=hard"],  # decisions get no gradient: cheaper than straight-through
    "rank16": ["arch.ffn.linear_rank=16"],  # a linear path beside the layer, for all tokens
}

SHORT, LONG, RACE = 5, 20, 60  # processor minutes
EQUAL, EQUAL_TOKENS = 0, 2**21  # the budget of PAPER's: these tokens, whatever time they take
RATES = [4e-3, 2e-3, 8e-3]  # tried for all at the short budget, in this order
LOWEST, HIGHEST = 2.5e-4, 1.6e-2  # how far that goes on by factors of two while the best rate is at an end
SEEDS = [1, 2, 3]
FRONT = 6  # layers near the front get all seeds
RACE_SEEDS = [1, 2]
EQUAL_LOSS = 0.01  # less is chance
EVALUATIONS = {EQUAL: 4, SHORT: 6, LONG: 10, RACE: 12}

# rate None: not known before other runs have ended.
Run = collections.namedtuple("Run", "layer minutes rate seed")


def budget_name(minutes):
    return "equal" if minutes == EQUAL else f"{minutes}m"


def run_name(run):
    rate = "tuned" if run.rate is None else f"{run.rate:g}"
    return f"{run.layer}_{budget_name(run.minutes)}_lr{rate}_s{run.seed}"


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


def losses(results, layer, minutes, seed=1):
    """{rate: held-out loss} of the finished runs."""
    return {row["lr"]: row["loss"] for row in results
            if (row["layer"], row["minutes"], row["seed"]) == (layer, minutes, seed)}


def lowest(of):
    return min(of, key=of.get) if of else None


def next_rate(results, layer):
    """The rate beyond those tried, while the best of them is at an end; None where the best is enclosed."""
    done = losses(results, layer, SHORT)
    if any(rate not in done for rate in RATES):
        return None
    best = lowest(done)
    if best == min(done) and best > LOWEST:
        return best / 2
    if best == max(done) and best < HIGHEST:
        return best * 2
    return None


def tuned_rate(results, layer):
    """The best rate of the short budget; None before it is enclosed by others."""
    done = losses(results, layer, SHORT)
    whole = all(rate in done for rate in RATES) and next_rate(results, layer) is None
    return lowest(done) if whole else None


def long_rates(results, layer):
    """The rates of the long budget: the best of the short one and, since longer runs want smaller ones, half of it
    where that is above 4 x 10^-3; [None] before the best is known."""
    rate = tuned_rate(results, layer)
    return [rate, rate / 2] if rate and rate > 4e-3 else [rate]


def best_rate(results, layer, minutes):
    """What further seeds and the race use: the best rate of the budget, of the race that of the long one; None before
    it is known."""
    if minutes == SHORT:
        return tuned_rate(results, layer)
    done = losses(results, layer, LONG)
    return lowest(done) if all(rate in done for rate in long_rates(results, layer)) else None


def near_front(results, minutes, layers):
    """The layers with the lowest losses of the first seed, the best dense one and the best tree among them."""
    best = {layer: min(losses(results, layer, minutes).values(), default=float("inf")) for layer in layers}
    ranked = sorted(layers, key=best.get)  # those without a result keep their order, at the end
    kinds = [[layer for layer in ranked if layer.startswith("dense-")],
             [layer for layer in ranked if tree_shape(layer)]]
    wanted = set(ranked[:FRONT]) | {kind[0] for kind in kinds if kind}
    return [layer for layer in ranked if layer in wanted]


def seeds_of_front(results, minutes, layers):
    """Further seeds near the front, which is known when all layers have run."""
    known = all(best_rate(results, layer, minutes) for layer in layers)
    return [Run(layer, minutes, best_rate(results, layer, minutes) if known else None, seed)
            for seed in SEEDS[1:] for layer in near_front(results, minutes, layers)]


def race(results, layers):
    """The best tree against the best dense layer of the long budget, which is known when all layers have run. Of equals
    the one that uses more neurons: longer runs want wider layers."""
    best = []
    for wanted in (tree_shape, lambda layer: layer.startswith("dense-")):
        loss = {layer: min(losses(results, layer, LONG).values(), default=float("inf"))
                for layer in layers if wanted(layer)}
        equals = [layer for layer in loss if loss[layer] <= min(loss.values()) + EQUAL_LOSS]
        best.append(max(equals, key=lambda layer: neurons(layer)[1]))
    known = all(best_rate(results, layer, RACE) for layer in layers)
    return [Run(layer, RACE, best_rate(results, layer, RACE) if known else None, seed)
            for seed in RACE_SEEDS for layer in best]


def whole_plan(results, extra=()):
    """All runs, finished ones too, those that say most first."""
    runs = []
    then = THEN + [layer for layer in extra if layer not in FIRST + THEN]

    for group in (FIRST, then):
        runs += [Run(layer, SHORT, rate, 1) for rate in RATES for layer in group]
        more = {layer: sorted(set(losses(results, layer, SHORT)) - set(RATES)) for layer in group}
        runs += [Run(layer, SHORT, rate, 1) for layer in group for rate in more[layer]]
        runs += [Run(layer, SHORT, next_rate(results, layer), 1) for layer in group if next_rate(results, layer)]
        runs += [Run(layer, LONG, rate, 1) for layer in group if layer not in TOO_SLOW
                 for rate in long_rates(results, layer)]
    fast = [layer for layer in FIRST + then if layer not in TOO_SLOW]
    runs += seeds_of_front(results, LONG, fast) + race(results, fast)
    runs += [Run(layer, EQUAL, PAPER_RATE, 1) for layer in PAPER.values()]
    return runs + seeds_of_front(results, SHORT, FIRST + then)


def chosen(runs, patterns):
    """Those whose layer, name or budget (5m) matches a pattern; all without patterns."""
    def matches(run, pattern):
        return any(fnmatch.fnmatchcase(text, pattern)
                   for text in (run.layer, run_name(run), budget_name(run.minutes)))
    return [run for run in runs if not patterns or any(matches(run, pattern) for pattern in patterns)]
