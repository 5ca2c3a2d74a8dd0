"""Runs what plan.py lists: see run.sh."""

import argparse
import fcntl
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading

import plan

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import documents  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
ESPALIER = os.environ.get("ESPALIER", os.path.join(ROOT, "build/release/espalier"))
BASE = os.path.join(HERE, "base.yaml")
SEQUENCES, LENGTH = 16, 128  # of an update, as in base.yaml
EVALUATION_TOKENS = 1024 * LENGTH
# Exit statuses of the program after it saved, and of one that a signal ended before.
INTERRUPTED = {128 + signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGHUP,
               -signal.SIGHUP}


def say(message):
    print("frontier: " + message, file=sys.stderr, flush=True)


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def measure_speed(layer):
    """One row of `bench step` with one thread, and the machine."""
    command = [ESPALIER, "--quiet", "--threads", "1", "bench", "step", BASE, *plan.overrides(layer), "--sequences",
               str(SEQUENCES), "--rounds", "3", "--json"]
    document = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return document["rows"][0], document["machine"]


def measure_speeds(path, layers):
    """Adds one pass over the layers, every other one backwards.

    A step is measured as a share of the matrix product's speed, which is measured between the steps: from minute to
    minute the speed of a shared machine moves more than the layers differ. A layer's speed is the median share of its
    passes, at the median speed of the matrix product in all passes of all layers.
    """
    document = documents.read(path) or {"gemm_gflops": [], "layers": {}}
    layers_known = document["layers"]
    passes = min(len(layers_known.get(layer, {"mfu": []})["mfu"]) for layer in layers)
    for layer in layers[::-1] if passes % 2 else layers:
        row, document["machine"] = measure_speed(layer)
        document["gemm_gflops"].append(round(document["machine"].pop("gemm_gflops"), 2))
        known = layers_known.setdefault(layer, {"mfu": [], "forward_to_train": []})
        known["mfu"].append(round(row["mfu"], 4))
        known["forward_to_train"].append(round(row["forward_tokens_per_s"] / row["train_tokens_per_s"], 2))
        known |= {key: row[key] for key in ("flops_per_token", "parameters")}
        say(f"{layer}: {row['mfu']:.3f} of the matrix product's speed, pass {len(known['mfu'])}")
    gemm = 1e9 * statistics.median(document["gemm_gflops"])
    for known in layers_known.values():
        known["tokens_per_s"] = round(statistics.median(known["mfu"]) * gemm / known["flops_per_token"], 1)
    documents.write(path, document)


def measure_where_needed(folder, patterns, again):
    """Of two that work in one folder one measures at a time, and the other leaves out what is then known."""
    if not Frontier(folder, patterns).to_measure(again):
        return
    with open(os.path.join(folder, "speed.lock"), "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run.sh measures speeds in {folder}: waiting until it has")
            fcntl.flock(lock, fcntl.LOCK_EX)
        frontier = Frontier(folder, patterns)
        layers = frontier.to_measure(again)
        for _ in range(1 if again else 2):
            if layers:
                measure_speeds(frontier.path("results", "speed.json"), layers)


def leaf_perplexities(evaluation):
    """By layer, the mean over its trees."""
    return [round(statistics.mean(layer["leaf_perplexity"]), 2) for layer in evaluation["eval_routing"]]


class Frontier:
    """The state on disk: data, runs/NAME of the program, claims/NAME.json, results/speed.json and runs.jsonl."""

    def __init__(self, folder, patterns):
        self.folder = folder
        self.patterns = patterns
        self.results_path = self.path("results", "runs.jsonl")
        self.speeds = (documents.read(self.path("results", "speed.json")) or {"layers": {}})["layers"]
        self.failed = set()
        self.trainings = set()
        self.interrupted = False

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def to_measure(self, again):
        """The layers that have no speed, or all."""
        layers = dict.fromkeys(run.layer for run in self.wanted())
        return [layer for layer in layers if again or layer not in self.speeds]

    def wanted(self):
        return plan.chosen(plan.whole_plan(self.patterns), self.patterns)

    def undone(self):
        done = {row["run"] for row in read_lines(self.results_path)}
        return [run for run in self.wanted() if plan.run_name(run) not in done]

    def seconds(self, run):
        """Processor seconds, evaluations included; guessed where the speed is not known."""
        speed = self.speeds.get(run.layer)
        evaluation = 5
        if speed:
            forward = speed["tokens_per_s"] * statistics.median(speed["forward_to_train"])
            evaluation = EVALUATION_TOKENS / forward
        training = 60 * run.minutes
        if run.minutes == plan.EQUAL:
            training = plan.EQUAL_TOKENS / (speed["tokens_per_s"] if speed else 5000)
        return training + plan.EVALUATIONS[run.minutes] * evaluation

    def claim(self, run):
        """The run's open, locked claim, which holds how long it is; None where another has it."""
        file = open(self.path("claims", plan.run_name(run) + ".json"), "a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def next_run(self):
        """(run, claim), or None where nothing can begin now."""
        for run in self.undone():
            if plan.run_name(run) in self.failed:
                continue
            claim = self.claim(run)
            if claim is None:
                continue
            # Another may have finished it since the results were read.
            if any(row["run"] == plan.run_name(run) for row in read_lines(self.results_path)):
                claim.close()
                continue
            return run, claim
        return None

    def length(self, run, claim):
        """What was fixed when the run began, so that a speed measured again does not change it."""
        claim.seek(0)
        text = claim.read()
        if text:
            return json.loads(text)
        speed = self.speeds[run.layer]["tokens_per_s"]
        evaluations = plan.EVALUATIONS[run.minutes]
        tokens = plan.EQUAL_TOKENS if run.minutes == plan.EQUAL else 60 * run.minutes * speed
        interval = max(1, round(tokens / (SEQUENCES * LENGTH * evaluations)))
        length = {"tokens_per_s": speed, "steps": interval * evaluations, "eval_steps": interval}
        claim.write(json.dumps(length) + "\n")
        claim.flush()
        return length

    def train(self, run, length):
        """The program's exit status."""
        name = plan.run_name(run)
        with open(self.path("runs", name + ".log"), "a", encoding="utf-8") as log:
            training = subprocess.Popen(
                [ESPALIER, "--quiet", "--threads", "1", "pretrain", BASE, *plan.overrides(run.layer),
                 f"data={self.path('data')}", f"run={self.path('runs', name)}", f"seed={run.seed}",
                 f"train.lr={run.rate:g}", f"train.budget.steps={length['steps']}",
                 f"eval.steps={length['eval_steps']}"],
                stdout=log, stderr=log)
            self.trainings.add(training)
            status = training.wait()
            self.trainings.discard(training)
            return status

    def interrupt(self, *_):
        self.interrupted = True

    def terminate(self, *_):
        self.interrupt()
        for training in list(self.trainings):
            training.terminate()

    def keep(self, run, length):
        """Appends the run's result; of its checkpoints the last stays."""
        folder = self.path("runs", plan.run_name(run))
        lines = read_lines(os.path.join(folder, "metrics.jsonl"))
        evaluations = [line for line in lines if "eval_loss" in line]
        last = evaluations[-1]
        row = {"run": plan.run_name(run), "layer": run.layer, "minutes": run.minutes, "lr": run.rate,
               "seed": run.seed, "steps": last["step"], "tokens": last["tokens"],
               "tokens_per_s": length["tokens_per_s"], "loss": round(last["eval_loss"], 5),
               "accuracy": round(last["eval_accuracy"], 5), "unigram_loss": round(last["eval_unigram_loss"], 5),
               "curve": [[line["tokens"], round(line["eval_loss"], 4)] for line in evaluations],
               "leaves_used": [round(layer["leaves_used"], 4) for layer in last["eval_routing"]],
               "leaf_perplexity": leaf_perplexities(last),
               "perplexity_curve": [[line["tokens"], *leaf_perplexities(line)] for line in evaluations],
               "wall_s": round(max(line["time"] for line in lines if "time" in line), 1)}
        shutil.rmtree(os.path.join(folder, "checkpoints"), ignore_errors=True)
        if os.path.exists(os.path.join(folder, "best.h5")):
            os.remove(os.path.join(folder, "best.h5"))
        with open(self.results_path, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(row) + "\n")
        say(f"{row['run']}: loss {row['loss']:.4f} after {row['tokens'] / 1e6:.2f} M tokens")

    def execute(self, run, claim):
        name = plan.run_name(run)
        with claim:
            length = self.length(run, claim)
            status = self.train(run, length)
            if status == 0:
                self.keep(run, length)
            elif status in INTERRUPTED:  # noted before the claim is given back, which another may be waiting for
                self.interrupt()
                say(f"{name}: interrupted; the same command continues")
            else:
                self.failed.add(name)
                ended = f"status {status}" if status > 0 else signal.Signals(-status).name
                say(f"{name}: {ended}, see {self.path('runs', name)}.log")

    def work(self):
        """Runs one after the other until none is left, somebody asks to stop, or one is interrupted."""
        while not self.interrupted and not os.path.exists(self.path("stop")):
            found = self.next_run()
            if not found:
                return
            self.execute(*found)


def require_matches(frontier):
    """Ends where a name matches nothing: a typing error would look like an experiment that is done."""
    runs = plan.whole_plan(frontier.patterns)
    unknown = [name for name in frontier.patterns if not plan.chosen(runs, [name])]
    if unknown:
        layers = " ".join(dict.fromkeys(run.layer for run in runs))
        budgets = " ".join(dict.fromkeys(plan.budget_name(run.minutes) for run in runs))
        say(f"no run matches {' '.join(unknown)}; layers: {layers}; budgets: {budgets}; a run that is not planned by "
            f"its whole name (2x10_20m_lr0.004_s1); --dry-run lists all runs")
        sys.exit(2)


def dry_run(frontier):
    minutes = 0
    for run in frontier.undone():
        minutes += frontier.seconds(run) / 60
        print(f"{frontier.seconds(run) / 60:6.1f}  {plan.run_name(run)}")
    print(f"{minutes:6.0f}  processor minutes on a quiet machine")


def main():
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    frontier = Frontier(os.path.abspath(arguments.folder), arguments.names)
    require_matches(frontier)
    if arguments.dry_run:
        dry_run(frontier)
        return 0
    for name in ("runs", "claims", "results"):
        os.makedirs(frontier.path(name), exist_ok=True)
    measure_where_needed(frontier.folder, arguments.names, arguments.speed)
    if arguments.speed:
        return 0
    frontier = Frontier(frontier.folder, arguments.names)
    # Ctrl-C reaches the trainings by itself; all save and end.
    signal.signal(signal.SIGINT, frontier.interrupt)
    signal.signal(signal.SIGTERM, frontier.terminate)
    workers = [threading.Thread(target=frontier.work) for _ in range(arguments.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 130 if frontier.interrupted else 1 if frontier.failed else 0


if __name__ == "__main__":
    sys.exit(main())
