"""JSON files of results, replaced whole or not at all."""

import json
import os


def read(path, empty=None):
    if not os.path.exists(path):
        return empty
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, document):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)
