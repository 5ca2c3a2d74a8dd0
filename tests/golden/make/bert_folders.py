"""Tiny random BERT and DistilBERT models as Hugging Face folders, in the forms in which such folders are found."""

import json
import os
import shutil

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoTokenizer, BertConfig, DistilBertConfig

VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK] . , ? ! ' the a an of on wall tree trees garden gardener grow ##s ##ing
##ed ##er ##est flat tall old red prune branch pear apple win ##ter spring sum ##mer an ##d not it is was and very hard
soft leaf ##y wire tie un""".split()
VOCABULARY = list(dict.fromkeys(VOCABULARY))
MAX_POSITIONS = 24
OLD_NORM = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def configuration(family, width, heads, activation, **more):
    """A transformers configuration without dropout, with weights large enough that nothing is near-linear."""
    if family == "distilbert":
        return DistilBertConfig(vocab_size=len(VOCABULARY), dim=width, n_heads=heads, n_layers=2,
                                hidden_dim=2 * width + 8, activation=activation, initializer_range=0.2,
                                max_position_embeddings=MAX_POSITIONS, dropout=0.0, attention_dropout=0.0,
                                seq_classif_dropout=0.0, **more)
    return BertConfig(vocab_size=len(VOCABULARY), hidden_size=width, num_attention_heads=heads, num_hidden_layers=2,
                      intermediate_size=2 * width + 8, hidden_act=activation, initializer_range=0.2,
                      max_position_embeddings=MAX_POSITIONS, hidden_dropout_prob=0.0,
                      attention_probs_dropout_prob=0.0, classifier_dropout=0.0, **more)


def build(class_name, config, seed):
    """The class with its own initialisation; every vector (biases and LayerNorms) is then moved off 0 and 1."""
    torch.manual_seed(seed)
    model = getattr(transformers, class_name)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
        for name, parameter in model.named_parameters():
            if name.endswith("word_embeddings.weight"):  # the padding row starts at zero: let it matter
                parameter[0].normal_(std=0.2)
    return model.eval()


def _rewrite(folder, change):
    """The one model.safetensors of `folder` with its tensors changed by `change(dict) -> dict`."""
    from safetensors.torch import load_file

    path = os.path.join(folder, "model.safetensors")
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def _shard(folder, parts=2):
    """model.safetensors cut into shards with their index."""
    from safetensors.torch import load_file

    path = os.path.join(folder, "model.safetensors")
    tensors = load_file(path)
    os.remove(path)
    names, weight_map = sorted(tensors), {}
    for part in range(parts):
        file = f"model-{part + 1:05d}-of-{parts:05d}.safetensors"
        chosen = names[part * len(names) // parts : (part + 1) * len(names) // parts]
        save_file({name: tensors[name] for name in chosen}, os.path.join(folder, file), metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(chosen, file))
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    with open(path + ".index.json", "w", encoding="ascii") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file, indent=1, sort_keys=True)


def renamed(tensors, old_norms, prefix):
    """`prefix` is (from, to): the base model's prefix taken away or added."""
    result = {}
    for name, value in tensors.items():
        if old_norms:
            for new, old in OLD_NORM.items():
                name = name.replace(new, old)
        before, after = prefix
        if name.startswith(before) and not name.startswith(("cls.", "classifier.")):
            name = after + name[len(before):]
        result[name] = value
    return result


def _with_decoder(tensors):
    """The tied decoder stored a second time, as older versions did."""
    embedding = next(v for k, v in tensors.items() if k.endswith("word_embeddings.weight"))
    return {**tensors, "cls.predictions.decoder.weight": embedding.clone(),
            "cls.predictions.decoder.bias": tensors["cls.predictions.bias"].clone()}


def _with_position_ids(tensors):
    name = next(k for k in tensors if k.endswith("position_embeddings.weight"))
    return {**tensors, name.replace("position_embeddings.weight", "position_ids"):
            torch.arange(MAX_POSITIONS).unsqueeze(0)}


def write(folder, model, *, dtype=torch.float32, old_norms=False, prefix=("", ""), decoder=False, position_ids=False,
          shards=False, tokenizer=None):
    """Writes the folder with transformers, brings it into the form asked for, and reads it back with transformers:
    the float32 model of the class that config.json names, with eager attention."""
    import copy

    if os.path.isdir(folder):
        shutil.rmtree(folder)
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    _rewrite(folder, lambda tensors: renamed(tensors, old_norms, prefix))
    if decoder:
        _rewrite(folder, _with_decoder)
    if position_ids:
        _rewrite(folder, _with_position_ids)
    if shards:
        _shard(folder)
    if tokenizer:
        write_tokenizer(folder, *tokenizer)
    return _read_back(folder, model, dtype)


def _read_back(folder, model, dtype):
    config = AutoConfig.from_pretrained(folder)
    assert config.architectures == [type(model).__name__], config.architectures
    loaded = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expected = dict(model.named_parameters())
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, expected[name].to(dtype).float()), f"transformers reads another {name}"
        parameter.requires_grad_(True)
    return loaded


def write_tokenizer(folder, class_name, with_json):
    """As transformers saves it, or, as in old folders, vocab.txt and tokenizer_config.json alone."""
    vocabulary = os.path.join(folder, "vocab.txt")
    with open(vocabulary, "w", encoding="ascii") as file:
        file.writelines(token + "\n" for token in VOCABULARY)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="ascii") as file:
        json.dump({"do_lower_case": True, "model_max_length": MAX_POSITIONS, "tokenizer_class": class_name}, file)
    if not with_json:
        return
    tokenizer = AutoTokenizer.from_pretrained(folder)
    os.remove(vocabulary)
    tokenizer.save_pretrained(folder)
