"""A model that the program itself trained for a few steps:
its export loads in transformers and in the twin, with equal results."""

import glob
import os

from transformers import AutoTokenizer

import check_import
import check_tokenizer
import fill_mask
import tools
import twin

CONFIG = os.path.join(tools.HERE, "..", "..", "configs", "pretrain", "quickstart.yaml")


def _trained(program, scratch):
    """A run directory after three steps of hard trees."""
    check_tokenizer.prepare(program, scratch)
    run = os.path.join(scratch, "run")
    program.run("pretrain", CONFIG, f"data={os.path.join(scratch, 'data')}", f"run={run}", "routing.mode=hard",
                "train.max_steps=3", "seed=7")
    return run


def _expect_same_again(program, directory, scratch):
    """An export that is imported and exported again keeps every byte and the configuration."""
    file, again = os.path.join(scratch, "again.h5"), os.path.join(scratch, "again")
    program.run("import", directory, file)
    program.run("export", file, again)
    check_import.expect_same_tensors(again, directory)
    for name in ("config.json", "model_config.json", "tokenizer.json", "tokenizer_config.json",
                 "special_tokens_map.json"):
        with open(os.path.join(directory, name), "rb") as first, open(os.path.join(again, name), "rb") as second:
            tools.expect(first.read() == second.read(),
                         f"{again}: {name} differs from that of {directory}, which it was imported from")


def check(program, scratch):
    run = _trained(program, scratch)
    directory = os.path.join(scratch, "exported")
    program.run("export", run, directory)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                 "special_tokens_map.json"):
        tools.expect(os.path.isfile(os.path.join(directory, name)),
                     f"{directory} lacks {name}; it holds {sorted(map(os.path.basename, glob.glob(directory + '/*')))}")
    _, model = twin.load_directory(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tools.expect(tokenizer.mask_token == "<mask>" and tokenizer.model_max_length == 128,
                 f"{directory}: mask token {tokenizer.mask_token}, length {tokenizer.model_max_length}")
    with open(os.path.join(scratch, "rows.txt"), "w", encoding="utf-8") as file:
        file.writelines(text + "\n" for text in fill_mask.SENTENCES)
    found = program.json_lines("tokenize", run, "--file", os.path.join(scratch, "rows.txt"), "--json")
    tools.expect([row["ids"] for row in found] == tokenizer(fill_mask.SENTENCES).input_ids,
                 "tokenize of the run differs from AutoTokenizer of the export")
    for path in (run, directory):
        fill_mask.expect_fill_mask(program, path, model, tokenizer)
        check_import.expect_embed(program, path, model, tokenizer)
    check_import.run_by_original(directory, model)
    _expect_same_again(program, directory, scratch)
    return "a trained model's export loads in transformers and the twin; tokens, fill-mask and embed are equal"


if __name__ == "__main__":
    tools.main("export", check)
