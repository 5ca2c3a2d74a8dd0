"""The whole model in PyTorch, around the twin of tests/interop, with the trees as published for training: every node is
computed and all but the path are multiplied by zero."""

import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/interop"))
import twin  # noqa: E402


class MaskedTree(twin.Tree):
    """The same trees and parameters, computed densely."""

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        logits = self.linear_in(tokens).view(-1, self.trees, self.nodes)
        with torch.no_grad():
            right = (logits > 0).long()
            node = torch.zeros(len(tokens), self.trees, 1, dtype=torch.long)
            mask = torch.zeros_like(logits).scatter_(2, node, 1.0)
            for _ in range(self.depth):
                node = 2 * node + 1 + right.gather(2, node)
                mask = mask.scatter_(2, node, 1.0)
        return self.linear_out((F.gelu(logits) * mask).flatten(1)).view_as(x)


class FusedAttention(twin.SelfAttention):
    """PyTorch's fused kernel instead of the published products and softmax; without a mask, and not rotary."""

    def forward(self, x, added_mask):
        B, S, width = x.shape
        q, k, v = self.query_key_value(x).view(B, S, self.heads, 3, self.head_width).permute(3, 0, 2, 1, 4)
        if self.rotary:
            q, k = self.rotary_emb.rotate(q), self.rotary_emb.rotate(k)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=added_mask).transpose(1, 2).reshape(B, S, width)


def load(folder, fused):
    """The model of a Hugging Face folder, ready to train."""
    twin.Tree = MaskedTree
    if fused:
        twin.SelfAttention = FusedAttention
    return twin.load_directory(folder)[1].train()
