"""(b) The whole model: training steps, forward passes and one sequence, for the paper's variants and two small models, ours
against PyTorch eager as published (masked trees, plain attention) and compiled (masked trees, fused attention). All of
PyTorch's AdamW is the fused one, with denormals flushed to zero: its best settings here. The models are equal: torch_step.py
compares hidden states and loss on our exported weights before it measures."""

import os
import statistics
import tempfile

import common

SMALL = ["arch.layers=6", "arch.hidden_size=256", "arch.attention.heads=4"]
BIG = ["ultrafastbert-1x11", "crammedbert-3072"] + ([] if common.QUICK else [f"ultrafastbert-{name}" for name in ("3072x0", "1536x1", "512x2", "256x3", "128x4", "64x5", "32x6", "16x7", "8x8", "4x9", "2x10")])
# name: configuration, overrides, forms of PyTorch
CASES = {name: (name, [], ["eager", "compiled"] if name in ("ultrafastbert-1x11", "crammedbert-3072", "ultrafastbert-128x4") else ["eager"]) for name in BIG}
CASES |= {
    "1x11, straight-through": ("ultrafastbert-1x11", ["routing.mode=straight_through"], []),
    "d 256, 6 layers, 1x7": ("ultrafastbert-1x11", [*SMALL, "arch.ffn.depth=7"], ["eager", "compiled"]),
    "d 256, 6 layers, dense 1024": ("crammedbert-3072", [*SMALL, "arch.ffn.width=1024"], ["eager", "compiled"]),
}
SEQUENCES = int(os.environ.get("SPEED_SEQUENCES", 32))
FIELDS = ("train_tokens_per_s", "forward_tokens_per_s", "sequence_ms", "peak_rss_gb")


def measure(name, scratch):
    config, overrides, forms = CASES[name]
    ours, torch = [], {form: [] for form in forms}
    folder = os.path.join(scratch, name.replace(" ", "_").replace(",", ""))
    for number in range(common.ROUNDS):
        export = ["--export", folder] if forms and number == 0 else []
        ours.append(common.bench("step", os.path.join(common.ROOT, "configs/pretrain", config + ".yaml"), *overrides, "--sequences", SEQUENCES, "--rounds", 1, *export)[0])
        for form in forms:
            torch[form].append(common.torch_script("torch_step.py", folder, "--form", form)[0])
            common.say(f"{name}, {form}: {torch[form][-1]}")
    rows = [document["rows"][0] for document in ours]
    row = {"case": name, "sequences": SEQUENCES}
    for field in (*FIELDS, "mfu", "adamw_share"):
        row[field] = statistics.median(r[field] for r in rows)
    for form in forms:
        for field in (*FIELDS, "max_difference", "sequences_differing", "loss_difference"):
            row[f"torch_{form}_{field}"] = statistics.median(t[field] for t in torch[form])
        row[f"ratio_{form}_train"] = common.median_ratio([r["train_tokens_per_s"] for r in rows], [t["train_tokens_per_s"] for t in torch[form]])
        row[f"ratio_{form}_forward"] = common.median_ratio([r["forward_tokens_per_s"] for r in rows], [t["forward_tokens_per_s"] for t in torch[form]])
        row[f"ratio_{form}_sequence"] = common.median_ratio([t["sequence_ms"] for t in torch[form]], [r["sequence_ms"] for r in rows])
        row[f"memory_of_{form}"] = common.median_ratio([r["peak_rss_gb"] for r in rows], [t["peak_rss_gb"] for t in torch[form]])
    return row, ours[-1]["machine"]


def main():
    rows, machine = [], None
    chosen = os.environ.get("SPEED_CASES", "").split(";") if os.environ.get("SPEED_CASES") else list(CASES)
    with tempfile.TemporaryDirectory() as scratch:
        for name in chosen:
            row, machine = measure(name, scratch)
            rows.append(row)
    document = common.save("step", machine, rows)
    columns = [("model", "case"), ("training, tokens/s", "train_tokens_per_s"), ("of GEMM peak", "mfu"), ("eager", "torch_eager_train_tokens_per_s"), ("ours / eager", "ratio_eager_train"), ("compiled", "torch_compiled_train_tokens_per_s"), ("ours / compiled", "ratio_compiled_train"), ("memory, GB", "peak_rss_gb"), ("of eager's", "memory_of_eager")]
    common.table("Training", columns, document["rows"])
    columns = [("model", "case"), ("forward, tokens/s", "forward_tokens_per_s"), ("ours / eager", "ratio_eager_forward"), ("ours / compiled", "ratio_compiled_forward"), ("one sequence, ms", "sequence_ms"), ("ours / eager", "ratio_eager_sequence"), ("ours / compiled", "ratio_compiled_sequence")]
    common.table("Inference", columns, document["rows"])


if __name__ == "__main__":
    main()
