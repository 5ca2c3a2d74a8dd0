"""The turns of race.sh: our fine-tuning and PyTorch's, from the same first weights over the same batches."""

import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../speed"))
import common  # noqa: E402

PREFIX = shlex.split(os.environ.get("RACE_PREFIX", ""))
STEPS = int(os.environ.get("RACE_STEPS", 25))
EPOCHS = os.environ.get("RACE_EPOCHS", "0.5")
TURNS = 2
# The first steps fill caches and compile.
WARM_UP = 3
COMPARED_STEPS = 5
TOLERANCE = 2e-3
GLUE = os.path.join(os.environ["ESPALIER_DATA"], "glue")
# Dropout draws other numbers in each program, so it is off; a constant rate needs no schedule on the other side.
RECIPE = ["train.dropout=false", "train.schedule=constant", "train.warmup=0", "log.steps=1", "log.lines=true",
          "eval.bootstrap=0", f"task.dir={GLUE}"]


def finetune(runs, name, *overrides):
    """A fine-tuning from the start; its folder."""
    run = os.path.join(runs, name)
    subprocess.run(["rm", "-rf", run], check=True)
    subprocess.run([*PREFIX, common.ESPALIER, "--quiet", "--threads", str(common.THREADS), "finetune",
                    "configs/finetune/mrpc.yaml", f"model={runs}/model", f"run={run}", *RECIPE, *overrides],
                   check=True, cwd=common.ROOT, stdout=subprocess.DEVNULL)
    return run


def start(runs):
    """A Hugging Face folder of the weights that all begin with: a step of so small a rate changes none."""
    folder = os.path.join(runs, "start-hf")
    if not os.path.exists(os.path.join(folder, "model.safetensors")):
        run = finetune(runs, "start", "train.lr=1e-30", "train.epochs=1e-4")
        subprocess.run([common.ESPALIER, "--quiet", "export", run, folder],
                       check=True, cwd=common.ROOT, stdout=subprocess.DEVNULL)
    return folder


def our_steps(run):
    """[{loss, seconds, lines}] of a run."""
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
        logged = [line for line in map(json.loads, file) if "lines" in line]
    times = [0.0] + [line["time"] for line in logged]
    return [{"loss": line["loss"], "seconds": b - a, "lines": line["lines"]}
            for line, a, b in zip(logged, times, times[1:])]


def torch_steps(folder, run, form):
    command = [*PREFIX, sys.executable, os.path.join(HERE, "torch_finetune.py"), folder,
               os.path.join(run, "metrics.jsonl"), os.path.join(GLUE, "MRPC/train.tsv"), "--steps", str(STEPS),
               "--form", form, "--threads", str(common.THREADS)]
    os.environ.update(OMP_NUM_THREADS=str(common.THREADS), MKL_NUM_THREADS=str(common.THREADS))
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=common.ROOT).stdout)["steps"]


def largest_difference(form, ours, torch):
    difference = max(abs(a["loss"] - b["loss"]) for a, b in zip(ours[:COMPARED_STEPS], torch))
    if difference > TOLERANCE:
        raise SystemExit(f"race: the losses of the first {COMPARED_STEPS} steps differ from PyTorch's ({form}) by "
                         f"{difference}: not the same training")
    return difference


def seconds_of(turns):
    """Of each batch that PyTorch saw, behind the warm-up: the median of the turns."""
    return [statistics.median(turn[i]["seconds"] for turn in turns) for i in range(WARM_UP, STEPS)]


def main():
    runs = os.path.abspath(sys.argv[1])
    folder = start(runs)
    forms = ["eager", "compiled"]
    ours, torch, differences = [], {form: [] for form in forms}, {}
    for turn in range(TURNS):
        run = finetune(runs, "ours", f"train.epochs={EPOCHS}")
        ours.append(our_steps(run))
        common.say(f"turn {turn + 1}: ours: {len(ours[-1])} steps")
        # Half the turns each: PyTorch's steps are slow.
        form = forms[turn % 2]
        torch[form].append(torch_steps(folder, run, form))
        differences[form] = largest_difference(form, ours[-1], torch[form][-1])
        common.say(f"turn {turn + 1}: PyTorch, {form}: {STEPS} steps, losses differ by {differences[form]:.1e} at most")
    tokens = [step["tokens"] for step in torch["eager"][0]]
    machine = common.bench("gemm", "--rounds", 1)[0]["machine"]
    row = {"case": "MRPC, 1x11, d 768, 16 layers, batch 16", "steps": len(ours[0]), "torch_steps": STEPS,
           "tokens_per_step": statistics.mean(tokens)}
    row["padding_share"] = 1 - sum(tokens) / sum(step["positions"] for step in torch["eager"][0])
    # Medians over batches: a step that other work on the machine disturbed does not count more than another.
    def tokens_per_s(seconds):
        return statistics.median(n / s for n, s in zip(tokens[WARM_UP:], seconds))

    row["seconds"] = {"ours": seconds_of(ours)}
    row["tokens_per_s"] = tokens_per_s(row["seconds"]["ours"])
    for form in forms:
        row["seconds"][form] = seconds_of(torch[form])
        row[f"torch_{form}_tokens_per_s"] = tokens_per_s(row["seconds"][form])
        row[f"ratio_{form}"] = common.median_ratio(row["seconds"][form], row["seconds"]["ours"])
        row[f"loss_difference_{form}"] = differences[form]
    row["minutes_of_our_turns"] = [sum(step["seconds"] for step in steps) / 60 for steps in ours]
    common.documents.write(os.path.join(runs, "race.json"),
                           {"machine": machine, "load_average": os.getloadavg()[1], "rows": [row]})
    common.table("Fine-tuning",
                 [("task and model", "case"), ("tokens a step", "tokens_per_step"), ("ours, tokens/s", "tokens_per_s"),
                  ("PyTorch, masked as published", "torch_eager_tokens_per_s"), ("ours / it", "ratio_eager"),
                  ("PyTorch, compiled", "torch_compiled_tokens_per_s"), ("ours / it", "ratio_compiled")], [row])


if __name__ == "__main__":
    main()
