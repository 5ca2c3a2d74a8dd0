"""Plots of results/*/layer.json and growth.json as SVG beside them; needs matplotlib (see plot.sh)."""

import glob
import os

from matplotlib import pyplot

import common


def title(document, text):
    machine = document["machine"]
    return f"{text}, {machine['cpu']}, {machine['isa']}, {machine['threads']} threads"


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path.replace(".json", ".svg"), metadata={"Date": None})
    pyplot.close(figure)


def line(axes, rows, x, key, label):
    points = sorted((row[x], row[key]) for row in rows if row.get(key))
    if points:
        axes.plot(*zip(*points), marker="o", label=label)


def plot_layer(path):
    document = common.documents.read(path)
    rows = document["rows"]
    tokens = max(set(row["tokens"] for row in rows), key=[row["tokens"] for row in rows].count)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    by_depth = [row for row in rows if row["tokens"] == tokens]
    by_tokens = [row for row in rows if row["depth"] == 11]
    for axes, chosen, x in ((left, by_depth, "depth"), (right, by_tokens, "tokens")):
        line(axes, chosen, x, "bound", "arithmetic bound")
        line(axes, chosen, x, "ratio", "espalier")
        line(axes, chosen, x, "torch_batched_speedup", "PyTorch, batched products")
        line(axes, chosen, x, "torch_masked_speedup", "PyTorch, masked")
        axes.set_yscale("log")
        axes.set_xlabel(x)
        axes.grid(alpha=0.3)
    left.set_ylabel("speed-up over our dense layer")
    right.set_xscale("log", base=2)
    left.legend()
    left.set_title(f"1 tree, {tokens} tokens")
    right.set_title("1x11")
    figure.suptitle(title(document, "one layer, 768 wide, forward"))
    save(figure, path)


def plot_growth(path):
    document = common.documents.read(path)
    rows = document["rows"]
    figure, axes = pyplot.subplots(figsize=(6.5, 4.5))
    for key, label in (("ms", "forward"), ("ms_backward", "forward and backward"), ("dense_ms", "dense, forward"),
                       ("dense_ms_backward", "dense, forward and backward")):
        line(axes, rows, "neurons", key, label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("neurons of the layer; a token uses 16")
    axes.set_ylabel(f"ms for {rows[0]['tokens']} tokens")
    for row in rows:
        axes.annotate(row["case"], (row["neurons"], row["ms"]), textcoords="offset points", xytext=(0, -12),
                      ha="center", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title(document, "768 wide"), fontsize=10)
    save(figure, path)


PLOTS = {"layer": plot_layer, "growth": plot_growth}


def main():
    folder = os.environ.get("SPEED_RESULTS", os.path.join(common.HERE, "results"))
    pyplot.switch_backend("Agg")
    # The same file for the same results.
    pyplot.rcParams["svg.hashsalt"] = "espalier"
    for part, plot in PLOTS.items():
        for path in sorted(glob.glob(os.path.join(folder, "*", part + ".json"))):
            plot(path)
            common.say("drew " + path.replace(".json", ".svg"))


if __name__ == "__main__":
    main()
