"""Configuration of an encoder that `espalier` trained: BERT, with trees for feedforward layers.

Keys are those of `arch` in the program's configurations, with `_` for dots: `arch.ffn.depth` is `ffn_depth`.
"""

from transformers import PretrainedConfig

DEFAULTS = {
    "family": "crammed",  # bert: its mean over positions leaves padding out
    "layers": 16,
    "hidden_size": 768,
    "dropout": 0.1,  # after attention and after the feedforward layer
    "norm_eps": 1e-12,
    "use_bias": False,  # in attention's output and in dense layers
    "norm_placement": "pre",  # x + f(norm(x)); post: norm(x + f(x))
    "final_norm": True,
    "init_std": 0.02,
    "masked_lm_head": True,
    "head_transform": False,  # linear, activation and LayerNorm before the decoder
    "decoder_bias": False,
    "pooler": False,  # carried along for a classifier of the same shape to start from
    "embedding_vocab_size": 32768,
    "embedding_max_positions": 128,
    "embedding_positions": "scaled_sinusoidal",  # learned, none
    "embedding_token_types": 0,
    "embedding_norm": True,
    "embedding_dropout": 0.1,
    "embedding_pad_id": 0,
    "attention_heads": 12,
    "attention_rotary": False,
    "attention_qkv_bias": False,
    "attention_dropout": 0.1,
    "attention_output_dropout": True,  # `dropout` after attention too
    "ffn_type": "neuron_tree",  # leaf_tree, dense (of width 0: none), gated
    "ffn_width": 3072,  # dense and gated: units of the first linear layer
    "ffn_activation": "gelu",  # gelu_tanh, relu: dense layers and the head's transform
    "ffn_trees": 1,
    "ffn_depth": 11,  # decisions from root to leaf
    "ffn_leaf_width": 16,
    "ffn_leaf_activation": "relu",
    "ffn_linear_rank": 0,  # of a linear path beside the layer; 0: none
    "ffn_layers": [],  # those with the layer above, from 0; none named: all
    "ffn_other_width": 0,  # units of the dense layers of the others
    "head_pooler": "zero_index",  # avg: the mean over positions
    "head_activation": "tanh",  # relu
    "head_dim": 1024,
    "head_dropout": 0.1,
    "routing_mode": "hard",  # straight_through: hard, with a gradient for the decisions; soft: the mixture
    "routing_temperature": 1.0,  # of soft and straight_through
    "routing_epsilon": 0.0,  # soft: children whose probability is at most this are dropped
    "routing_ste_epsilon": 0.0,  # straight_through: decisions with less slope than this get no gradient
}

CHOICES = {
    "norm_placement": ("pre", "post"),
    "embedding_positions": ("scaled_sinusoidal", "learned", "none"),
    "ffn_type": ("neuron_tree", "leaf_tree", "dense", "gated"),
    "ffn_activation": ("gelu", "gelu_tanh", "relu"),
    "ffn_leaf_activation": ("gelu", "relu"),
    "head_pooler": ("zero_index", "avg"),
    "head_activation": ("tanh", "relu"),
    "routing_mode": ("hard", "straight_through", "soft"),
}


class EspalierConfig(PretrainedConfig):
    model_type = "espalier"
    attribute_map = {
        "vocab_size": "embedding_vocab_size",
        "max_position_embeddings": "embedding_max_positions",
        "num_hidden_layers": "layers",
        "num_attention_heads": "attention_heads",
    }

    def __init__(self, **kwargs):
        for key, default in DEFAULTS.items():
            setattr(self, key, kwargs.pop(key, default))
        kwargs.update(pad_token_id=self.embedding_pad_id, tie_word_embeddings=True)
        super().__init__(**kwargs)

    def check(self):
        """Of a model that is being made: keys may have been changed since the file was read."""
        for key, choices in CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"{key} must be one of {', '.join(choices)}, got {getattr(self, key)!r}")
