"""A minimal PyTorch twin of a crammed BERT with fast feedforward trees, to check the C++ program against.

It computes what the original code of the architecture computes (pre-norm layers, per-head q/k/v rows, hard trees walked
node by node, tied decoder) and carries the same parameter names, so that `load_state_dict` takes a Hugging Face
directory's tensors. It knows the subset that `espalier export` writes: attention `self-attention`, LayerNorm, no
attention or dense biases.
"""

import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn


class Tree(nn.Module):
    """`trees` parallel trees of 2^(depth+1) - 1 neurons; a token pays for depth + 1 of them in each."""

    def __init__(self, width, trees, depth):
        super().__init__()
        self.trees, self.depth, self.nodes = trees, depth, 2 ** (depth + 1) - 1
        self.linear_in = nn.Linear(width, trees * self.nodes)
        self.linear_out = nn.Linear(trees * self.nodes, width, bias=False)

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        y = torch.zeros_like(tokens)
        for tree in range(self.trees):
            node = torch.zeros(len(tokens), dtype=torch.long)
            for _ in range(self.depth + 1):
                row = tree * self.nodes + node
                logit = (tokens * self.linear_in.weight[row]).sum(-1) + self.linear_in.bias[row]
                y = y + F.gelu(logit)[:, None] * self.linear_out.weight.T[row]
                node = 2 * node + 1 + (logit > 0)
        return y.view_as(x)


class Dense(nn.Module):
    """GELU feedforward; gated: the second half of the projection gates the first."""

    def __init__(self, width, inner, gated):
        super().__init__()
        self.gated = gated
        self.dense_in = nn.Linear(width, inner, bias=False)
        self.dense_out = nn.Linear(inner // 2 if gated else inner, width, bias=False)

    def forward(self, x):
        h = self.dense_in(x)
        if self.gated:
            value, gate = h.chunk(2, dim=-1)
            return self.dense_out(F.gelu(gate) * value)
        return self.dense_out(F.gelu(h))


class SelfAttention(nn.Module):
    def __init__(self, width, cfg):
        super().__init__()
        self.heads, self.head_width = cfg["num_attention_heads"], width // cfg["num_attention_heads"]
        self.rotary = cfg["rotary_embedding"]
        if self.rotary not in (False, None, "llama"):
            raise ValueError(f"rotary_embedding {self.rotary!r}: the twin knows false and llama")
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.register_buffer("norm_factor", torch.tensor(self.head_width).rsqrt())
        if self.rotary:
            self.rotary_emb = RotaryTable(self.head_width)

    def forward(self, x, added_mask):
        B, S, width = x.shape
        q, k, v = self.query_key_value(x).view(B, S, self.heads, 3, self.head_width).permute(3, 0, 2, 1, 4)
        if self.rotary:
            q, k = self.rotary_emb.rotate(q), self.rotary_emb.rotate(k)
        scores = q @ k.transpose(-1, -2) * self.norm_factor
        if added_mask is not None:
            scores = scores + added_mask
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, S, width)


class RotaryTable(nn.Module):
    """Rotates neighbours 2i, 2i + 1 by position * 10000^(-2i / head_width)."""

    POSITIONS = 1024

    def __init__(self, head_width):
        super().__init__()
        frequency = 1.0 / (10000.0 ** (torch.arange(0, head_width, 2).float() / head_width))
        angle = torch.outer(torch.arange(self.POSITIONS), frequency)
        self.register_buffer("freqs_cis", torch.polar(torch.ones_like(angle), angle))

    def rotate(self, x):
        turned = self.freqs_cis[: x.shape[-2]]
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * turned.real - odd * turned.imag, even * turned.imag + odd * turned.real),
                           dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, width, cfg):
        super().__init__()
        self.self_attention = SelfAttention(width, cfg)
        self.dense = nn.Linear(width, width, bias=False)

    def forward(self, x, added_mask):
        return self.dense(self.self_attention(x, added_mask))


class Layer(nn.Module):
    def __init__(self, arch):
        super().__init__()
        width, eps = arch["hidden_size"], arch["norm_eps"]
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, arch["attention"])
        if arch.get("intermed_type", "ff") == "fff":
            self.ffn = Tree(width, arch["intermed_size"], arch["intermed_depth"])
        else:
            self.ffn = Dense(width, arch["intermed_size"], gated="glu" in arch["nonlin"].lower())

    def forward(self, x, added_mask):
        x = x + self.attn(self.norm1(x), added_mask)
        return x + self.ffn(self.norm2(x))


class Positions(nn.Module):
    """A learned table, or a learned scalar times the sinusoid table (computed in float32, as the original does)."""

    def __init__(self, kind, length, width):
        super().__init__()
        self.kind = kind
        if kind == "learned":
            self.embedding = nn.Embedding(length, width)
            self.register_buffer("position_ids", torch.arange(length).expand((1, -1)))
            return
        table = torch.zeros(length, width)
        rate = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
        angle = torch.arange(length, dtype=torch.float)[:, None] * rate
        table[:, 0::2], table[:, 1::2] = torch.sin(angle), torch.cos(angle)
        self.register_buffer("table", table, persistent=False)
        self.scale_factor = nn.Parameter(torch.tensor([1.0 / width**0.5]))

    def forward(self, length):
        return self.embedding.weight[:length] if self.kind == "learned" else self.scale_factor * self.table[:length]


class Embedding(nn.Module):
    def __init__(self, arch):
        super().__init__()
        cfg = arch["embedding"]
        self.word_embedding = nn.Embedding(cfg["vocab_size"], cfg["embedding_dim"], padding_idx=cfg["pad_token_id"])
        if cfg["pos_embedding"] in ("learned", "scaled-sinusoidal"):
            self.pos_embedding = Positions(cfg["pos_embedding"], cfg["max_seq_length"], cfg["embedding_dim"])
        else:
            self.pos_embedding = None
        self.norm = nn.LayerNorm(cfg["embedding_dim"], eps=arch["norm_eps"]) if cfg["normalization"] else nn.Identity()

    def forward(self, ids):
        x = self.word_embedding(ids)
        if self.pos_embedding is not None:
            x = x + self.pos_embedding(ids.shape[1])
        return self.norm(x)


class Encoder(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.embedding = Embedding(arch)
        self.layers = nn.ModuleList([Layer(arch) for _ in range(arch["num_transformer_layers"])])
        self.final_norm = (nn.LayerNorm(arch["hidden_size"], eps=arch["norm_eps"]) if arch["final_norm"] else
                           nn.Identity())

    def forward(self, ids, mask=None):
        added = None if mask is None else (
            1.0 - mask[:, None, None, :].to(self.embedding.word_embedding.weight.dtype)) * -10000.0
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, added)
        return self.final_norm(x)


class MaskedLM(nn.Module):
    """`loss` is the mean over labelled positions; labels are -100 elsewhere."""

    def __init__(self, arch):
        super().__init__()
        self.encoder = Encoder(arch)
        self.decoder = nn.Linear(arch["hidden_size"], arch["embedding"]["vocab_size"], bias=False)
        self.decoder.weight = self.encoder.embedding.word_embedding.weight

    def forward(self, ids, mask=None):
        return self.decoder(self.encoder(ids, mask))

    def loss(self, ids, labels, mask=None):
        hidden = self.encoder(ids, mask)
        chosen = labels != -100
        return F.cross_entropy(self.decoder(hidden[chosen]), labels[chosen])


class Pooler(nn.Module):
    def __init__(self, width, cfg):
        super().__init__()
        self.first_only = {"zero_index": True, "avg": False}[cfg["pooler"]]
        self.dense = nn.Linear(width, cfg["head_dim"]) if cfg["include_ff_layer"] else nn.Identity()

    def forward(self, hidden):
        return torch.tanh(self.dense(hidden[:, 0] if self.first_only else hidden.mean(dim=1)))


class Classifier(nn.Module):
    """Pools the first position, or the mean of all of them, padding included."""

    def __init__(self, arch, num_labels):
        super().__init__()
        self.encoder = Encoder(arch)
        self.pooler = Pooler(arch["hidden_size"], arch["classification_head"])
        self.head = nn.Linear(arch["classification_head"]["head_dim"], num_labels)

    def forward(self, ids, mask=None):
        return self.head(self.pooler(self.encoder(ids, mask)))

    def loss(self, ids, labels, mask=None):
        logits = self(ids, mask)
        return F.mse_loss(logits[:, 0], labels) if logits.shape[1] == 1 else F.cross_entropy(logits, labels)


def build(config):
    """The twin of a config.json mapping."""
    if "ScriptableLMForSequenceClassification" in config["architectures"]:
        return Classifier(config["arch"], config["num_labels"]).eval()
    return MaskedLM(config["arch"]).eval()


def load_directory(directory):
    """(config, twin) of a Hugging Face directory; every tensor of the file must be known and none may be missing."""
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    model = build(config)
    tensors = load_file(os.path.join(directory, "model.safetensors"))
    if "decoder.weight" in tensors:
        tensors.setdefault("encoder.embedding.word_embedding.weight", tensors["decoder.weight"])
    model.load_state_dict(tensors, strict=True)
    return config, model


def save_directory(directory, config, model):
    """The published layout: config.json and model.safetensors, both tied tensors stored."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)
    state = {name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, os.path.join(directory, "model.safetensors"), metadata={"format": "pt"})
