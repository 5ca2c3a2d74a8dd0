"""Loads the original PyTorch code from a checkout, without its launcher's dependencies.

The original's package `__init__` files pull in hydra, datasets, pynvml and more, none of which the
model, the schedules or the tokenizer rules need. So the packages are entered as bare namespaces (their
`__init__` does not run) and two names that only its data loader and its upload code use are stubbed.
Nothing of the checkout is edited or copied.
"""

import importlib
import os
import sys
import types


def _bare_package(root, name):
    module = types.ModuleType(name)
    module.__path__ = [os.path.join(root, *name.split("."))]
    if not os.path.isdir(module.__path__[0]):
        raise SystemExit(f"{module.__path__[0]} is missing: --original must be a checkout of pbelcak/UltraFastBERT")
    sys.modules[name] = module


def _stub(name, **attributes):
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
    for key, value in attributes.items():
        setattr(sys.modules[name], key, value)


def load_ultrafastbert(checkout):
    """Returns the original's modules as a namespace: model, attention, schedulers, engine, utils, tokenizer."""
    if not checkout:
        raise SystemExit("give --original DIR or set ULTRAFASTBERT_DIR to a checkout of pbelcak/UltraFastBERT")
    root = os.path.join(checkout, "training")
    for name in ("cramming", "cramming.architectures", "cramming.backend", "cramming.data"):
        _bare_package(root, name)
    _stub("datasets")
    _stub("datasets.distributed", split_dataset_by_node=None)
    generic = importlib.import_module("transformers.utils.generic")
    if not hasattr(generic, "working_or_temp_dir"):
        generic.working_or_temp_dir = None
    load = lambda name: importlib.import_module("cramming." + name)
    return types.SimpleNamespace(
        model=load("architectures.crammed_bert"),
        attention=load("architectures.attention"),
        embeddings=load("architectures.embeddings"),
        schedulers=load("backend.optimizers.schedulers"),
        engine=load("backend.torch_default"),
        utils=load("backend.utils"),
        tokenizer=load("data.tokenizer_preparation"),
    )


def load_fastfeedforward(checkout):
    """Returns the module `fastfeedforward.fff` of a checkout of pbelcak/fastfeedforward."""
    if not checkout:
        raise SystemExit("give --leaf-original DIR or set FASTFEEDFORWARD_DIR to a checkout of pbelcak/fastfeedforward")
    path = os.path.join(checkout, "fastfeedforward", "fff.py")
    if not os.path.isfile(path):
        raise SystemExit(f"{path} is missing: --leaf-original must be a checkout of pbelcak/fastfeedforward")
    spec = importlib.util.spec_from_file_location("original_fastfeedforward", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
