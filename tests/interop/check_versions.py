"""Exports in old and new versions of transformers: the lines of the model card, word for word, and a folder that
version 5 saved."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import tokenizers
import transformers
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

import check_import
import tools

OLD = ("4.41.2", "4.50.3")
MODELS = {"masked": ("fff_4x2", None), "rotary": ("rotary", None), "gated": ("gated", None),
          "classes": ("fff_1x4", ("zero_index", 3)), "value": ("fff_1x4", ("avg", 1))}
TYPES = 'print(tokenizer("a river", "a tree")["token_type_ids"])\n'


def run_blocks(version, blocks, original=None, beside=()):
    """What each block prints with that version, beside some other packages; None is the environment's own."""
    folders = [tools.packages(name, name.removeprefix("transformers-") + ".txt")
               for name in (version and "transformers-" + version, *beside) if name]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(folders))
    command = [sys.executable, "-W", "ignore", os.path.join(tools.HERE, "run_blocks.py"), original or ""]
    done = subprocess.run(command, input=json.dumps(blocks), env=environment, capture_output=True, text=True,
                          check=False)
    tools.expect(done.returncode == 0, f"transformers {version}: {done.stderr[-2000:]}")
    results = json.loads(done.stdout)
    for block, result in zip(blocks, results):
        tools.expect("error" not in result, f"transformers {version}: {block['folder']}: the lines\n{block['code']}\n"
                                            f"fail:\n{result.get('error')}")
    return [result["out"].strip() for result in results]


def card(folder, count=4):
    """The indented blocks under `## Use`: for the shell, of the original's layout for the tokenizer and the installation,
    and for the model."""
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        use = file.read().split("## Use\n")[1].split("\n## ")[0]
    blocks = [re.sub(r"(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", use)]
    tools.expect(len(blocks) == count, f"{folder}/README.md: {len(blocks)} blocks of lines, expected {count}: {blocks}")
    return blocks


def _range(installation, folder):
    found = re.search(r'"transformers>=([0-9.]+),<=([0-9.]+)"', installation)
    tools.expect(found, f"{folder}/README.md: no range of versions in {installation!r}")
    return [tuple(map(int, version.split("."))) for version in found.groups()]


def shell_result(program, folder, line):
    """What the card's line for the shell answers: the first token, label or value."""
    words = shlex.split(line)
    tools.expect(words[0] == "espalier", f"{folder}/README.md: the shell's line is {line!r}")
    words[words.index(".")] = folder
    answer = program.json_document(*words[1:], "--json")[0]
    return answer["token_str"] if "token_str" in answer else answer["label"], answer["score"]


def _saved_by_five(program, scratch):
    """A folder with a tokenizer of types that 5.x saved with truncation and padding, and weights within wrappers;
    exported by us."""
    with open(check_import.TOKENIZER, encoding="utf-8") as file:
        document = json.load(file)
    for piece in document["post_processor"]["pair"][-2:]:
        next(iter(piece.values()))["type_id"] = 1
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer.from_str(json.dumps(document)),
                                        model_max_length=128, **tools.SPECIAL)
    tokenizer.backend_tokenizer.enable_truncation(100)
    tokenizer.backend_tokenizer.enable_padding(length=100)
    saved, file, exported = (os.path.join(scratch, name) for name in ("saved", "saved.h5", "saved-exported"))
    shutil.copytree(os.path.join(scratch, "masked"), saved, ignore=shutil.ignore_patterns("*tok*"))
    tokenizer.save_pretrained(saved)
    weights = os.path.join(saved, "model.safetensors")
    save_file({"module._orig_mod." + name: tensor for name, tensor in load_file(weights).items()}, weights,
              {"format": "pt"})
    warnings = program.json_document("import", saved, file, "--json")["warnings"]
    for part in ("begins with `module._orig_mod.`", "truncation to 100 tokens and padding to 100 tokens"):
        tools.expect(any(part in warning for warning in warnings), f"import {saved}: no warning of {part}: {warnings}")
    program.run("export", file, exported)
    check_import.expect_same_tensors(exported, os.path.join(scratch, "masked"))
    with open(os.path.join(exported, "tokenizer_config.json"), encoding="utf-8") as config:
        found = json.load(config)
    tools.expect(found["tokenizer_class"] == "PreTrainedTokenizerFast" and
                 not found.keys() & {"backend", "is_local", "local_files_only"}, f"{exported}: {found}")
    raw = tokenizers.Tokenizer.from_file(os.path.join(exported, "tokenizer.json")).encode("a")
    tools.expect(len(raw.ids) == 2, f"{exported}: tokenizers makes {len(raw.ids)} ids of \"a\"")
    return exported


def check(program, scratch):
    blocks = {version: [] for version in (*OLD, None)}
    answers = {version: [] for version in blocks}
    original = tools.original_checkout()
    for seed, (name, (variant, head)) in enumerate(MODELS.items()):
        config = check_import.config_of(variant, head)
        _, folder = check_import.round_trip(program, scratch, name, config, check_import.random_twin(config, 70 + seed))
        shell, tokens, installation, model = card(folder)
        answer, score = shell_result(program, folder, shell)
        first, last = _range(installation, folder)
        for version in blocks:
            blocks[version].append({"folder": folder, "code": tokens, "original": False})
            answers[version].append(None)
            if original and version and first <= tuple(map(int, version.split("."))) <= last:
                blocks[version].append({"folder": folder, "code": model, "original": True})
                answers[version].append(score if name == "value" else answer)
    exported = _saved_by_five(program, scratch)
    _, tokens, _, _ = card(exported)
    for version in blocks:
        blocks[version].append({"folder": exported, "code": tokens + TYPES, "original": False})
        answers[version].append(None)
    printed = {version: run_blocks(version, blocks[version], original) for version in blocks}
    _compare(printed, answers)
    types = printed[None][-1]
    tools.expect(types.endswith("1, 1]"), f"types of a pair in {transformers.__version__}: {types}")
    ran = sum(answer is not None for some in answers.values() for answer in some)
    by_original = f"ran {ran} times and gave what the program gives" if ran else "did not run"
    return (f"the card's lines of {len(MODELS)} models and a folder saved by 5.x, in transformers {', '.join(OLD)} and "
            f"{transformers.__version__}; the model's lines {by_original}")


def _compare(printed, answers):
    """The tokenizer prints the same in all versions; the model what the program answers."""
    tokens = {version: [out for out, answer in zip(printed[version], answers[version]) if answer is None]
              for version in printed}
    for version in OLD:
        tools.expect(tokens[version] == tokens[None],
                     f"transformers {version}: {tokens[version]}, expected {tokens[None]}")
        for out, answer in zip(printed[version], answers[version]):
            if isinstance(answer, float):
                tools.expect_close(float(out), answer, f"transformers {version}: the value")
            elif answer is not None:
                tools.expect(out == answer.strip(), f"transformers {version}: {out!r}, the program says {answer!r}")


if __name__ == "__main__":
    tools.main("versions", check)
