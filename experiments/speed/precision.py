"""Training in bf16: ours against our float32, and against PyTorch's autocast to bfloat16 on the same model in its published
form (trees computed densely and masked), process by process in turns."""

import statistics
import tempfile

import common
import step

# name: configuration
CASES = {
    "1x11": "ultrafastbert-1x11",
    "dense 3072": "crammedbert-3072",
}
FIELDS = ("train_tokens_per_s", "forward_tokens_per_s", "sequence_ms", "peak_rss_gb")


def measure(name):
    config = CASES[name]
    whole, narrow, torch = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(common.ROUNDS):
            export = ["--export", scratch] if number == 0 else []
            whole.append(step.run_ours(config, [], *export)[0])
            result, machine = step.run_ours(config, [], "--precision", "bf16")
            narrow.append(result)
            torch.append(common.torch_script("torch_step.py", scratch, "--autocast")[0])
            common.say(f"{name}: {torch[-1]}")
    row = {"sequences": step.SEQUENCES, "rounds": common.ROUNDS}
    for field in FIELDS:
        row[f"float32_{field}"] = statistics.median(r[field] for r in whole)
        row[field] = statistics.median(r[field] for r in narrow)
    of = lambda results, field: [result[field] for result in results]  # noqa: E731
    row["ratio_train"] = common.median_ratio(of(narrow, "train_tokens_per_s"), of(whole, "train_tokens_per_s"))
    row["ratio_forward"] = common.median_ratio(of(narrow, "forward_tokens_per_s"), of(whole, "forward_tokens_per_s"))
    row["ratio_sequence"] = common.median_ratio(of(whole, "sequence_ms"), of(narrow, "sequence_ms"))
    row["memory_of_float32"] = common.median_ratio(of(narrow, "peak_rss_gb"), of(whole, "peak_rss_gb"))
    # The same batches and weights to begin with.
    row["loss_difference"] = max(abs(a["last_loss"] - b["last_loss"]) for a, b in zip(narrow, whole))
    row["torch"] = torch[0]["torch"]
    for field in FIELDS:
        row[f"torch_{field}"] = statistics.median(t[field] for t in torch)
    row["ratio_torch_train"] = common.median_ratio(of(narrow, "train_tokens_per_s"),
                                                   of(torch, "train_tokens_per_s"))
    row["ratio_torch_forward"] = common.median_ratio(of(narrow, "forward_tokens_per_s"),
                                                     of(torch, "forward_tokens_per_s"))
    row["memory_of_torch"] = common.median_ratio(of(narrow, "peak_rss_gb"), of(torch, "peak_rss_gb"))
    return row, machine


def main():
    rows = common.measure_cases("precision", CASES, measure)
    columns = [("model", "case"), ("float32, tokens/s", "float32_train_tokens_per_s"),
               ("bf16", "train_tokens_per_s"), ("bf16 / float32", "ratio_train"),
               ("memory, GB", "peak_rss_gb"), ("of float32's", "memory_of_float32"),
               ("PyTorch, autocast", "torch_train_tokens_per_s"), ("ours / theirs", "ratio_torch_train"),
               ("memory of theirs", "memory_of_torch")]
    common.table("Training in bf16", columns, rows)
    columns = [("model", "case"), ("forward, bf16, tokens/s", "forward_tokens_per_s"),
               ("bf16 / float32", "ratio_forward"), ("ours / autocast", "ratio_torch_forward"),
               ("one sequence, ms", "sequence_ms"), ("float32 / bf16", "ratio_sequence")]
    common.table("Inference in bf16", columns, rows)


if __name__ == "__main__":
    main()
