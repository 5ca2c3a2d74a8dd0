"""Dense forms of the tree modes that the original lacks: straight-through and soft trees, and path-weighted entropy."""

import torch


def path_weights(c, depth):
    """rho [..., 2^(depth+1) - 1] from decisions c [..., nodes] (probability of going right):
    product of c (right) and 1 - c (left) along the path."""
    levels = [torch.ones_like(c[..., :1])]
    for level in range(depth):
        here = c[..., 2**level - 1 : 2 ** (level + 1) - 1]
        levels.append(torch.stack((levels[-1] * (1 - here), levels[-1] * here), dim=-1).flatten(-2))
    return torch.cat(levels, dim=-1)


def straight_through(logits, tau, right):
    """c = [right] + (s - stop_gradient(s)), s = sigmoid(logit / tau), in this order so that c is exactly 0 or 1."""
    s = torch.sigmoid(logits / tau)
    return right.to(logits.dtype) + (s - s.detach())


def soft(logits, tau):
    return torch.sigmoid(logits / tau)


def path_entropy(logits, rho, depth, tau):
    """Mean over tokens and trees of 1/depth * sum over inner nodes of stop_gradient(rho) * H(sigmoid(logit / tau)),
    c clamped to [1e-6, 1 - 1e-6]."""
    inner = 2**depth - 1
    c = torch.sigmoid(logits[..., :inner] / tau).clamp(1e-6, 1 - 1e-6)
    entropy = -c * torch.log(c) - (1 - c) * torch.log(1 - c)
    return (rho[..., :inner].detach() * entropy).sum(-1).mean() / depth


def dense_neuron_tree(original_fff, decide):
    """A subclass of the original's FFF that keeps its parameters and computes every node:
    y = sum of rho * gelu(logit) * w_out.

    `decide(logits)` gives c. `self.logits` and `self.rho` hold the last call's values, [tokens, trees, nodes].
    """

    class DenseNeuronTree(original_fff):
        def forward(self, oldx):
            x = oldx.reshape(-1, self.input_width)
            self.logits = self.linear_in(x).view(-1, self.parallel_size, self.n_nodes)
            self.rho = path_weights(decide(self.logits), self.depth)
            y = self.linear_out((self.rho * self.activation(self.logits)).flatten(1, 2))
            return y.reshape(oldx.shape)

    return DenseNeuronTree


def straight_through_tree(original_fff, tau):
    return dense_neuron_tree(original_fff, lambda logits: straight_through(logits, tau, logits > 0))


def soft_tree(original_fff, tau):
    return dense_neuron_tree(original_fff, lambda logits: soft(logits, tau))
