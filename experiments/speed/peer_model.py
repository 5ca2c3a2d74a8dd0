"""A model that `espalier bench step --export` left, in ONNX's format beside it, and how peers that run it are measured:
forward passes of its batch, single sequences, and how far the hidden states are from ours in float32."""

import os
import time

import numpy
from safetensors.numpy import load_file


def exported(folder):
    """FOLDER/model.onnx, made once by torch.onnx."""
    path = os.path.join(folder, "model.onnx")
    if not os.path.exists(path):
        import torch
        import torch_model

        model = torch_model.load(folder + "/model", fused=False).eval()
        ids = torch.zeros((2, 128), dtype=torch.int64)
        torch.onnx.export(model.encoder, (ids,), path, input_names=["ids"], output_names=["hidden"],
                          dynamic_axes={"ids": {0: "batch"}, "hidden": {0: "batch"}}, opset_version=17, dynamo=False)
    return path


def batch_of(folder):
    """(ids [sequences, length], hidden states of ours)"""
    batch = load_file(os.path.join(folder, "batch.safetensors"))
    return batch["ids"].astype(numpy.int64), batch["hidden"]


def seconds(call, least=0.5):
    calls, begin = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - begin < least:
        call()
        calls += 1
    return (time.perf_counter() - begin) / calls


def measured(folder, run):
    """run(ids) -> hidden states"""
    ids, ours = batch_of(folder)
    hidden = run(ids)
    run(ids[:1])
    sequences = iter(range(1, 10**9))
    forward = seconds(lambda: run(ids))
    single = seconds(lambda: run(ids[(at := next(sequences) % len(ids)):at + 1]))
    return {"forward_tokens_per_s": ids.size / forward, "sequence_ms": 1e3 * single,
            "hidden_difference": float(numpy.linalg.norm(hidden - ours) / numpy.linalg.norm(ours))}
