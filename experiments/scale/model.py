#!/usr/bin/env python3
"""Seconds of an update on M machines, from what was measured of one: python3 experiments/scale/model.py [--help]

An update of B tokens is computed in B / (M s) seconds by M machines of s tokens a second, AdamW included. N gradients of
4 bytes are summed beside the last micro-batch of the backward pass: chunk by chunk, each machine sends what it does not
own and the sums of what it owns, and receives as much,

    bytes = 4 N (M - 1) / M  +  4 N / M (M - 1)  =  8 N (M - 1) / M     each way,

and waits for a chunk's way forth and back once for every window of chunks under way. The backward pass, two thirds of a
micro-batch, hides what it can, but not the word embedding's part: its gradient is complete at the very end. Packing,
adding and copying take processor time from the computing threads where these fill the cores.
"""
import argparse

CHUNK = 4 * 2**18  # bytes
UNDER_WAY = 8  # chunks


def exchange(parameters, machines, bandwidth, latency):
    """Seconds to sum the gradients, nothing hidden. bandwidth: bytes a second each way; latency: seconds one way."""
    share = (machines - 1) / machines
    windows = 4 * parameters / CHUNK / UNDER_WAY / machines if machines > 1 else 0
    return 8 * parameters * share / bandwidth + windows * 2 * latency


def update(a, machines, gbit, milliseconds):
    """(seconds of computing, of exchange, of the update) with the arguments `a`."""
    link = gbit * 1e9 / 8
    compute = a.tokens / machines / a.speed
    if machines == 1:
        return compute, 0.0, compute
    network = exchange(a.parameters, machines, link, milliseconds / 1e3)
    at_the_end = exchange(a.embedding, machines, link, milliseconds / 1e3)
    hidden = min(network - at_the_end, a.micro_batch / a.speed * 2 / 3)
    return compute, network, compute + a.parameters * a.processor + network - hidden


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=163.7e6, help="of the model (1x11: 163.7 M)")
    parser.add_argument("--tokens", type=float, default=8192 * 128, help="of an update (published: 8192 sequences)")
    parser.add_argument("--speed", type=float, default=650, help="tokens a second of a machine")
    parser.add_argument("--micro-batch", type=float, default=4096, help="tokens")
    parser.add_argument("--embedding", type=float, default=32768 * 768, help="of them, complete at the very end")
    parser.add_argument("--processor", type=float, default=2.4e-9, help="seconds of a core a gradient (0.4 s of 163.7 M)")
    parser.add_argument("--machines", type=int, nargs="*", default=[2, 4, 8, 16, 32, 64])
    parser.add_argument("--gbit", type=float, nargs="*", default=[1, 10])
    parser.add_argument("--ms", type=float, nargs="*", default=[0.1, 1])
    a = parser.parse_args()
    print(f"{'machines':>8} {'Gbit/s':>6} {'ms':>4} {'compute s':>9} {'exchange s':>10} {'update s':>9} {'efficiency':>10}")
    for gbit in a.gbit:
        for ms in a.ms:
            for machines in a.machines:
                compute, network, total = update(a, machines, gbit, ms)
                print(f"{machines:8d} {gbit:6g} {ms:4g} {compute:9.1f} {network:10.2f} {total:9.1f} {compute / total:10.1%}")


if __name__ == "__main__":
    main()
