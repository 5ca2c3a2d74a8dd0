"""Exports in bf16, float16 and int8: the bits that PyTorch's own rounding gives, in formats that transformers reads;
and a model in int8 computes what its formula says, written here with PyTorch's integers."""

import os
import random

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer

import check_bert
import check_import
import check_versions
import tools
import twin

HALVES = {"bf16": torch.bfloat16, "float16": torch.float16}
CLASSES = ("BertModel", "BertForMaskedLM", "BertForSequenceClassification", "DistilBertForMaskedLM")
TEXTS = ["the tree grows on the wall", "an old pear, pruned hard!", "unknown words and a soft leaf"]


def _tensors(folder):
    return load_file(os.path.join(folder, "model.safetensors"))


def quantized(rows):
    """Bytes and scales by row, to the bit: the largest of a row becomes 127, others go to the nearest even."""
    most = rows.abs().amax(-1, keepdim=True)
    bytes_ = torch.where(most > 0, (rows * (127 / most)).round(), torch.zeros_like(rows))
    return bytes_, most / 127


class Int8Linear(torch.nn.Module):
    """y = scale_x scale_w (sum of products of bytes) + bias, with a scale of x for each token."""

    def __init__(self, linear):
        super().__init__()
        self.bytes, self.scale = quantized(linear.weight.detach())
        self.bias = linear.bias

    def forward(self, x):
        bytes_, scale = quantized(x)
        sums = (bytes_.double() @ self.bytes.double().T).float()
        y = sums * scale * self.scale.T
        return y if self.bias is None else y + self.bias


def _in_bytes(module):
    """Replaces every linear layer, and rounds the table of words, in place."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.Linear):
            setattr(module, name, Int8Linear(child))
        elif isinstance(child, torch.nn.Embedding) and name == "word_embeddings":
            bytes_, scale = quantized(child.weight.detach())
            child.weight = torch.nn.Parameter(bytes_ * scale)
        else:
            _in_bytes(child)
    return module


def _expect_bits(found, expected, what):
    tools.expect(found.dtype == expected.dtype and found.shape == expected.shape,
                 f"{what}: {found.dtype} {tuple(found.shape)}, expected {expected.dtype} {tuple(expected.shape)}")
    unequal = int((found.contiguous().view(torch.uint8) != expected.contiguous().view(torch.uint8)).sum())
    tools.expect(unequal == 0, f"{what}: {unequal} bytes differ")


def _expect_halves(program, file, full, scratch):
    for name, dtype in HALVES.items():
        out = os.path.join(scratch, f"{os.path.basename(file)}-{name}")
        program.run("export", file, out, "--dtype", name)
        found = _tensors(out)
        tools.expect(found.keys() == full.keys(), f"{out}: tensors {sorted(found.keys() ^ full.keys())} differ")
        for key, tensor in full.items():
            _expect_bits(found[key], tensor.to(dtype), f"{out}: {key}")


def _expect_int8(folder, full):
    """Every tensor is what it was, or the bytes and scales of its rows; how many are in bytes."""
    found, in_bytes = _tensors(folder), 0
    for key, tensor in full.items():
        if key in found and found[key].dtype == torch.float32:
            _expect_bits(found[key], tensor, f"{folder}: {key}")
            continue
        stored = found.get(key, torch.empty(0))
        tools.expect(stored.dtype == torch.int8, f"{folder}: {key} is missing, and there are no bytes for it")
        bytes_, scale = quantized(tensor)
        _expect_bits(stored, bytes_.to(torch.int8), f"{folder}: {key}")
        _expect_bits(found[f"{key}_scale"].reshape(-1), scale.reshape(-1), f"{folder}: {key}_scale")
        in_bytes += 1
    tools.expect(in_bytes > 0, f"{folder}: nothing is in bytes")
    return in_bytes


def _expect_dequantized(program, folder, scratch):
    """import --dequantize makes scale * byte of it, to the bit."""
    file, again = os.path.join(scratch, "dequantized.h5"), folder + "-dequantized"
    program.run("import", "--dequantize", folder, file)
    program.run("export", file, again)
    stored = _tensors(folder)
    for key, tensor in _tensors(again).items():
        if key not in stored or stored[key].dtype != torch.int8:
            continue
        expected = stored[key].float() * stored[f"{key}_scale"].reshape(-1, *[1] * (tensor.dim() - 1))
        _expect_bits(tensor, expected, f"{again}: {key}")


def _expect_results(program, folder, model, scratch):
    """`embed` of the folder in bytes against the formula; rounding falls the other way where floats differ in their
    last bit, so that the difference is a part of a step of 1/127."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain, ours = [], []
    with torch.no_grad():
        for text in TEXTS:
            plain.append(model.base_model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0))
        base = _in_bytes(model).base_model
        for text in TEXTS:
            ours.append(base(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0))
    worst, loss = 0.0, 0.0
    for row, formula, exact in zip(program.json_lines("embed", folder, *TEXTS), ours, plain, strict=True):
        worst = max(worst, check_bert.relative_error(row["embedding"], formula))
        loss = max(loss, check_bert.relative_error(row["embedding"], exact))
    tools.expect(worst < 1e-3, f"embed {folder}: {worst} from the formula ({loss} from float32)")
    return worst, loss


def _check_class(program, scratch, class_name, seed):
    source, file, out = (os.path.join(scratch, class_name + end) for end in ("", ".h5", "-int8"))
    model = check_bert.random_model(source, class_name, random.Random(seed))
    program.run("import", source, file)
    plain = os.path.join(scratch, class_name + "-float32")
    program.run("export", file, plain, "--dtype", "float32")
    full = _tensors(plain)
    _expect_halves(program, file, full, scratch)
    program.run("export", file, out, "--dtype", "int8")
    count = _expect_int8(out, full)
    _expect_dequantized(program, out, scratch)
    return count, _expect_results(program, out, model.float().eval(), scratch)


def _run_cards(program, folders):
    """The lines of the model cards, by transformers with compressed-tensors: they print what `fill-mask` and `classify`
    of the folder in bytes answer (float32 of the same weights: no activation is rounded there)."""
    blocks, answers = [], []
    for folder in folders:
        shell, lines = check_versions.card(folder, 2)
        blocks.append({"folder": folder, "code": lines, "original": False})
        answers.append(check_versions.shell_result(program, folder, shell)[0].strip())
    try:
        printed = check_versions.run_blocks(None, blocks, beside=("compressed-tensors",))
    except tools.CheckSkipped as reason:
        return f"cards SKIPPED: {reason}"
    for folder, answer, text in zip(folders, answers, printed, strict=True):
        tools.expect(answer == text, f"{folder}/README.md prints {text!r}, not {answer!r}")
    return f"the cards' lines give the same answers in transformers {transformers.__version__} with compressed-tensors"


def _check_tree(program, scratch):
    """A crammed BERT with trees, under our own names."""
    folder, file = os.path.join(scratch, "tree"), os.path.join(scratch, "tree.h5")
    plain, out = folder + "-float32", folder + "-int8"
    config = check_import.config_of("fff_1x4")
    twin.save_directory(folder, config, check_import.random_twin(config, 7))
    tools.write_tokenizer(folder, check_import.TOKENIZER)
    program.run("import", folder, file)
    for target, dtype in ((plain, "float32"), (out, "int8")):
        program.run("export", file, target, "--format", "transformers", "--dtype", dtype)
    count = _expect_int8(out, _tensors(plain))
    _expect_dequantized(program, out, scratch)
    return count


def check(program, scratch):
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    count, worst, loss = _check_tree(program, scratch), 0.0, 0.0
    for seed, class_name in enumerate(CLASSES):
        tensors, errors = _check_class(program, scratch, class_name, 70 + seed)
        count, worst, loss = count + tensors, max(worst, errors[0]), max(loss, errors[1])
    heads = [os.path.join(scratch, name + "-int8") for name in CLASSES if not name.endswith("Model")]
    cards = _run_cards(program, heads)
    return (f"{len(CLASSES)} models in bf16 and float16, {count} tensors in int8 with PyTorch's bits; embed in int8 "
            f"{worst:.1e} from the formula, {loss:.1e} from float32; {cards}")


if __name__ == "__main__":
    tools.main("dtypes", check)
