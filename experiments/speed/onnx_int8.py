"""A model in ONNX Runtime, in float32 or by its dynamic quantisation to int8: forward passes and single sequences. The
model is one that `espalier bench step --export` left, exported once by torch.onnx beside it; prints JSON with how far
the hidden states are from ours in float32."""

import argparse
import json
import os
import time

import numpy
import onnxruntime
from safetensors.numpy import load_file


def export(folder, path):
    import torch
    import torch_model

    model = torch_model.load(folder + "/model", fused=False).eval()
    ids = torch.zeros((2, 128), dtype=torch.int64)
    torch.onnx.export(model.encoder, (ids,), path, input_names=["ids"], output_names=["hidden"],
                      dynamic_axes={"ids": {0: "batch"}, "hidden": {0: "batch"}}, opset_version=17, dynamo=False)


def quantised(path, per_channel):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    result = path.replace(".onnx", "-channels.onnx" if per_channel else "-tensors.onnx")
    if not os.path.exists(result):
        prepared = path.replace(".onnx", "-prepared.onnx")
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_dynamic(prepared, result, weight_type=QuantType.QInt8, per_channel=per_channel)
    return result


def seconds(call, least):
    calls, begin = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - begin < least:
        call()
        calls += 1
    return (time.perf_counter() - begin) / calls


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--form", choices=["float32", "tensors", "channels"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    path = arguments.folder + "/model.onnx"
    if not os.path.exists(path):
        export(arguments.folder, path)
    if arguments.form != "float32":
        path = quantised(path, arguments.form == "channels")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    begin = time.perf_counter()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    load_seconds = time.perf_counter() - begin
    batch = load_file(arguments.folder + "/batch.safetensors")
    ids, ours = batch["ids"].astype(numpy.int64), batch["hidden"]
    hidden = session.run(None, {"ids": ids})[0]
    difference = numpy.linalg.norm(hidden - ours) / numpy.linalg.norm(ours)
    run = lambda rows: session.run(None, {"ids": rows})  # noqa: E731
    run(ids[:1])
    sequences = iter(range(1, 10**9))
    forward = seconds(lambda: run(ids), 0.5)
    single = seconds(lambda: run(ids[(at := next(sequences) % len(ids)):at + 1]), 0.5)
    print(json.dumps({"onnxruntime": onnxruntime.__version__, "form": arguments.form,
                      "forward_tokens_per_s": ids.size / forward, "sequence_ms": 1e3 * single,
                      "load_s": load_seconds, "file_mb": os.path.getsize(path) / 1e6,
                      "hidden_difference": float(difference)}))


if __name__ == "__main__":
    main()
