"""Writing of golden files, and the comparison of a float32 run with its double-precision twin."""

import json
import os
import platform

import torch
from safetensors.torch import save_file

# GOLDEN_OUT: another folder than the committed one, for a live cross-check with other seeds.
OUT = os.environ.get("GOLDEN_OUT", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def versions():
    import numpy, tokenizers, transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
    }


def write_json(name, document, *rows):
    """`rows` name lists in `document` that are written with one entry a line."""
    path = os.path.join(OUT, name)
    text = json.dumps({**document, **{key: f"@{key}@" for key in rows}}, indent=1, allow_nan=False)
    for key in rows:
        lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in document[key])
        text = text.replace(f'"@{key}@"', "[\n" + lines + "\n ]")
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    print(f"{os.path.getsize(path):8d}  {name}")


def write_case(name, tensors, document, *rows):
    """`tensors` into <name>.safetensors, `document` (plus the versions) into <name>.json; `rows` as in write_json."""
    tensors = {key: torch.as_tensor(value).detach().clone().contiguous() for key, value in tensors.items()}
    for key, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise AssertionError(f"{name}: {key} is not finite")
    path = os.path.join(OUT, name + ".safetensors")
    save_file(tensors, path, metadata={"format": "pt"})
    print(f"{os.path.getsize(path):8d}  {name}.safetensors")
    write_json(name + ".json", {"case": name, **document, "made_with": versions()}, *rows)


def error(single, double):
    """Greatest difference of a float32 tensor from its double twin:
    absolute, and relative to the twin's greatest entry."""
    difference = (single.detach().double() - double.detach()).abs().max().item()
    scale = double.detach().abs().max().item()
    return {"max_abs": difference, "max_rel": difference / scale if scale > 0 else difference}


def worst(errors):
    """The worst of several errors, by relative size, with the name of the tensor."""
    name = max(errors, key=lambda key: errors[key]["max_rel"])
    return {"tensor": name, **errors[name]}


def pair(tensors, key, single, double):
    """Stores a float32 result and its double-precision twin; returns the error of the former."""
    assert single.dtype == torch.float32 and double.dtype == torch.float64, key
    tensors[key] = single
    tensors["f64/" + key] = double
    return error(single, double)
