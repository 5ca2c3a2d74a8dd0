#!/usr/bin/env bash
# transformers 4.50 to 4.57: save_pretrained writes a model that from_pretrained of the same version cannot read. A model
# with a complex buffer (tables of rotary positions as e^ix, which much code registers) is saved without a word, as
# safetensors allows it: C64. Loading looks the type up in a list of real ones and stops with KeyError 'C64', later with
# "Cannot load safetensors of unknown dtype C64". The weights are whole: 4.49 and 5.0 load the folder.
# Seen with 4.50.3 and 4.57.6; not with 4.49.0, 5.0.0 and 5.23.0.
#   Way out: 4.49 or 5.0; where the code is one's own, a persistent buffer of the real and imaginary parts
#   (torch.view_as_real). This program's exports keep the tables, as the models that they come from do, and say in
#   their card which versions read them.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import sys

import torch
from transformers import PretrainedConfig, PreTrainedModel

class Config(PretrainedConfig):
    model_type = "waves"

class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(2, 2)
        self.register_buffer("table", torch.polar(torch.ones(2), torch.arange(2.0)))
        self.post_init()

    def _init_weights(self, module):
        pass

if sys.argv[1] == "save":
    Model(Config()).save_pretrained(sys.argv[2])
    print("saved without an error")
else:
    print("loaded:", Model.from_pretrained(sys.argv[2]).table.dtype)
TEXT
export HF_HUB_OFFLINE=1
python_packages base torch==2.13.0 numpy==2.4.6
for version in 4.49.0 4.50.3 4.57.6 5.0.0 5.23.0; do
  case $version in
    4.57.*) others=(tokenizers==0.22.2 huggingface_hub==0.36.2) ;;
    4.*) others=(tokenizers==0.21.4 huggingface_hub==0.36.2) ;;
    5.0.*) others=(tokenizers==0.22.2 huggingface_hub==1.33.0) ;;
    *) others=(tokenizers==0.23.3 huggingface_hub==2.4.0) ;;
  esac
  python_packages "v$version" "transformers==$version" "${others[@]}" safetensors==0.8.0 numpy==2.4.6
  for packages in base/lib/python3*/site-packages; do
    echo "$work/$packages" >"v$version/${packages#base/}/base.pth"
  done
  python=v$version/bin/python
  "$python" program.py save "saved-$version" >"$version" 2>&1 || true
  "$python" program.py load "saved-$version" >>"$version" 2>&1 || true
  "$python" program.py load saved-4.49.0 >"$version-of-4.49.0" 2>&1 || true
  expect "transformers $version" "$version" 'saved without an error'
done
for version in 4.49.0 5.0.0 5.23.0; do
  expect "transformers $version" "$version" 'loaded: torch.complex64'
  expect "transformers $version, saved by 4.49.0" "$version-of-4.49.0" 'loaded: torch.complex64'
done
expect "transformers 4.50.3" 4.50.3 "KeyError: 'C64'"
expect "transformers 4.57.6" 4.57.6 'ValueError: Cannot load safetensors of unknown dtype C64'
v4.49.0/bin/python program.py load saved-4.57.6 >loaded 2>&1 || true
expect "transformers 4.49.0, saved by 4.57.6" loaded 'loaded: torch.complex64'
