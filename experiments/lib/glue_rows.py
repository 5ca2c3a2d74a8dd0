"""Rows of GLUE's official files."""


def read(path, columns):
    """{line number: [text of each column]}. Columns are names of the header, or places where there is none. Tabs split,
    quotes are text; lines with too few columns or an empty last one of these (the label) are left out."""
    with open(path, encoding="utf-8-sig", newline="\n") as file:
        lines = {number: line.rstrip("\r\n").split("\t") for number, line in enumerate(file, 1)}
    if isinstance(columns[0], str):
        header = lines.pop(1)
        columns = [header.index(name) for name in columns]
    return {number: [line[i] for i in columns] for number, line in lines.items()
            if len(line) > max(columns) and line[columns[-1]] != ""}
