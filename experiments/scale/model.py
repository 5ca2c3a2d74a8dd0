#!/usr/bin/env python3
"""Seconds of an update on M machines, from what was measured of one: python3 experiments/scale/model.py [--help]

An update of B tokens is computed in B / (M s) seconds by M machines of s tokens a second. Then, or beside the last part
of the backward pass, N gradients of 4 bytes are summed: chunk by chunk, each machine sends what it does not own and the
sums of what it owns, and receives as much,

    bytes = 4 N (M - 1) / M  +  4 N / M (M - 1)  =  8 N (M - 1) / M     each way,

adds N (M - 1) / M of them, and waits for a chunk's way forth and back once for every window of chunks under way. What
the backward pass hides is at most its share (two thirds) of the last micro-batch of the last group.
"""
import argparse

CHUNK = 4 * 2**18  # bytes
UNDER_WAY = 8  # chunks


def exchange(parameters, machines, bandwidth, latency, add_rate):
    """Seconds to sum the gradients, nothing hidden. bandwidth: bytes a second each way; latency: seconds one way."""
    if machines == 1:
        return 0.0
    share = (machines - 1) / machines
    sending = 8 * parameters * share / bandwidth
    adding = parameters * share / add_rate
    windows = 4 * parameters / CHUNK / UNDER_WAY / machines
    return sending + adding + windows * 2 * latency


def update(tokens, speed, micro_batch, parameters, machines, bandwidth, latency, add_rate):
    """(seconds, seconds with nothing hidden) of an update."""
    compute = tokens / machines / speed
    network = exchange(parameters, machines, bandwidth, latency, add_rate)
    hidden = min(network, micro_batch / speed * 2 / 3)
    return compute + network - hidden, compute + network


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=188.7e6, help="of the model (1x11: 188.7 M)")
    parser.add_argument("--tokens", type=float, default=8192 * 128, help="of an update (published: 8192 sequences)")
    parser.add_argument("--speed", type=float, default=650, help="tokens a second of a machine")
    parser.add_argument("--micro-batch", type=float, default=4096, help="tokens")
    parser.add_argument("--add-rate", type=float, default=0.5e9, help="gradients added a second, one thread")
    parser.add_argument("--machines", type=int, nargs="*", default=[2, 4, 8, 16, 32, 64])
    parser.add_argument("--gbit", type=float, nargs="*", default=[1, 10])
    parser.add_argument("--ms", type=float, nargs="*", default=[0.1, 1])
    a = parser.parse_args()
    print(f"{'machines':>8} {'Gbit/s':>6} {'ms':>4} {'compute s':>9} {'exchange s':>10} {'update s':>9} "
          f"{'efficiency':>10} {'not hidden':>10}")
    for gbit in a.gbit:
        for ms in a.ms:
            for machines in a.machines:
                link = gbit * 1e9 / 8
                total, plain = update(a.tokens, a.speed, a.micro_batch, a.parameters, machines, link, ms / 1e3, a.add_rate)
                compute = a.tokens / machines / a.speed
                network = exchange(a.parameters, machines, link, ms / 1e3, a.add_rate)
                print(f"{machines:8d} {gbit:6g} {ms:4g} {compute:9.1f} {network:10.2f} {total:9.1f} "
                      f"{compute / total:10.1%} {compute / plain:10.1%}")


if __name__ == "__main__":
    main()
