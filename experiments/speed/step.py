"""(b) The whole model: training steps, forward passes and one sequence, for the paper's variants and two small models,
ours against PyTorch eager as published (masked trees, plain attention) and compiled (masked trees, fused attention).
All of PyTorch's AdamW is the fused one, with denormals flushed to zero: its best settings here. The models are equal:
torch_step.py compares hidden states and loss on our exported weights before it measures."""

import os
import statistics
import tempfile

import common

SMALL = ["arch.layers=6", "arch.hidden_size=256", "arch.attention.heads=4"]
VARIANTS = [f"ultrafastbert-{name}"
            for name in ("3072x0", "1536x1", "512x2", "256x3", "128x4", "64x5", "32x6", "16x7", "8x8", "4x9", "2x10")]
BOTH = ["eager", "compiled"]
# name: configuration, overrides, forms of PyTorch
CASES = {
    "ultrafastbert-1x11": ("ultrafastbert-1x11", [], BOTH),
    "crammedbert-3072": ("crammedbert-3072", [], BOTH),
    "d 256, 6 layers, 1x7": ("ultrafastbert-1x11", [*SMALL, "arch.ffn.depth=7"], BOTH),
    "d 256, 6 layers, dense 1024": ("crammedbert-3072", [*SMALL, "arch.ffn.width=1024"], BOTH),
}
if not common.QUICK:
    CASES |= {name: (name, [], BOTH if name == "ultrafastbert-128x4" else ["eager"]) for name in VARIANTS}
# Ours that are held against PyTorch's model of a case, in the same rounds: suffix: configuration, overrides
BESIDE = {"crammedbert-3072": {"1x11": ("ultrafastbert-1x11", []),
                               "1x11_straight_through": ("ultrafastbert-1x11", ["routing.mode=straight_through"])}}
SEQUENCES = int(os.environ.get("SPEED_SEQUENCES", 32))
FIELDS = ("train_tokens_per_s", "forward_tokens_per_s", "sequence_ms", "peak_rss_gb")


def run_ours(config, overrides, *more):
    path = os.path.join(common.ROOT, "configs/pretrain", config + ".yaml")
    # A step of a small model takes less than a second.
    steps = 3 if "arch.layers=6" in overrides else 1
    document = common.bench("step", path, *overrides, "--sequences", SEQUENCES, "--rounds", steps, *more)[0]
    return document["rows"][0], document["machine"]


def add_ratios(row, form, ours, torch):
    """Of one of our models to one form of PyTorch's; both by rounds."""
    of = lambda results, field: [result[field] for result in results]  # noqa: E731
    row[f"ratio_{form}_train"] = common.median_ratio(of(ours, "train_tokens_per_s"), of(torch, "train_tokens_per_s"))
    row[f"ratio_{form}_forward"] = common.median_ratio(of(ours, "forward_tokens_per_s"),
                                                       of(torch, "forward_tokens_per_s"))
    row[f"ratio_{form}_sequence"] = common.median_ratio(of(torch, "sequence_ms"), of(ours, "sequence_ms"))
    row[f"memory_of_{form}"] = common.median_ratio(of(ours, "peak_rss_gb"), of(torch, "peak_rss_gb"))


def measure(name):
    config, overrides, forms = CASES[name]
    beside = BESIDE.get(name, {})
    ours, torch, others = [], {form: [] for form in forms}, {other: [] for other in beside}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(common.ROUNDS):
            export = ["--export", scratch] if number == 0 else []
            result, machine = run_ours(config, overrides, *export)
            ours.append(result)
            for other, its in beside.items():
                others[other].append(run_ours(*its)[0])
            for form in forms:
                torch[form].append(common.torch_script("torch_step.py", scratch, "--form", form)[0])
                common.say(f"{name}, {form}: {torch[form][-1]}")
    row = {"sequences": SEQUENCES, "rounds": common.ROUNDS, "torch": torch[forms[0]][-1]["torch"]}
    for field in (*FIELDS, "mfu", "optimizer_share"):
        row[field] = statistics.median(r[field] for r in ours)
        for other, results in others.items():
            row[f"{other}_{field}"] = statistics.median(r[field] for r in results)
    for form in forms:
        for field in (*FIELDS, "token_difference", "sequences_differing", "loss_difference"):
            row[f"torch_{form}_{field}"] = statistics.median(t[field] for t in torch[form])
        add_ratios(row, form, ours, torch[form])
        for other, results in others.items():
            row[f"ratio_{form}_train_{other}"] = common.median_ratio([r["train_tokens_per_s"] for r in results],
                                                                     [t["train_tokens_per_s"] for t in torch[form]])
    return row, machine


def main():
    rows = common.measure_cases("step", CASES, measure)
    columns = [("model", "case"), ("training, tokens/s", "train_tokens_per_s"), ("of GEMM peak", "mfu"),
               ("eager", "torch_eager_train_tokens_per_s"), ("ours / eager", "ratio_eager_train"),
               ("compiled", "torch_compiled_train_tokens_per_s"), ("ours / compiled", "ratio_compiled_train"),
               ("memory, GB", "peak_rss_gb"), ("eager", "torch_eager_peak_rss_gb"), ("of eager's", "memory_of_eager")]
    common.table("Training", columns, rows)
    columns = [("model", "case"), ("forward, tokens/s", "forward_tokens_per_s"),
               ("ours / eager", "ratio_eager_forward"), ("ours / compiled", "ratio_compiled_forward"),
               ("one sequence, ms", "sequence_ms"), ("ours / eager", "ratio_eager_sequence"),
               ("ours / compiled", "ratio_compiled_sequence")]
    common.table("Inference", columns, rows)
    columns = [("against PyTorch's", "case"), ("1x11, tokens/s", "1x11_train_tokens_per_s"),
               ("ours / eager", "ratio_eager_train_1x11"), ("ours / compiled", "ratio_compiled_train_1x11"),
               ("straight-through", "1x11_straight_through_train_tokens_per_s"),
               ("ours / eager", "ratio_eager_train_1x11_straight_through"),
               ("ours / compiled", "ratio_compiled_train_1x11_straight_through")]
    common.table("Our 1x11 against another model of PyTorch's, training", columns,
                 [row for row in rows if row["case"] in BESIDE])


if __name__ == "__main__":
    main()
