#!/bin/sh
# Checks the program against Hugging Face's libraries and a PyTorch twin of the model.
#
#   tests/interop/run.sh [BINARY] [CHECK ...]
#
# BINARY defaults to build/release/espalier; CHECK is tokenizer, vocab_txt, scripts, real_text, import, export,
# versions, gradients, bert, stock, dtypes, remote_code, tensorboard or report (default: all). Python packages are
# installed once, pinned, into ${ESPALIER_CACHE:-~/.cache/espalier}/interop-venv. Extra arguments for pip come from
# ESPALIER_PIP_ARGS (experiments/lib/venv.sh).
# With ULTRAFASTBERT_DIR set to a checkout of pbelcak/UltraFastBERT, exported models are also run by the original code,
# and fresh models of it are compared (gradients), for which it is otherwise cloned where the network allows.
# Exit status: 0 all checks passed, 1 one failed, 77 skipped because the packages cannot be had.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$here/../../build/release/espalier}
[ $# -gt 0 ] && shift
checks=${*:-tokenizer vocab_txt scripts real_text import export versions gradients bert stock dtypes remote_code tensorboard report}

if [ ! -x "$binary" ]; then
    echo "interop: no program at $binary; build it first, or give its path as the first argument" >&2
    exit 1
fi
venv=$("$here/../../experiments/lib/venv.sh" interop "$here/requirements.txt") || exit $?

# Everything is local, and transformers' remark about an unknown model_type is expected.
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=
skipped=
for check in $checks; do
    script=$here/check_$check.py
    if [ ! -f "$script" ]; then
        echo "interop: unknown check '$check' (one of: tokenizer vocab_txt scripts real_text import export versions gradients bert stock dtypes remote_code tensorboard report)" >&2
        exit 1
    fi
    mkdir -p "$work/$check"
    status=0
    "$venv/bin/python" "$script" "$binary" "$work/$check" || status=$?
    case $status in
        0) ;;
        77) skipped="$skipped $check" ;;
        *) failed="$failed $check" ;;
    esac
done
if [ -n "$failed" ]; then
    echo "interop: FAILED:$failed" >&2
    exit 1
fi
echo "interop: all checks passed ($checks)${skipped:+, but for those skipped:$skipped}"
