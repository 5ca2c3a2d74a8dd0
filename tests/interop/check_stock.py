"""Exports in the layouts of transformers' own classes: plain transformers, old and new, loads them and computes what the
program computes; folders of sentence-transformers stay such."""

import json
import os
import random
import sys

import torch
import transformers
from transformers import AutoTokenizer

import check_bert
import check_versions
import tools

VERSIONS = ("4.41.2", None)
POOLINGS = ("cls", "max", "mean_sqrt_len_tokens", "mean")
TEXTS = ["the tree grows on the wall", "an old pear, pruned hard!", ".", "unknown words and a soft leaf"]
RECIPE = os.path.join(tools.HERE, "..", "..", "configs", "finetune", "bert.yaml")
# What a class makes of its folder, and which tensors it missed or did not expect.
LOAD = """
import json, torch, transformers
transformers.utils.logging.set_verbosity_error()
model, info = transformers.{name}.from_pretrained(".", output_loading_info=True)
tokenizer = transformers.AutoTokenizer.from_pretrained(".")
inputs = tokenizer({texts!r}, return_tensors="pt", padding=True)
with torch.no_grad(): result = model.eval().float()(**inputs)[0]
mask = inputs["attention_mask"].bool()
result = result[mask] if result.dim() == 3 else result
print(json.dumps([sorted(info["missing_keys"]) + sorted(info["unexpected_keys"]), result.flatten().tolist()]))
"""


class Folders:
    """What is to be run in every version, at once, for starting Python with transformers takes seconds."""

    def __init__(self):
        self._blocks, self._checks = [], []

    def add(self, folder, code, expect):
        """expect(version, what the code prints)"""
        self._blocks.append({"folder": folder, "code": code, "original": False})
        self._checks.append(expect)

    def run(self):
        for version in VERSIONS:
            for expect, printed in zip(self._checks, check_versions.run_blocks(version, self._blocks)):
                expect(version or transformers.__version__, printed)


def _add_results(folders, folder, class_name, expected):
    """No tensor is missing or unexpected; of classes `expected` are the probabilities, else what the class gives."""
    def expect(version, printed):
        keys, values = json.loads(printed.splitlines()[-1])
        tools.expect(not keys, f"transformers {version}: {folder}: missing or unexpected: {keys}")
        found = torch.tensor(values)
        if class_name.endswith("ForSequenceClassification"):
            found = found.reshape(len(TEXTS), -1).softmax(1).flatten()
        tools.expect_close(found.tolist(), expected, f"transformers {version}: {folder}", absolute=1e-5)
    folders.add(folder, LOAD.format(name=class_name, texts=TEXTS), expect)


def _add_card(folders, program, folder, encoder=False):
    """The lines of the card run and print what the program answers; of an encoder they run."""
    shell, lines = check_versions.card(folder, 2)
    answer = None if encoder else check_versions.shell_result(program, folder, shell)[0].strip()
    folders.add(folder, lines, lambda version, printed: tools.expect(
        encoder or printed.strip() == answer, f"{folder}/README.md: {version} prints {printed!r}, not {answer!r}"))


def _round_trip(folders, program, scratch, class_name, seed):
    """Folder -> checkpoint -> folder: the class computes what it did."""
    source, file, out = (os.path.join(scratch, class_name + end) for end in ("", ".h5", "-out"))
    model = check_bert.random_model(source, class_name, random.Random(seed))
    program.run("import", source, file)
    program.run("export", file, out)
    inputs = AutoTokenizer.from_pretrained(source)(TEXTS, return_tensors="pt", padding=True)
    if class_name.startswith("Distil"):
        inputs.pop("token_type_ids", None)
    with torch.no_grad():
        expected = model(**inputs)[0]
    if class_name.endswith("ForSequenceClassification"):
        expected = expected.softmax(1)
    expected = expected[inputs["attention_mask"].bool()] if expected.dim() == 3 else expected
    _add_results(folders, out, class_name, expected.flatten().tolist())
    _add_card(folders, program, out, encoder=class_name.endswith("Model"))


def _fine_tuned(folders, program, scratch, base, class_name, activation):
    """Trained here for a few steps: transformers gives the probabilities of `classify`."""
    run, out, table = (os.path.join(scratch, base + end) for end in ("-run", "-tuned", ".tsv"))
    rows = [f"{'fruit' if i % 3 else 'wall'}\t{TEXTS[i % 2]} {i}" for i in range(24)]
    with open(table, "w", encoding="utf-8") as file:
        file.write("label\ttext\n" + "\n".join(rows) + "\n")
    program.run("finetune", RECIPE, f"model={os.path.join(scratch, base)}", f"run={run}", "task.name=custom",
                f"task.train={table}", f"task.dev={table}", "task.text=text", "task.label=label",
                f"head.activation={activation}", "train.max_steps=3", "train.batch_size=8", "eval.bootstrap=0")
    program.run("export", run, out)
    found = program.json_document("classify", run, *TEXTS, "--json")
    expected = [value for row in found for value in row["probabilities"].values()]
    _add_results(folders, out, class_name, expected)
    _add_card(folders, program, out)


def _sentences(program, scratch, packages):
    sys.path.append(packages)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from sentence_transformers.base.modules import Normalize

    for index, pooling in enumerate(POOLINGS):
        encoder = Transformer(os.path.join(scratch, "BertModel"))
        chain = [encoder, Pooling(encoder.get_embedding_dimension(), pooling)] + [Normalize()][: index % 2]
        model = SentenceTransformer(modules=chain, device="cpu", prompts={"query": "a wall "},
                                    default_prompt_name="query" if index > 1 else None)
        model.max_seq_length = 6 + index
        saved, out = (os.path.join(scratch, pooling + end) for end in ("", "-out"))
        model.save_pretrained(saved)
        program.run("export", saved, out)
        rows = os.path.join(scratch, "rows.jsonl")
        tools.write_jsonl(rows, [{"text": text} for text in TEXTS])
        found = [row["embedding"] for row in program.json_lines("embed", out, "--file", rows, "--text-column", "text")]
        for folder in (saved, out):
            expected = SentenceTransformer(folder, device="cpu").encode(TEXTS, convert_to_tensor=True)
            error = check_bert.relative_error(found, expected)
            tools.expect(error < 5e-6, f"{folder}: relative error {error}")
    return f"sentence-transformers with {len(POOLINGS)} poolings"


def check(program, scratch):
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    folders = Folders()
    for seed, class_name in enumerate(check_bert.MODELS):
        _round_trip(folders, program, scratch, class_name, 50 + seed)
    for base, activation in (("BertModel", "tanh"), ("DistilBertModel", "relu")):
        name = base.replace("Model", "ForSequenceClassification")
        _fine_tuned(folders, program, scratch, base, name, activation)
    folders.run()
    try:
        sentences = _sentences(program, scratch, tools.packages("minilm", "minilm.txt"))
    except tools.CheckSkipped as reason:
        sentences = f"sentence-transformers SKIPPED: {reason}"
    names = ", ".join(version or transformers.__version__ for version in VERSIONS)
    return f"{len(check_bert.MODELS)} classes and 2 fine-tuned models in transformers {names}; {sentences}"


if __name__ == "__main__":
    tools.main("stock", check)
