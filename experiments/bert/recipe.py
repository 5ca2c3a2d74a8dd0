"""One fine-tuning recipe, configs/glue/bert.yaml, by this program and by transformers + PyTorch: the same scores?

    ESPALIER_DATA=DIR experiments/bert/recipe.sh [TASK ...]

Both sides train on the same rows with seeds of their own, one thread each, side by side. Each training is kept, so that
a run that was cut off goes on. The table is printed and results/recipe.json written of all that is there.
"""

import json
import math
import os
import random
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONFIG = os.path.join(ROOT, "configs", "glue", "bert.yaml")
RESULTS = os.path.join(HERE, "results", "recipe.json")
PROGRAM = os.environ["RECIPE_PROGRAM"]
MODEL = os.environ["RECIPE_MODEL"]
SCRATCH = os.environ["RECIPE_SCRATCH"]
DATA = os.path.join(os.environ["ESPALIER_DATA"], "glue")
SEEDS = [int(seed) for seed in os.environ.get("RECIPE_SEEDS", "1 2 3").split()]
ROWS = int(os.environ.get("RECIPE_ROWS", "2000"))
# Columns of text, pair and label, header line, classes.
TASKS = {
    "CoLA": (3, None, 1, False, ["0", "1"]),
    "SST-2": (0, None, 1, True, ["0", "1"]),
    "MRPC": (3, 4, 0, True, ["0", "1"]),
    "RTE": (1, 2, 3, True, ["entailment", "not_entailment"]),
}


def table_rows(task, lines):
    text, pair, label, _, classes = TASKS[task]
    for line in lines:
        fields = line.split("\t")
        row = {"text": fields[text], "label": classes.index(fields[label])}
        if pair is not None:
            row["pair"] = fields[pair]
        yield row


def make_tables(task):
    """A folder as GLUE's with ROWS training rows, the same for every seed, and both tables as JSON lines."""
    folder = os.path.join(SCRATCH, "glue", task)
    os.makedirs(folder, exist_ok=True)
    for split in ("train", "dev"):
        with open(os.path.join(DATA, task, split + ".tsv"), encoding="utf-8") as file:
            lines = file.read().rstrip("\n").split("\n")
        header = lines[:1] if TASKS[task][3] else []
        lines = [line for line in lines[len(header):] if len(line.split("\t")) > max(c or 0 for c in TASKS[task][:3])]
        if split == "train" and ROWS < len(lines):
            lines = random.Random(0).sample(lines, ROWS)
        with open(os.path.join(folder, split + ".tsv"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in header + lines)
        with open(os.path.join(folder, split + ".jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in table_rows(task, lines))
    return folder


def train_here(task, seed):
    run = os.path.join(SCRATCH, "runs", f"{task}-{seed}")
    subprocess.run([PROGRAM, "--quiet", "--threads", "1", "glue", CONFIG, "model=" + MODEL, "run=" + run,
                    "glue.dir=" + os.path.join(SCRATCH, "glue"), f"glue.tasks=[{task.lower().replace('-', '')}]",
                    f"glue.seeds=[{seed}]"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(run, task, f"seed-{seed}", "predictions_dev.tsv"), encoding="utf-8") as file:
        names, *lines = [line.split("\t") for line in file.read().splitlines()]
    classes = TASKS[task][4]
    return [[classes.index(row["label"]), classes.index(row["prediction"]), float(row["probability"])]
            for row in (dict(zip(names, line)) for line in lines)]


def train_there(task, seed):
    folder = os.path.join(SCRATCH, "glue", task)
    command = [sys.executable, os.path.join(HERE, "torch_side.py"), "recipe", MODEL, folder + "/train.jsonl",
               folder + "/dev.jsonl", str(seed)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[-1])["predictions"]


def scores(predictions):
    """Of rows (label, prediction, probability of the prediction): in percent, but for the loss."""
    hit = [[sum(label == a and said == b for label, said, _ in predictions) for b in (0, 1)] for a in (0, 1)]
    (tn, fp), (fn, tp) = hit
    root = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    loss = [-math.log(max(p if label == said else 1 - p, 1e-6)) for label, said, p in predictions]
    return {"accuracy": 100 * (tp + tn) / len(predictions), "F1": 100 * 2 * tp / max(1, 2 * tp + fp + fn),
            "Matthews": 100 * (tp * tn - fp * fn) / root if root else 0.0, "loss": statistics.fmean(loss)}


def kept(side, task, seed):
    return os.path.join(SCRATCH, f"{task}-{side}-{seed}.json")


def train_all(side, train, tasks):
    for task in tasks:
        for seed in SEEDS:
            path = kept(side, task, seed)
            if os.path.exists(path):
                continue
            predictions = train(task, seed)
            print(task, side, seed, scores(predictions), file=sys.stderr, flush=True)
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(predictions, file)
            os.replace(path + ".new", path)


def read(side, task):
    found = {}
    for seed in SEEDS:
        if os.path.exists(kept(side, task, seed)):
            with open(kept(side, task, seed), encoding="utf-8") as file:
                found[seed] = json.load(file)
    return found


def compare(values, others):
    """The difference of means, its standard error (Welch), and whether it is within what seeds alone make."""
    error = math.sqrt(statistics.variance(values) / len(values) + statistics.variance(others) / len(others))
    difference = statistics.fmean(values) - statistics.fmean(others)
    spread = max(max(side) - min(side) for side in (values, others))
    return {"here": values, "transformers": others, "difference": difference, "standard_error": error, "spread": spread,
            "within": abs(difference) <= spread}


def report(tasks):
    results = {}
    table = ["| task | metric | here: mean (each seed) | transformers: mean (each seed) | difference | standard error | "
             "spread |", "|---|---|---|---|---|---|---|"]
    for task in tasks:
        here, there = read("here", task), read("transformers", task)
        if len(here) < 2 or len(there) < 2:
            continue
        labels = {json.dumps([row[0] for row in rows]) for rows in [*here.values(), *there.values()]}
        assert len(labels) == 1, f"{task}: the sides scored other rows"
        results[task] = {}
        for metric in ("accuracy", "F1", "Matthews", "loss"):
            row = compare(*([scores(p)[metric] for p in side.values()] for side in (here, there)))
            results[task][metric] = row
            digits = 3 if metric == "loss" else 1
            cells = [f"{statistics.fmean(row[s]):.{digits}f} ({', '.join(f'{v:.{digits}f}' for v in row[s])})"
                     for s in ("here", "transformers")]
            table.append(f"| {task} | {metric} | {cells[0]} | {cells[1]} | {row['difference']:+.{digits}f} | "
                         f"{row['standard_error']:.{digits}f} | {row['spread']:.{digits}f} |")
    with open(RESULTS + ".new", "w", encoding="utf-8") as file:
        json.dump({"train_rows": ROWS, "tasks": results}, file, indent=1)
        file.write("\n")
    os.replace(RESULTS + ".new", RESULTS)
    print("\n".join(table))


def main():
    tasks = sys.argv[1:] or ["SST-2", "CoLA"]
    for task in tasks:
        make_tables(task)
    with ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(train_all, "here", train_here, tasks),
                 pool.submit(train_all, "transformers", train_there, tasks)]
    for side in sides:
        side.result()  # a training that failed ends this program, before what is committed is replaced
    report([task for task in TASKS if os.path.exists(kept("here", task, SEEDS[0]))])


if __name__ == "__main__":
    main()
