"""The model-level cases: which architecture, which batches, which optimizer settings."""

import copy

import torch

import models
import trees
from store import write_case

MLM = "ScriptableLMForPreTraining"
CLASSIFIER = "ScriptableLMForSequenceClassification"


def _config(arch, head, num_labels=None):
    config = {"arch": copy.deepcopy(arch), "architectures": [head], "model_type": "crammedBERT",
              "torch_dtype": "float32"}
    if num_labels is not None:
        names = {str(i): f"LABEL_{i}" for i in range(num_labels)}
        config.update(num_labels=num_labels, id2label=names, label2id={v: int(k) for k, v in names.items()})
    return config


def _mlm_batches(seed, lengths=None):
    generator = torch.Generator().manual_seed(1000 + seed)
    batches = []
    for _ in range(models.BATCHES):
        batch = models.masked_batch(generator)
        if lengths:
            batch = _pad_masked(batch, lengths, generator)
        batches.append(batch)
    return batches


def _pad_masked(batch, lengths, generator):
    """Cuts rows to `lengths`: ids beyond are <pad>, and the four labels of a row are drawn again inside it."""
    batch["mask"] = torch.zeros_like(batch["ids"])
    for row, length in enumerate(lengths):
        batch["mask"][row, :length] = 1
        if length == models.LENGTH:
            continue
        ids = torch.randint(0, models.VOCAB, (length,), generator=generator)
        chosen = torch.randperm(length, generator=generator)[:4]
        batch["labels"][row] = -100
        batch["labels"][row, chosen] = ids[chosen]
        ids[chosen[:3]] = models.MASK
        batch["ids"][row] = models.PAD
        batch["ids"][row, :length] = ids
    return batch


def _classifier_batches(seed, num_labels):
    generator = torch.Generator().manual_seed(2000 + seed)
    batches = []
    for index in range(models.BATCHES):
        lengths = [16, 9, 12][index:] + [16, 9, 12][:index]
        ids = torch.randint(1, models.VOCAB, (models.SEQUENCES, models.LENGTH), generator=generator)
        mask = torch.zeros_like(ids)
        for row, length in enumerate(lengths):
            mask[row, :length] = 1
        if num_labels == 1:
            labels = torch.rand(models.SEQUENCES, generator=generator) * 5
        else:
            labels = torch.randint(0, num_labels, (models.SEQUENCES,), generator=generator)
        batches.append({"ids": ids * mask, "mask": mask, "labels": labels})
    return batches


def _write(original, check_twin, name, about, arch, seed, *, batches=_mlm_batches, head=MLM, num_labels=None,
           settings=models.PRETRAINING, layer=None, extra=None):
    """Searches a seed, adds `extra` tensors, checks the twin against the original and writes the case."""

    def make_case(seed):
        if layer is not None:
            original.model.FFF = layer
        try:
            model = models.build(original, arch, seed, num_labels)
        finally:
            original.model.FFF = original.fff
        return models.run(original, model, batches(seed), settings)

    seed, tensors, document = models.search(make_case, seed)
    config = _config(arch, head, num_labels)
    if extra:
        tensors.update(extra(config, tensors))
    if layer is None:
        document["twin_error"] = check_twin(config, tensors)
    tied = {"decoder.weight": "encoder.embedding.word_embedding.weight"} if head == MLM else {}
    write_case(name, tensors, {
        "about": about, "config": config, "tied": tied, "optimizer": settings, "seed": seed,
        "batches": models.BATCHES, **document})


def _fewer_labels(original):
    """The loss where a batch holds fewer labels than sparse prediction's quarter:
    the mean over those that there are."""

    def extra(config, tensors):
        labels = tensors["input/labels"].clone()
        positions = (labels[0] != -100).nonzero().flatten()
        labels[0, positions[0]] = -100
        labels[2] = -100
        model = original.model.ScriptableLMForPreTraining(
            original.model.crammedBertConfig(copy.deepcopy(config["arch"]))).eval()
        load_parameters(model, tensors)
        with torch.no_grad():
            loss = model(tensors["input/ids"], labels=labels)["loss"]
            loss64 = models.double_twin(model)(tensors["input/ids"], labels=labels)["loss"]
        return {"fewer/labels": labels, "fewer/loss": loss, "f64/fewer/loss": loss64}

    return extra


def _rotary_table(original):
    """The original's complex table for this length, as [position, pair, (cos, sin)]."""

    def extra(config, tensors):
        arch = config["arch"]
        head_width = arch["hidden_size"] // arch["attention"]["num_attention_heads"]
        table = original.embeddings.RotaryLLAMA(head_width).freqs_cis
        return {"buffer/freqs_cis": torch.view_as_real(table)[: models.LENGTH]}

    return extra


def load_parameters(model, tensors, prefix="param/"):
    """Copies the tensors under `prefix` into the model's parameters, by name."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[prefix + name])


def make(original, check_twin):
    arch = models.architecture
    write = lambda *args, **kwargs: _write(original, check_twin, *args, **kwargs)
    write("fff_1x3", "One tree of depth 3, the original's hard layer.", arch(), 100, extra=_fewer_labels(original))
    write("fff_4x2", "Four trees of depth 2.", arch(intermed_size=4, intermed_depth=2), 200)
    write("dense", "Dense feedforward with plain GELU: intermed_type ff, nonlin GELU.",
          arch(intermed_type="ff", intermed_size=12), 300)
    write("dense_gated",
          "Dense feedforward, gated: nonlin GELUglu; 24 wide projection in, halves of 12, the second is the gate.",
          arch(intermed_type="ff", intermed_size=24, nonlin="GELUglu"), 400)
    write("padding", "fff_1x3's architecture with a padding mask; labels lie on real positions only.", arch(), 500,
          batches=lambda seed: _mlm_batches(seed, lengths=[16, 9, 12]))
    make_classifiers(write)
    write("straight_through", "One tree of depth 3, straight-through decisions (dense form, tau 0.7).", arch(), 600,
          layer=trees.straight_through_tree(original.fff, 0.7))
    write("straight_through_2x2", "Two trees of depth 2, straight-through decisions (dense form, tau 0.7).",
          arch(intermed_size=2, intermed_depth=2), 650, layer=trees.straight_through_tree(original.fff, 0.7))
    write("soft_1x3",
          "One tree of depth 3 with soft decisions in every layer (dense form, tau 0.5), without entropy in the loss.",
          arch(), 670, layer=trees.soft_tree(original.fff, 0.5))
    write("rotary",
          "attention.rotary_embedding llama, added to the scaled sinusoidal positions; the original's tables cover "
          "1024 positions.",
          arch(attention__rotary_embedding="llama"), 700, extra=_rotary_table(original))
    write("rotary_learned", "rotary_embedding llama with a learned table of positions.",
          arch(attention__rotary_embedding="llama", embedding__pos_embedding="learned"), 750)


def make_classifiers(write):
    for pooler, seed in (("avg", 800), ("zero_index", 850)):
        for num_labels, task in ((3, "classification"), (1, "regression")):
            about = (f"Classifier with pooler {pooler}, {task} ({num_labels} output{'s' * (num_labels > 1)}), "
                     "padded batches.")
            write(f"classifier_{pooler}_{task}", about, models.architecture(classification_head__pooler=pooler), seed,
                  batches=lambda seed, n=num_labels: _classifier_batches(seed, n), head=CLASSIFIER,
                  num_labels=num_labels, settings=models.FINETUNING)
