"""int8 against float32: layers of trees and whole models, ours in the same rounds; the dense model also against ONNX
Runtime and OpenVINO on the same weights and batch, in float32 and quantised by their own tools, process by process in
turns. What is lost is measured beside it: how far hidden states are from float32's, and with SPEED_MODEL (a pretraining
run or model) and SPEED_DATA (its folder of `prepare`) the held-out loss, with SPEED_SST2 and SPEED_STSB (models
fine-tuned on the tasks) the scores. The peers come from the environment of experiments/bert/run.sh; with SPEED_KEEP the
model in their formats, which takes minutes to make, stays in that folder for the next time."""

import contextlib
import csv
import os
import statistics
import tempfile

import common

LAYERS = {f"{name}, {tokens} tokens": (trees, depth, tokens)
          for name, trees, depth, counts in (("1x11", 1, 11, (16384, 2048, 128, 1)), ("4x9", 4, 9, (4096,)),
                                             ("32x6", 32, 6, (4096,))) for tokens in counts}
MODELS = {"1x11, whole": ("ultrafastbert-1x11", False), "dense 3072, whole": ("crammedbert-3072", True)}
ACCURACY = ("held-out loss", "SST-2", "STS-B")
# (name, script, form): what the dense model is compared with, in the same numbers.
PEERS = (("ONNX Runtime float32", "onnx_int8.py", "float32"),
         ("ONNX Runtime int8 by tensors", "onnx_int8.py", "tensors"),
         ("ONNX Runtime int8 by channels", "onnx_int8.py", "channels"),
         ("OpenVINO float32", "openvino_int8.py", "float32"), ("OpenVINO int8", "openvino_int8.py", "int8"))
PYTHON = os.path.join(os.environ.get("ESPALIER_CACHE", os.path.expanduser("~/.cache/espalier")),
                      "bert-venv/bin/python")


def measure_layer(case):
    trees, depth, tokens = LAYERS[case]
    document = common.bench("fff", "--trees", trees, "--depth", depth, "--tokens", tokens, "--precision", "int8",
                            "--rounds", max(common.ROUNDS, 5))[0]
    row = document["rows"][0]
    fields = ("ms", "float32_ms", "float32_ratio", "spread", "max_error", "checked_tokens", "correct")
    return {field: row[field] for field in fields}, document["machine"]


def peer(script, folder, form):
    os.environ.update(OMP_NUM_THREADS=str(common.THREADS), TRANSFORMERS_VERBOSITY="error")
    return common.run_json([PYTHON, os.path.join(common.HERE, script), folder, "--form", form, "--threads",
                            str(common.THREADS)])[0]


def beside_ours(name, form, results, ours):
    """A peer's medians, and the ratios of ours in the same numbers to them, round by round."""
    forward, sequence = [row["forward_tokens_per_s"] for row in ours], [row["sequence_ms"] for row in ours]
    if form == "float32":
        forward = [row["forward_tokens_per_s"] / row["forward_ratio"] for row in ours]
        sequence = [row["sequence_ms"] * row["sequence_ratio"] for row in ours]
    of = lambda field: [result[field] for result in results]  # noqa: E731
    row = {"peer": name, "version": results[0]["version"]}
    for field in ("forward_tokens_per_s", "sequence_ms", "hidden_difference", "load_s", "file_mb"):
        row[field] = statistics.median(of(field))
    row["ratio_forward"] = common.median_ratio(forward, of("forward_tokens_per_s"))
    row["ratio_sequence"] = common.median_ratio(of("sequence_ms"), sequence)
    return row


def measure_model(case):
    config, beside_peers = MODELS[case]
    path = os.path.join(common.ROOT, "configs/pretrain", config + ".yaml")
    peers = PEERS if beside_peers and os.path.exists(PYTHON) else ()
    if beside_peers and not peers:
        common.say(f"{case}: without ONNX Runtime and OpenVINO, whose environment experiments/bert/run.sh makes")
    ours, theirs = [], {name: [] for name, _, _ in peers}
    keep = os.environ.get("SPEED_KEEP")
    with contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory() as scratch:
        for number in range(common.ROUNDS):
            export = ["--export", scratch] if number == 0 and peers else []
            document = common.bench("step", path, "--precision", "int8", "--rounds", 1, *export)[0]
            ours.append(document["rows"][0])
            for name, script, form in peers:
                theirs[name].append(peer(script, scratch, form))
                common.say(f"{case}, {name}: {theirs[name][-1]}")
    fields = ("forward_tokens_per_s", "sequence_ms", "forward_ratio", "sequence_ratio", "hidden_difference")
    row = {field: statistics.median(r[field] for r in ours) for field in fields}
    if peers:
        row["peers"] = [beside_ours(name, form, theirs[name], ours) for name, _, form in peers]
    return row, document["machine"]


def predictions(model, task, precision):
    table = os.path.join(os.environ["ESPALIER_DATA"], "glue", task, "dev.tsv")
    with tempfile.TemporaryDirectory() as scratch:
        output = os.path.join(scratch, "out.tsv")
        common.run_json([common.ESPALIER, "--quiet", "classify", model, "--file", table, "--precision", precision,
                         "--output", output, "--json"])
        with open(output, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def score(case, precision):
    if case == "held-out loss":
        return common.run_json([common.ESPALIER, "--quiet", "evaluate", os.environ["SPEED_MODEL"], "--data",
                                os.environ["SPEED_DATA"], "--precision", precision, "--json"])[0]["loss"]
    rows = predictions(os.environ["SPEED_SST2" if case == "SST-2" else "SPEED_STSB"], case, precision)
    if case == "SST-2":
        return sum(row["label"] == row["predicted_label"] for row in rows) / len(rows)
    return statistics.correlation([float(row["score"]) for row in rows],
                                  [float(row["predicted_value"]) for row in rows])


def measure_accuracy(case):
    float32, int8 = score(case, "float32"), score(case, "int8")
    machine = common.bench("gemm", "--shape", "64x64x64", "--rounds", 1)[0]["machine"]
    return {"float32": float32, "int8": int8, "kept": int8 / float32 if case != "held-out loss" else None}, machine


def measure(case):
    if case in LAYERS:
        return measure_layer(case)
    return measure_model(case) if case in MODELS else measure_accuracy(case)


def main():
    needed = {"held-out loss": ("SPEED_MODEL", "SPEED_DATA"), "SST-2": ("SPEED_SST2", "ESPALIER_DATA"),
              "STS-B": ("SPEED_STSB", "ESPALIER_DATA")}
    known = [case for case in ACCURACY if all(name in os.environ for name in needed[case])]
    rows = common.measure_cases("int8", [*LAYERS, *MODELS, *known], measure)
    table = lambda title, columns, key: common.table(title, [("case", "case"), *columns],  # noqa: E731
                                                     [row for row in rows if key in row])
    table("Layers of trees, forward", [("int8, ms", "ms"), ("float32, ms", "float32_ms"), ("ratio", "float32_ratio"),
                                       ("error in double", "max_error")], "float32_ms")
    columns = [("int8, tokens/s", "forward_tokens_per_s"), ("to float32", "forward_ratio"),
               ("one sequence, ms", "sequence_ms"), ("to float32", "sequence_ratio"),
               ("states differ by", "hidden_difference")]
    table("Whole models, hidden states", columns, "forward_ratio")
    common.table("Peers on the same weights and batch",
                 [("case", "case"), ("peer", "peer"), ("version", "version"), ("tokens/s", "forward_tokens_per_s"),
                  ("ours to it", "ratio_forward"), ("one sequence, ms", "sequence_ms"),
                  ("ours to it", "ratio_sequence"), ("states differ by", "hidden_difference"),
                  ("loads in, s", "load_s"), ("MB", "file_mb")],
                 [{"case": row["case"], **of_peer} for row in rows for of_peer in row.get("peers", ())])
    for row in rows:
        row.update({field: f"{row[field]:.4f}" for field in ("float32", "int8") if field in row})
    table("What is kept", [("float32", "float32"), ("int8", "int8"), ("share kept", "kept")], "float32")


if __name__ == "__main__":
    main()
