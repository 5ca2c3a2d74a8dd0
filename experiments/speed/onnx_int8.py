"""A model in ONNX Runtime, in float32 or by its dynamic quantisation to int8; prints JSON (peer_model.py)."""

import argparse
import json
import os
import time

import onnxruntime

import peer_model


def quantised(path, per_channel):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    result = path.replace(".onnx", "-channels.onnx" if per_channel else "-tensors.onnx")
    if not os.path.exists(result):
        prepared = path.replace(".onnx", "-prepared.onnx")
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_dynamic(prepared, result, weight_type=QuantType.QInt8, per_channel=per_channel)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--form", choices=["float32", "tensors", "channels"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    path = peer_model.exported(arguments.folder)
    if arguments.form != "float32":
        path = quantised(path, arguments.form == "channels")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    begin = time.perf_counter()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    load_seconds = time.perf_counter() - begin
    result = peer_model.measured(arguments.folder, lambda ids: session.run(None, {"ids": ids})[0])
    print(json.dumps({"version": onnxruntime.__version__, "form": arguments.form, "load_s": load_seconds,
                      "file_mb": os.path.getsize(path) / 1e6, **result}))


if __name__ == "__main__":
    main()
