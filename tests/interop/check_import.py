"""Random models as Hugging Face directories: import and export give the tensors back,
and the program computes what the twin computes."""

import copy
import functools
import json
import os

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

import fill_mask
import tools
import twin

TOKENIZER = os.path.join(tools.GOLDEN, "tokenizer.json")
PLAIN = [text.replace("<mask>", "river") for text in fill_mask.SENTENCES]
FFF = {"intermed_type": "fff"}
VARIANTS = {
    "fff_1x4": ({**FFF, "intermed_size": 1, "intermed_depth": 4}, {}, {}),
    "fff_4x2": ({**FFF, "intermed_size": 4, "intermed_depth": 2}, {}, {}),
    "fff_9x0": ({**FFF, "intermed_size": 9, "intermed_depth": 0}, {}, {}),
    "dense": ({"intermed_type": "ff", "intermed_size": 20}, {}, {}),
    "gated": ({"intermed_type": "ff", "intermed_size": 20, "nonlin": "GELUglu"}, {}, {}),
    "rotary": ({**FFF, "intermed_size": 2, "intermed_depth": 3}, {"rotary_embedding": "llama"}, {}),
    "rotary_learned": ({"intermed_type": "ff", "intermed_size": 20}, {"rotary_embedding": "llama"},
                       {"pos_embedding": "learned"}),
}


def config_of(variant, classifier=None):
    """A complete config.json mapping; `classifier` is (pooler, number of labels)."""
    import models

    arch = models.architecture()
    outer, attention, embedding = VARIANTS[variant]
    arch.update(hidden_size=24, init={"type": "normal", "std": 0.02}, hidden_dropout_prob=0.1, **outer)
    arch["attention"].update(num_attention_heads=3, dropout_prob=0.1, **attention)
    arch["embedding"].update(vocab_size=450, embedding_dim=24, max_seq_length=128, dropout_prob=0.1, **embedding)
    config = {"arch": arch, "architectures": ["ScriptableLMForPreTraining"], "model_type": "crammedBERT",
              "torch_dtype": "float32"}
    if classifier:
        pooler, labels = classifier
        arch["classification_head"].update(pooler=pooler, head_dim=32)
        arch["num_labels"] = labels
        config.update(architectures=["ScriptableLMForSequenceClassification"], num_labels=labels,
                      id2label={str(i): f"class {i}" for i in range(labels)},
                      label2id={f"class {i}": i for i in range(labels)})
    return config


def random_twin(config, seed, dtype=torch.float32):
    torch.manual_seed(seed)
    model = twin.build(copy.deepcopy(config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(mean=1.0 if "norm" in name and name.endswith("weight") else 0.0, std=0.25)
            # A negative zero and numbers so small that they are subnormal in float32 or float16:
            # they must survive the round trip.
            if parameter.dim() == 2:
                parameter.view(-1)[:3] = torch.tensor([-0.0, 1e-40, -3e-7])
    for module in model.modules():  # .to(dtype) would also convert the complex rotary table
        for name, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if tensor.is_floating_point():
                tensor.data = tensor.data.to(dtype)
    return model


def expect_same_tensors(found_directory, expected_directory):
    found, expected = (load_file(os.path.join(d, "model.safetensors")) for d in (found_directory, expected_directory))
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    tools.expect(not missing and not extra, f"{found_directory}: tensors missing {missing}, unexpected {extra}")
    for name, tensor in expected.items():
        tools.expect(found[name].dtype == tensor.dtype, f"{name}: {found[name].dtype}, expected {tensor.dtype}")
        tools.expect(found[name].shape == tensor.shape,
                     f"{name}: shape {tuple(found[name].shape)}, expected {tuple(tensor.shape)}")
        bits, expected_bits = (t.reshape(-1).view(torch.uint8) for t in (found[name], tensor))
        tools.expect(torch.equal(bits, expected_bits), f"{name}: {int((bits != expected_bits).sum())} bytes differ")


def expect_same_config(found, expected, where="config.json"):
    """Every key of `expected` must be there with its value; further keys may."""
    for key, value in expected.items():
        tools.expect(key in found, f"{where}: key {key} is missing")
        if isinstance(value, dict):
            expect_same_config(found[key], value, f"{where}: {key}")
        else:
            tools.expect(found[key] == value, f"{where}: {key} is {found[key]!r}, expected {value!r}")


def round_trip(program, scratch, name, config, model):
    """Directory -> .h5 -> directory; returns the .h5 file and the exported directory."""
    source, target, file = (os.path.join(scratch, name + end) for end in ("", "-exported", ".h5"))
    twin.save_directory(source, config, model)
    tools.write_tokenizer(source, TOKENIZER)
    program.run("import", source, file)
    program.run("export", file, target)
    expect_same_tensors(target, source)
    with open(os.path.join(target, "config.json"), encoding="utf-8") as exported:
        expect_same_config(json.load(exported), config)
    original, copied = AutoTokenizer.from_pretrained(source), AutoTokenizer.from_pretrained(target)
    tools.expect(original.get_vocab() == copied.get_vocab() and
                 original.all_special_tokens == copied.all_special_tokens,
                 f"{target}: the tokenizer changed")
    run_by_original(target, model)
    return file, target


def expect_embed(program, file, model, tokenizer):
    """`embed` is the mean of the twin's final states over all positions."""
    found = program.json_lines("embed", file, *PLAIN)
    tools.expect([row["text"] for row in found] == PLAIN,
                 f"embed: texts are {[row['text'] for row in found]}, expected {PLAIN}")
    for text, row in zip(PLAIN, found):
        with torch.no_grad():
            states = model.encoder(torch.tensor([tokenizer(text).input_ids]))[0].mean(0).tolist()
        tools.expect_close(row["embedding"], states, f"embed {text!r}", relative=1e-4, absolute=1e-5)


def expect_classify(program, file, model, config, tokenizer):
    """`classify` gives the label of highest softmax, or the value of a single output;
    the sentence is a pair with an empty second part."""
    found = program.json_document("classify", file, *PLAIN, "--json")
    tools.expect(len(found) == len(PLAIN), f"classify: {len(found)} results for {len(PLAIN)} texts")
    for text, row in zip(PLAIN, found):
        with torch.no_grad():
            logits = model(torch.tensor(tokenizer([text], [""]).input_ids))[0]
        scores = logits.softmax(-1) if len(logits) > 1 else logits
        best = int(scores.argmax())
        tools.expect(row["label"] == config["id2label"][str(best)], f"classify {text!r}: {row}, expected class {best}")
        tools.expect_close(row["score"], scores[best].item(), f"classify {text!r}: score")
        if len(logits) > 1:
            all_scores = [row["probabilities"][config["id2label"][str(i)]] for i in range(len(logits))]
            tools.expect_close(all_scores, scores.tolist(), f"classify {text!r}: probabilities")


@functools.cache
def _original_code():
    import original

    return original.load_ultrafastbert(os.environ["ULTRAFASTBERT_DIR"]).model


def run_by_original(directory, model):
    """The original code loads the exported directory and gives the twin's logits (only with ULTRAFASTBERT_DIR,
    and only in float32)."""
    if not os.environ.get("ULTRAFASTBERT_DIR") or next(model.parameters()).dtype != torch.float32:
        return
    code = _original_code()
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    parts = code.crammedBertConfig(config["arch"])
    if config.get("num_labels") and "ScriptableLMForSequenceClassification" in config["architectures"]:
        parts.num_labels = config["num_labels"]
        theirs = code.ScriptableLMForSequenceClassification(parts)
    else:
        theirs = code.ScriptableLMForPreTraining(parts)
    theirs.load_state_dict(load_file(os.path.join(directory, "model.safetensors")), strict=True)
    ids = torch.randint(7, config["arch"]["embedding"]["vocab_size"], (3, 20),
                        generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        result, expected = theirs.eval()(ids), model(ids)
        logits = result["logits"] if "logits" in result else result["outputs"].view_as(expected)
    tools.expect((logits - expected).abs().max() < 1e-4,
                 f"{directory}: the original's logits differ from the twin's by {(logits - expected).abs().max():.2e}")


def check(program, scratch):
    tokenizer = None
    for seed, variant in enumerate(VARIANTS):
        config = config_of(variant)
        model = random_twin(config, seed)
        file, target = round_trip(program, scratch, variant, config, model)
        tokenizer = AutoTokenizer.from_pretrained(target)
        fill_mask.expect_fill_mask(program, file, model, tokenizer)
        expect_embed(program, file, model, tokenizer)
    for dtype in (torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        config = {**config_of("fff_1x4"), "torch_dtype": name}
        round_trip(program, scratch, name, config, random_twin(config, 20, dtype))
    for pooler, labels in (("avg", 3), ("zero_index", 2), ("zero_index", 1)):
        config = config_of("fff_4x2", (pooler, labels))
        model = random_twin(config, 30 + labels)
        file, _ = round_trip(program, scratch, f"classifier_{pooler}_{labels}", config, model)
        expect_classify(program, file, model, config, tokenizer)
    by_original = ", and the original code agrees" if os.environ.get("ULTRAFASTBERT_DIR") else ""
    return (f"{len(VARIANTS) + 5} models imported and exported unchanged; fill-mask, embed and classify equal the twin"
            f"{by_original}")


if __name__ == "__main__":
    tools.main("import", check)
