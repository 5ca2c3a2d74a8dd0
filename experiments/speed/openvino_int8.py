"""A model in OpenVINO, in float32 or in int8 by its own quantisation (NNCF, for transformers, with scales from half of
the batch's sequences); prints JSON (peer_model.py)."""

import argparse
import contextlib
import json
import os
import sys
import time

import openvino

import peer_model


def converted(folder, int8):
    path = os.path.join(folder, "openvino-int8.xml" if int8 else "openvino.xml")
    if os.path.exists(path):
        return path
    model = openvino.convert_model(peer_model.exported(folder))
    if int8:
        import nncf

        ids, _ = peer_model.batch_of(folder)
        sequences = [ids[i:i + 1] for i in range(0, len(ids), 2)]
        model = nncf.quantize(model, nncf.Dataset(sequences), model_type=nncf.ModelType.TRANSFORMER,
                              subset_size=len(sequences))
    openvino.save_model(model, path, compress_to_fp16=False)
    return path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--form", choices=["float32", "int8"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):  # NNCF 3.4 draws its progress on standard output
        path = converted(arguments.folder, arguments.form == "int8")
    begin = time.perf_counter()
    # Without a precision it would take bf16 where the machine has it, and call that float32.
    compiled = openvino.Core().compile_model(path, "CPU", {
        "INFERENCE_NUM_THREADS": arguments.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    load_seconds = time.perf_counter() - begin
    result = peer_model.measured(arguments.folder, lambda ids: compiled([ids])[0])
    size = os.path.getsize(path.replace(".xml", ".bin"))
    print(json.dumps({"version": openvino.__version__.split("-")[0], "form": arguments.form, "load_s": load_seconds,
                      "file_mb": size / 1e6, **result}))


if __name__ == "__main__":
    main()
