"""Tables and plot of the runs in a folder with speed.json and runs.jsonl: writes table.md and frontier.svg there."""

import argparse
import html
import json
import math
import os
import statistics

import plan

BUDGETS = (plan.SHORT, plan.LONG, plan.RACE)
HERE = os.path.dirname(os.path.abspath(__file__))
# Two-sided 95 % of Student's t by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def read(folder):
    with open(os.path.join(folder, "speed.json"), encoding="utf-8") as file:
        speeds = json.load(file)
    path = os.path.join(folder, "runs.jsonl")
    if not os.path.exists(path):
        return speeds, []
    with open(path, encoding="utf-8") as file:
        return speeds, [json.loads(line) for line in file]


def losses(rows, layer, minutes):
    """{rate: held-out loss} of the first seed."""
    return {row["lr"]: row["loss"] for row in rows if (row["layer"], row["minutes"], row["seed"]) == (layer, minutes, 1)}


def lowest(of):
    return min(of, key=of.get) if of else None


def mean_loss(seeds):
    return statistics.mean(row["loss"] for row in seeds.values())


def interval(values):
    """(mean, half of the 95 % interval, or None of a single value)"""
    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, None
    return mean, STUDENT[len(values) - 1] * statistics.stdev(values) / len(values) ** 0.5


def with_interval(values, form):
    mean, half = interval(values)
    return form.format(mean) + (f" ± {half:.3f}" if half is not None else "")


def best_runs(rows, minutes):
    """{layer: {seed: row}} at the rate with the lowest loss of the first seed."""
    found = {}
    for layer in dict.fromkeys(row["layer"] for row in rows):
        best = lowest(losses(rows, layer, minutes))
        if best is not None:
            found[layer] = {row["seed"]: row for row in rows
                            if (row["layer"], row["minutes"], row["lr"]) == (layer, minutes, best)}
    return found


def baseline(runs):
    """The dense layer with the lowest mean loss, trained by AdamW, or None."""
    dense = {layer: mean_loss(seeds) for layer, seeds in runs.items()
             if layer.startswith("dense-") and "+" not in layer}
    return lowest(dense)


def budget_table(rows, speeds, minutes):
    """Lines of Markdown, none where nothing has run."""
    runs = best_runs(rows, minutes)
    if not runs:
        return []
    against = baseline(runs)
    lines = [f"\n## {minutes} processor minute{'s' if minutes > 1 else ''}\n",
             f"| layer | neurons | used | parameters, M | tokens/s | tokens, M | Tflop | rate, of so many | seeds | "
             f"held-out loss | "
             f"less than {against} | leaves used | leaf perplexity |", "|---" * 13 + "|"]
    for layer, seeds in sorted(runs.items(), key=lambda item: mean_loss(item[1])):
        first, speed = seeds[1], speeds["layers"][layer]
        count, used = plan.neurons(layer)
        shared = [runs[against][seed]["loss"] - row["loss"] for seed, row in seeds.items()
                  if against and seed in runs[against]]
        gain = "" if layer == against or not shared else with_interval(shared, "{:+.3f}")
        leaves = f"{100 * statistics.mean(first['leaves_used']):.0f} %" if first["leaves_used"] else ""
        perplexity = f"{statistics.mean(first['leaf_perplexity']):.1f}" if first["leaf_perplexity"] else ""
        cells = [layer, count, used, f"{speed['parameters'] / 1e6:.2f}", f"{first['tokens_per_s']:.0f}",
                 f"{first['tokens'] / 1e6:.2f}", f"{first['tokens'] * speed['flops_per_token'] / 1e12:.1f}",
                 f"{first['lr']:g}, {len(losses(rows, layer, minutes))}", len(seeds),
                 with_interval([row["loss"] for row in seeds.values()], "{:.3f}"), gain,
                 leaves, perplexity]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def equal_dense(layers, layer):
    """The width at which a dense layer takes a step's time: between the measured widths along straight lines."""
    known = sorted((plan.neurons(name)[0], 1 / speed["tokens_per_s"]) for name, speed in layers.items()
                   if plan.tree_shape(name) is None and "+" not in name)
    time = 1 / layers[layer]["tokens_per_s"]
    for (width0, time0), (width1, time1) in zip(known, known[1:]):
        if time0 <= time <= time1:
            return round(width0 + (width1 - width0) * (time - time0) / (time1 - time0))
    return None


def speed_table(speeds):
    lines = ["\n## Speeds\n", "One thread; `share`: of the matrix product's speed, of each pass over the layers.\n",
             "| layer | neurons | used | parameters, M | Mflop a token | share | tokens/s | dense width of that speed |",
             "|---" * 8 + "|"]
    for layer, speed in sorted(speeds["layers"].items(), key=lambda item: plan.by_kind(item[0])):
        count, used = plan.neurons(layer)
        width = equal_dense(speeds["layers"], layer)
        lines.append(f"| {layer} | {count} | {used} | {speed['parameters'] / 1e6:.2f} | "
                     f"{speed['flops_per_token'] / 1e6:.1f} | {', '.join(f'{share:.3f}' for share in speed['mfu'])} | "
                     f"{speed['tokens_per_s']:.0f} | {'' if width is None else width} |")
    return lines


def paper_table(rows, speeds):
    runs = best_runs(rows, plan.EQUAL)
    if not runs:
        return []
    lines = [f"\n## The published variants in small, {plan.EQUAL_TOKENS / 1e6:.2f} M tokens each\n",
             "A third of the trees beside a third of the width, trained hard, one rate for all, one seed.\n",
             "| published | here | neurons | used | of all | training, tokens/s | forward, tokens/s | held-out loss | "
             "more than 3072x0 | leaves used |", "|---" * 10 + "|"]
    for published, layer in plan.PAPER.items():
        if layer not in runs:
            continue
        count, used = plan.neurons(layer)
        row, speed = runs[layer][1], speeds["layers"][layer]
        forward = speed["tokens_per_s"] * statistics.median(speed["forward_to_train"])
        first = runs.get(plan.PAPER["3072x0"])
        more = f"{row['loss'] - first[1]['loss']:+.3f}" if first else ""
        leaves = f"{100 * statistics.mean(row['leaves_used']):.0f} %" if row["leaves_used"] else ""
        lines.append(f"| {published} | {layer.removesuffix('+hard')} | {count} | {used} | {100 * used / count:.1f} % | "
                     f"{row['tokens_per_s']:.0f} | {forward:.0f} | {row['loss']:.3f} | {more} | {leaves} |")
    return lines


def rate_table(rows):
    if not rows:
        return []
    rates = sorted({row["lr"] for row in rows if row["minutes"] == plan.SHORT})
    lines = ["\n## Learning rates\n", "Held-out loss of the first seed after 5 minutes.\n",
             "| layer | " + " | ".join(f"{rate:g}" for rate in rates) + " |", "|---" * (len(rates) + 1) + "|"]
    for layer in sorted({row["layer"] for row in rows if row["minutes"] == plan.SHORT}, key=plan.by_kind):
        found = [losses(rows, layer, plan.SHORT).get(rate) for rate in rates]
        lines.append(f"| {layer} | " + " | ".join("" if loss is None else f"{loss:.3f}" for loss in found) + " |")
    return lines


# The plot: three panels over one scale of losses.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP, NAMES = 360, 460, 50, 46, 44, 16, 110
DENSE = ["#08306b", "#08519c", "#2171b5", "#4292c6", "#6baed6"]
TREES = ["#67000d", "#a50f15", "#cb181d", "#ef3b2c", "#d94801", "#f16913", "#fd8d3c", "#8c510a", "#bf812d", "#dfc27d"]


def colours(layers):
    kinds = {"dense": iter(DENSE * 9), "tree": iter(TREES * 9)}
    return {layer: "#555555" if layer == "none" else next(kinds["tree" if plan.tree_shape(layer) else "dense"])
            for layer in layers}


def curves(rows):
    """The best run of each layer and budget, as rows."""
    return [seeds[1] for minutes in BUDGETS for seeds in best_runs(rows, minutes).values()]


def front(rows):
    """(seconds, loss, layer) of the best mean at each budget."""
    points = []
    for minutes in BUDGETS:
        means = {layer: mean_loss(seeds) for layer, seeds in best_runs(rows, minutes).items()}
        if means:
            best = lowest(means)
            points.append((60 * minutes, means[best], best))
    return points


def ticks(low, high):
    """1, 2 and 5 times powers of ten."""
    return [m * 10.0 ** e for e in range(-3, 9) for m in (1, 2, 5) if low <= m * 10.0 ** e <= high]


class Panel:
    """Loss over the logarithm of something."""

    def __init__(self, number, title, xs, losses):
        self.left = LEFT + number * (WIDTH + GAP)
        self.title = title
        self.low, self.high = min(xs) / 1.1, max(xs) * 1.1
        self.bottom, self.top = min(losses) - 0.05, max(losses) + 0.05

    def x(self, value):
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return round(self.left + share * WIDTH, 1)

    def y(self, loss):
        return round(TOP + (self.top - loss) / (self.top - self.bottom) * HEIGHT, 1)

    def frame(self, first):
        out = [f'<rect x="{self.left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
               f'<text x="{self.left + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{self.title}</text>']
        for value in ticks(self.low, self.high):
            out.append(f'<line x1="{self.x(value)}" x2="{self.x(value)}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#eee"/>'
                       f'<text x="{self.x(value)}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{value:g}</text>')
        step = 0.2 if self.top - self.bottom < 2.5 else 0.5
        for i in range(int(self.bottom / step) + 1, int(self.top / step) + 1):
            y = self.y(i * step)
            out.append(f'<line x1="{self.left}" x2="{self.left + WIDTH}" y1="{y}" y2="{y}" stroke="#eee"/>')
            if first:
                out.append(f'<text x="{self.left - 6}" y="{y + 4}" text-anchor="end">{i * step:.1f}</text>')
        return out

    def curve(self, points, colour, layer):
        path = " ".join(f"{self.x(x)},{self.y(loss)}" for x, loss in points)
        dash = "" if layer.startswith("dense") or layer == "none" else ' stroke-dasharray="5 2"'
        end = points[-1]
        return (f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-opacity="0.55"{dash}/>'
                f'<circle cx="{self.x(end[0])}" cy="{self.y(end[1])}" r="3.5" fill="{colour}">'
                f'<title>{html.escape(layer)}: {end[1]:.3f}</title></circle>')


def draw(speeds, rows):
    drawn = curves(rows)
    layers = sorted({row["layer"] for row in drawn}, key=lambda layer: (plan.by_kind(layer), layer))
    colour = colours(layers)
    scales = [("processor seconds (tokens / quiet speed)", lambda row: 1 / row["tokens_per_s"]),
              ("million tokens", lambda row: 1e-6),
              ("10^12 operations", lambda row: speeds["layers"][row["layer"]]["flops_per_token"] / 1e12)]
    losses = [loss for row in drawn for _, loss in row["curve"]]
    width, height = LEFT + 3 * (WIDTH + GAP) + NAMES, TOP + HEIGHT + BOTTOM
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">Held-out loss (nats), first seed, d 256, 4 layers; '
           f'{html.escape(speeds["machine"]["cpu"])}, {html.escape(speeds["machine"]["isa"])}, one thread</text>',
           f'<text x="{LEFT}" y="37">Solid: dense; dashed: trees; black: the lowest mean of each budget</text>']
    for number, (title, scale) in enumerate(scales):
        lines = [(row["layer"], [(tokens * scale(row), loss) for tokens, loss in row["curve"]]) for row in drawn]
        panel = Panel(number, title, [x for _, points in lines for x, _ in points], losses)
        out += panel.frame(number == 0)
        out += [panel.curve(points, colour[layer], layer) for layer, points in lines]
        best = [point for point in front(rows) if point[0] >= panel.low] if number == 0 else []
        path = " ".join(f"{panel.x(x)},{panel.y(loss)}" for x, loss, _ in best)
        if best:
            out.append(f'<polyline points="{path}" fill="none" stroke="black" stroke-width="2"/>')
        out += [f'<text x="{panel.x(x) - 4}" y="{panel.y(loss) + 14}" text-anchor="end" font-weight="bold">{layer}</text>'
                for x, loss, layer in best]
    for number, layer in enumerate(layers):
        y = TOP + 14 + 18 * number
        x = LEFT + 3 * (WIDTH + GAP)
        out.append(f'<circle cx="{x + 6}" cy="{y - 4}" r="4" fill="{colour[layer]}"/><text x="{x + 16}" y="{y}">{layer}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.path.join(HERE, "results"), help="default: %(default)s")
    folder = parser.parse_args().folder
    if not os.path.exists(os.path.join(folder, "speed.json")):
        parser.error(f"there is no speed.json in {folder}")
    speeds, rows = read(folder)
    machine = speeds["machine"]
    minutes = sum(row["tokens"] / row["tokens_per_s"] for row in rows) / 60
    lines = [f"Made by `table.py`: {len(rows)} runs, {minutes:.0f} processor minutes at quiet speed ({machine['cpu']}, "
             f"{machine['isa']}, one thread; matrix product {statistics.median(speeds['gemm_gflops']):.0f} GFLOP/s); "
             f"unigram loss {rows[0]['unigram_loss'] if rows else float('nan'):.3f}. Behind ±: half of the 95 % interval over seeds (Student's t); "
             "gains are paired by seed. The rate is the best of so many by the loss of the first seed, which is that of the "
             "table: means with that seed are lower by its choice."]
    for budget in reversed(BUDGETS):
        lines += budget_table(rows, speeds, budget)
    lines += paper_table(rows, speeds)
    lines += rate_table(rows) + speed_table(speeds)
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if curves(rows):
        with open(os.path.join(folder, "frontier.svg"), "w", encoding="utf-8") as file:
            file.write(draw(speeds, rows))


if __name__ == "__main__":
    main()
