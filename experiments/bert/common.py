"""What the parts share: the machine of a row, and results files, of which a new row changes no other."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from documents import read, write  # noqa: E402,F401


def machine(threads):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = re.findall(r"^model name\s*: (.*)$", file.read(), re.M)
    return f"{names[0] if names else 'unknown'}, {threads} thread{'' if int(threads) == 1 else 's'}"
