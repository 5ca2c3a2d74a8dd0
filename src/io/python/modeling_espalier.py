"""An encoder that `espalier` trained, in PyTorch.

BERT (Devlin et al., 2019) or a crammed BERT (Geiping and Goldstein, arXiv 2212.14034) whose feedforward layers are
dense or trees: with a neuron in every node (UltraFastBERT, Belcak and Wattenhofer, arXiv 2311.10770) or with an MLP in
every leaf (Fast Feedforward Networks, arXiv 2308.14711).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, MaskedLMOutput, SequenceClassifierOutput

from .configuration_espalier import EspalierConfig

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "tanh": torch.tanh,
}


class Weights(nn.Module):
    """Parameters of given shapes. A name that ends in `_t` is transposed: a row for each input, not output."""

    def __init__(self, **shapes):
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))


def sinusoid_table(length, width, device):
    """[length, width]: sines in even columns, cosines in odd ones; frequencies and angles rounded to float32."""
    column = torch.arange(0, width, 2, dtype=torch.float32)
    frequency = (column * torch.tensor(-math.log(10000.0) / width)).double().exp().float()
    angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency).double()
    return torch.stack((angle.sin(), angle.cos()), -1).flatten(1).float().to(device)


def rotary_table(length, width, device):
    """(cosines, sines) [length, width / 2] of Su et al., "RoFormer" (2021)."""
    exponent = torch.arange(0, width, 2, dtype=torch.float32) / width
    frequency = 1.0 / (10000.0 ** exponent.double()).float()
    angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency).double()
    return angle.cos().float().to(device), angle.sin().float().to(device)


def rotate(x, table):
    """Turns neighbours 2i and 2i + 1 of the last axis by the angles of their position."""
    cosine, sine = (part.to(x.dtype) for part in table)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)


class Attention(nn.Module):
    """Vaswani et al., "Attention is all you need" (2017). Rows of the projection: q, k, v of head 0, of head 1 ..."""

    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.heads, self.dropout = config.attention_heads, config.attention_dropout
        self.self_attention = nn.ModuleDict(
            {"query_key_value": nn.Linear(width, 3 * width, bias=config.attention_qkv_bias)}
        )
        self.dense = nn.Linear(width, width, bias=config.use_bias)

    def forward(self, x, bias, rotary):
        projected = self.self_attention["query_key_value"](x).unflatten(-1, (self.heads, 3, -1))
        query, key, value = projected.permute(3, 0, 2, 1, 4)  # [batch, heads, length, width] each
        if rotary is not None:
            query, key = rotate(query, rotary), rotate(key, rotary)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)
        return self.dense(mixed.transpose(1, 2).flatten(2))


class Dense(nn.Module):
    """linear, activation, linear; gated: the second half of the first, through GELU, gates the other half."""

    def __init__(self, config, width, gated=False):
        super().__init__()
        self.gated = gated
        self.activation = ACTIVATIONS[config.ffn_activation]
        inner = width // 2 if gated else width
        self.dense_in = nn.Linear(config.hidden_size, width, bias=config.use_bias)
        self.dense_out = nn.Linear(inner, config.hidden_size, bias=config.use_bias)

    def forward(self, x):
        hidden = self.dense_in(x)
        if self.gated:
            value, gate = hidden.chunk(2, -1)
            return self.dense_out(value * F.gelu(gate))
        return self.dense_out(self.activation(hidden))


class Tree(nn.Module):
    """Parallel complete binary trees. Nodes are in heap order (below i lie 2i + 1 and 2i + 2), rows tree by tree."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.trees, self.depth, self.width = config.ffn_trees, config.ffn_depth, config.hidden_size
        self.leaves = 2**self.depth
        self.inner = self.leaves - 1

    def forward(self, x):
        tokens = x.flatten(0, -2)
        one_path = self.config.routing_mode != "soft" and not torch.is_grad_enabled()
        return (self.along_paths if one_path else self.over_all)(tokens).view_as(x)

    def probabilities(self, logits, right):
        """[tokens, trees, 2^level] for each level: how far a token reaches each node. `logits` and the decisions `right`
        are [tokens, trees, nodes]. Straight-through: exactly 0 or 1, with the gradient of the sigmoid."""
        mode, temperature = self.config.routing_mode, self.config.routing_temperature
        go, epsilon = right.to(logits.dtype), 0.0
        soft = torch.sigmoid(logits / temperature)
        if mode == "hard":  # a gradient of exactly 0: weight decay applies to what has a gradient
            go = go + 0 * soft
        elif mode == "soft":
            go, epsilon = soft, self.config.routing_epsilon
        else:
            slope = (soft * (1 - soft) / temperature).detach()
            go = go + (soft - soft.detach()) * (slope >= self.config.routing_ste_epsilon)
        reached = go.new_ones(*go.shape[:2], 1)
        kept = reached > 0
        levels = [reached]
        for level in range(self.depth):
            nodes = slice(2**level - 1, 2 ** (level + 1) - 1)
            reached = torch.stack((reached * (1 - go[..., nodes]), reached * go[..., nodes]), -1).flatten(-2)
            if epsilon > 0:  # what the node itself decides for stays
                decided = torch.stack((~right[..., nodes], right[..., nodes]), -1).flatten(-2)
                kept = kept.repeat_interleave(2, -1) & (decided | (reached > epsilon))
                reached = reached * kept
            levels.append(reached)
        return levels


class NeuronTree(Tree):
    """sum over trees and nodes of p gelu(<x, w_in> + b) w_out; a node goes right iff its logit is above 0."""

    def __init__(self, config):
        super().__init__(config)
        self.nodes = 2 * self.leaves - 1
        self.linear_in = nn.Linear(self.width, self.trees * self.nodes)
        self.linear_out = Weights(weight_t=(self.trees * self.nodes, self.width))

    def over_all(self, x):
        logits = self.linear_in(x).unflatten(-1, (self.trees, self.nodes))
        reached = torch.cat(self.probabilities(logits, logits > 0), -1)
        return (reached * F.gelu(logits)).flatten(1) @ self.linear_out.weight_t

    def along_paths(self, x):
        """depth + 1 nodes of each tree; of shallow trees all nodes take less time."""
        if self.depth < 6:
            return self.over_all(x)
        y = torch.zeros_like(x)
        for tree in range(self.trees):
            node = torch.zeros(len(x), dtype=torch.long, device=x.device)
            for _ in range(self.depth + 1):
                row = tree * self.nodes + node
                logit = (x * self.linear_in.weight[row]).sum(-1) + self.linear_in.bias[row]
                y += F.gelu(logit)[:, None] * self.linear_out.weight_t[row]
                node = 2 * node + 1 + (logit > 0)
        return y


class LeafTree(Tree):
    """sum over trees and leaves of p MLP(x); a gate goes right iff its logit is at least 0."""

    def __init__(self, config):
        super().__init__(config)
        leaves, units = self.trees * self.leaves, config.ffn_leaf_width
        self.activation = ACTIVATIONS[config.ffn_leaf_activation]
        if self.depth > 0:
            self.gate = nn.Linear(self.width, self.trees * self.inner)
        self.leaf_in = Weights(weight=(leaves, units, self.width), bias=(leaves, units))
        self.leaf_out = Weights(weight_t=(leaves, units, self.width), bias=(leaves, self.width))

    def gates(self, x):
        logits = self.gate(x) if self.depth > 0 else x.new_zeros(len(x), 0)
        return logits.view(len(x), self.trees, self.inner)

    def over_all(self, x):
        logits = self.gates(x)
        reached = self.probabilities(logits, logits >= 0)[-1].flatten(1)
        hidden = F.linear(x, self.leaf_in.weight.flatten(0, 1), self.leaf_in.bias.flatten())
        hidden = self.activation(hidden).unflatten(-1, (reached.shape[1], -1)) * reached[..., None]
        return hidden.flatten(1) @ self.leaf_out.weight_t.flatten(0, 1) + reached @ self.leaf_out.bias

    def along_paths(self, x):
        """All gates, but one leaf of each tree."""
        right = (self.gates(x) >= 0).long()
        node = right.new_zeros(len(x), self.trees, 1)
        for _ in range(self.depth):
            node = 2 * node + 1 + right.gather(-1, node)
        first = torch.arange(self.trees, device=x.device) * self.leaves
        leaf = node.squeeze(-1) - self.inner + first
        y = torch.zeros_like(x)
        for index in leaf.unique().tolist():
            rows = (leaf == index).any(-1)
            hidden = self.activation(F.linear(x[rows], self.leaf_in.weight[index], self.leaf_in.bias[index]))
            y[rows] += hidden @ self.leaf_out.weight_t[index] + self.leaf_out.bias[index]
        return y


class LinearPath(nn.Module):
    """A map of low rank that runs beside a feedforward layer."""

    def __init__(self, config):
        super().__init__()
        self.down = nn.Linear(config.hidden_size, config.ffn_linear_rank, bias=False)
        self.up = nn.Linear(config.ffn_linear_rank, config.hidden_size, bias=config.use_bias)

    def forward(self, x):
        return self.up(self.down(x))


class Zero(nn.Module):
    """The units of a layer that is a linear path alone."""

    def forward(self, x):
        return torch.zeros_like(x)


def feed_forward(config, index):
    """Of layer `index`; None: it has none."""
    if config.ffn_layers and index not in config.ffn_layers:
        return Dense(config, config.ffn_other_width) if config.ffn_other_width > 0 else None
    if config.ffn_type == "neuron_tree":
        layer = NeuronTree(config)
    elif config.ffn_type == "leaf_tree":
        layer = LeafTree(config)
    elif config.ffn_width > 0:
        layer = Dense(config, config.ffn_width, config.ffn_type == "gated")
    elif config.ffn_linear_rank > 0:
        layer = Zero()
    else:
        return None
    if config.ffn_linear_rank > 0:
        layer.linear_path = LinearPath(config)
    return layer


class Layer(nn.Module):
    """Pre-norm: h = x + attention(norm1(x)), y = h + ffn(norm2(h)). Post-norm: norm1 and norm2 of the sums."""

    def __init__(self, config, index):
        super().__init__()
        self.pre = config.norm_placement == "pre"
        self.dropout = nn.Dropout(config.dropout)
        self.attention_dropout = nn.Dropout(config.dropout if config.attention_output_dropout else 0.0)
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.attn = Attention(config)
        self.ffn = feed_forward(config, index)
        if self.ffn is not None:
            self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)

    def forward(self, x, bias, rotary):
        x = self.half(x, self.norm1, lambda h: self.attn(h, bias, rotary), self.attention_dropout)
        return x if self.ffn is None else self.half(x, self.norm2, self.feed, self.dropout)

    def feed(self, x):
        path = getattr(self.ffn, "linear_path", None)
        return self.ffn(x) if path is None else self.ffn(x) + path(x)

    def half(self, x, norm, block, dropout):
        if self.pre:
            return x + dropout(block(norm(x)))
        return norm(x + dropout(block(x)))


class Positions(nn.Module):
    """A learned table, or a learned scalar times the sinusoid table."""

    def __init__(self, config):
        super().__init__()
        self.width = config.hidden_size
        if config.embedding_positions == "learned":
            self.embedding = nn.Embedding(config.embedding_max_positions, self.width)
        else:
            self.scale_factor = nn.Parameter(torch.empty(1))

    def forward(self, x):
        length = x.shape[1]
        if hasattr(self, "embedding"):
            return self.embedding.weight[:length]
        return sinusoid_table(length, self.width, x.device).to(x.dtype) * self.scale_factor


class Embedding(nn.Module):
    """norm(word + position + type)."""

    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.most = config.embedding_max_positions
        self.word_embedding = nn.Embedding(config.vocab_size, width, padding_idx=config.embedding_pad_id)
        self.pos_embedding = None if config.embedding_positions == "none" else Positions(config)
        types = config.embedding_token_types
        self.token_type_embedding = nn.Embedding(types, width) if types > 0 else None
        self.norm = nn.LayerNorm(width, eps=config.norm_eps) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.embedding_dropout)

    def forward(self, input_ids, token_type_ids):
        if input_ids.shape[1] > self.most:
            raise ValueError(f"sequences of {input_ids.shape[1]} tokens are longer than the model's {self.most} positions")
        x = self.word_embedding(input_ids)
        if self.pos_embedding is not None:
            x = x + self.pos_embedding(x)
        if self.token_type_embedding is not None:
            x = x + self.token_type_embedding(torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids)
        return self.dropout(self.norm(x))


class EspalierPreTrainedModel(PreTrainedModel):
    config_class = EspalierConfig
    base_model_prefix = "encoder"

    def _init_weights(self, module):
        """N(0, init_std); biases 0, norms 1 and 0, the factor of the sinusoid table 1 / sqrt(hidden_size)."""
        for name, parameter in module.named_parameters(recurse=False):
            if "bias" in name:
                nn.init.zeros_(parameter)
            elif isinstance(module, nn.LayerNorm):
                nn.init.ones_(parameter)
            elif name == "scale_factor":
                nn.init.constant_(parameter, self.config.hidden_size**-0.5)
            else:
                nn.init.normal_(parameter, std=self.config.init_std)

    def as_asked(self, output, return_dict):
        return output if return_dict is not False else output.to_tuple()


class EspalierModel(EspalierPreTrainedModel):
    """States, and where the model has BERT's pooler its output."""

    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config)
        config.check()
        self.embedding = Embedding(config)
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.layers))
        self.final_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps) if config.final_norm else nn.Identity()
        self.pooler = None
        if config.pooler and add_pooling_layer:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})
        self.post_init()

    def get_input_embeddings(self):
        return self.embedding.word_embedding

    def set_input_embeddings(self, value):
        self.embedding.word_embedding = value

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, output_hidden_states=False, return_dict=None):
        x = self.embedding(input_ids, token_type_ids)
        bias = None
        if attention_mask is not None:  # added to the scores: nothing where a token may be seen
            bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        rotary = None
        if self.config.attention_rotary:
            rotary = rotary_table(x.shape[1], self.config.hidden_size // self.config.attention_heads, x.device)
        states = [x]
        for layer in self.layers:
            states.append(layer(states[-1], bias, rotary))
        last = self.final_norm(states[-1])
        states = tuple(states[:-1]) + (last,) if output_hidden_states else None
        pooled = None if self.pooler is None else torch.tanh(self.pooler["dense"](last[:, 0]))
        output = BaseModelOutputWithPooling(last_hidden_state=last, pooler_output=pooled, hidden_states=states)
        return self.as_asked(output, return_dict)


class EspalierForMaskedLM(EspalierPreTrainedModel):
    """The decoder is tied to the word embedding; the loss is the mean over labels that are not -100."""

    _tied_weights_keys = {"decoder.weight": "encoder.embedding.word_embedding.weight"}

    def __init__(self, config):
        super().__init__(config)
        if not config.masked_lm_head:
            raise ValueError("the model only encodes: it came without the head of a masked language model")
        width = config.hidden_size
        self.encoder = EspalierModel(config)
        self.decoder = nn.Linear(width, config.vocab_size, bias=config.decoder_bias)
        self.transform = None
        if config.head_transform:
            norm = nn.LayerNorm(width, eps=config.norm_eps)
            self.transform = nn.ModuleDict({"dense": nn.Linear(width, width), "norm": norm})
        self.post_init()

    def get_output_embeddings(self):
        return self.decoder

    def set_output_embeddings(self, value):
        self.decoder = value

    def forward(
        self, input_ids, attention_mask=None, token_type_ids=None, labels=None, output_hidden_states=False, return_dict=None
    ):
        encoded = self.encoder(input_ids, attention_mask, token_type_ids, output_hidden_states)
        x = encoded.last_hidden_state
        if self.transform is not None:
            x = self.transform["norm"](ACTIVATIONS[self.config.ffn_activation](self.transform["dense"](x)))
        logits = self.decoder(x)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return self.as_asked(MaskedLMOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states), return_dict)


class EspalierForSequenceClassification(EspalierPreTrainedModel):
    """A number where there is one label, else classes."""

    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels
        head = (config.head_pooler, config.head_activation, config.head_dim)
        berts = config.pooler and head == ("zero_index", "tanh", config.hidden_size)
        self.encoder = EspalierModel(config, add_pooling_layer=berts)
        self.pooler = None if berts else nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.head_dim)})
        self.dropout = nn.Dropout(config.head_dropout)
        self.head = nn.Linear(config.head_dim, config.num_labels)
        self.post_init()

    def pooled(self, states, attention_mask):
        if self.config.head_pooler == "zero_index":
            pooled = states[:, 0]
        elif attention_mask is None or (self.config.family == "crammed" and self.training):
            pooled = states.mean(1)  # padding included, as in the original; scores are of each text without it
        else:
            seen = attention_mask[..., None].to(states.dtype)
            pooled = (states * seen).sum(1) / seen.sum(1)
        return ACTIVATIONS[self.config.head_activation](self.pooler["dense"](pooled))

    def forward(
        self, input_ids, attention_mask=None, token_type_ids=None, labels=None, output_hidden_states=False, return_dict=None
    ):
        encoded = self.encoder(input_ids, attention_mask, token_type_ids, output_hidden_states)
        pooled = encoded.pooler_output
        if self.pooler is not None:
            pooled = self.pooled(encoded.last_hidden_state, attention_mask)
        logits = self.head(self.dropout(pooled))
        loss = None
        if labels is not None and self.num_labels == 1:
            loss = F.mse_loss(logits.flatten(), labels.flatten().to(logits.dtype))
        elif labels is not None:
            loss = F.cross_entropy(logits, labels.flatten())
        output = SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states)
        return self.as_asked(output, return_dict)
