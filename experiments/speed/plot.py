"""Plots of results/*/layer.json as SVG beside them, where matplotlib is there; it is no requirement."""

import glob
import json
import os
import sys

import common


def line(axes, rows, x, key, label):
    points = sorted((row[x], row[key]) for row in rows if row.get(key))
    if points:
        axes.plot(*zip(*points), marker="o", label=label)


def plot(path, pyplot):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    rows = document["rows"]
    tokens = max(set(row["tokens"] for row in rows), key=[row["tokens"] for row in rows].count)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5))
    by_depth = [row for row in rows if row["tokens"] == tokens]
    by_tokens = [row for row in rows if row["depth"] == 11]
    for axes, chosen, x in ((left, by_depth, "depth"), (right, by_tokens, "tokens")):
        line(axes, chosen, x, "bound", "arithmetic bound")
        line(axes, chosen, x, "ratio", "espalier")
        line(axes, chosen, x, "torch_batched_speedup", "PyTorch, batched products")
        line(axes, chosen, x, "torch_masked_speedup", "PyTorch, masked")
        axes.set_yscale("log")
        axes.set_xlabel(x)
        axes.set_ylabel("speed-up over the dense layer")
        axes.grid(alpha=0.3)
    right.set_xscale("log", base=2)
    left.legend()
    left.set_title(f"{tokens} tokens")
    right.set_title("1x11")
    machine = document["machine"]
    figure.suptitle(f"768 wide, {machine['cpu']}, {machine['isa']}, {machine['threads']} threads")
    figure.tight_layout()
    figure.savefig(path.replace(".json", ".svg"))


def main():
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("speed: no matplotlib, so no plots (pip install it into the environment for them)", file=sys.stderr)
        return
    for path in glob.glob(os.path.join(common.HERE, "results", "*", "layer.json")):
        plot(path, pyplot)


if __name__ == "__main__":
    main()
