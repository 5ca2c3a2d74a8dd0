"""`fill-mask` against transformers' own FillMaskPipeline, which runs the PyTorch twin."""

import math

import torch
from transformers import FillMaskPipeline, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

import tools

SENTENCES = ["The gardener pruned the <mask> tree against the wall.",
             "Without warning, <mask> traveller carried a map of the garden!", "<mask>",
             "It's known that my sister <mask> three hundred letters before the winter of 1847.",
             "The <mask> was frozen, and nobody <mask> it; they didn't care."]
TOP = 5


class _Config(PretrainedConfig):
    model_type = "crammedBERT"


class _ForMaskedLM(PreTrainedModel):
    """The twin as a model that transformers' pipelines accept;
    texts come one at a time, so there is no padding to mask."""

    config_class = _Config

    def __init__(self, model):
        super().__init__(_Config())
        self.model = model

    def forward(self, input_ids, **_):
        return MaskedLMOutput(logits=self.model(input_ids))


def expect_same(found, expected, what):
    """Lists of equal nesting; predictions of equal fields, scores to the tolerance."""
    if isinstance(expected, list):
        tools.expect(isinstance(found, list) and len(found) == len(expected),
                     f"{what}: {str(found)[:300]}, expected {len(expected)} elements")
        for index, (a, b) in enumerate(zip(found, expected)):
            expect_same(a, b, f"{what}[{index}]")
        return
    tools.expect(isinstance(found, dict) and found.keys() == expected.keys(),
                 f"{what}: {str(found)[:300]}, expected the fields {list(expected)}")
    tools.expect_close(found["score"], expected["score"], f"{what}: score")
    for key in ("token", "token_str", "sequence"):
        tools.expect(found[key] == expected[key], f"{what}: {key} is {found[key]!r}, expected {expected[key]!r}")


def _expect_all_logits(program, file, model, tokenizer, text):
    """Logarithms of all scores are the twin's log-softmax: every logit agrees, up to their common constant."""
    ids = torch.tensor([tokenizer(text).input_ids])
    with torch.no_grad():
        expected = model(ids)[0, ids[0] == tokenizer.mask_token_id][0].log_softmax(-1).tolist()
    found = program.json_document("fill-mask", file, text, "--top", len(expected), "--json")
    tools.expect(sorted(r["token"] for r in found) == list(range(len(expected))),
                 f"fill-mask --top {len(expected)}: not every token comes once")
    for prediction in found:
        token = prediction["token"]
        tools.expect_close(math.log(prediction["score"]), expected[token],
                           f"fill-mask {text!r}: log score of token {token}", relative=0, absolute=1e-4)


def expect_fill_mask(program, file, model, tokenizer):
    """One text, several texts, and a text of two masks, as the pipeline gives them; and all logits of one text."""
    pipeline = FillMaskPipeline(model=_ForMaskedLM(model).eval(), tokenizer=tokenizer, device=torch.device("cpu"))
    expected = pipeline(SENTENCES, top_k=TOP)
    options = ("--top", TOP, "--json")
    expect_same(program.json_document("fill-mask", file, *SENTENCES, *options), expected, "fill-mask of several texts")
    expect_same(program.json_document("fill-mask", file, SENTENCES[-1], *options), expected[-1],
                 f"fill-mask {SENTENCES[-1]!r}")
    _expect_all_logits(program, file, model, tokenizer, SENTENCES[0])
