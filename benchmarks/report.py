"""The presentation of results as a table, as JSON and as a plot."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

from .results import ROWS, Results, Row

ORDER = ("ctx", "git", "restic", "borg", "tar_zstd")


def table(results: Results) -> str:
    """Returns a table with a line per row: each tool's median, the ratio to the best peer, the target, the verdict."""
    tools = results.tools(ORDER)
    lines = [["work", *tools, "ctx / peer", "target", "met"]]
    lines += [_line(results, row, tools) for row in ROWS if results.samples.get(row.key)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(columns))
        for columns in (list(zip(line, widths, strict=True)) for line in lines)
    )


def _line(results: Results, row: Row, tools: list[str]) -> list[str]:
    values = [show(results.value(row.key, tool), row.unit) for tool in tools]
    ratio, best, met = results.ratio(row), results.best(row), results.met(row)
    against = "" if ratio is None or best is None else f"{ratio:.2f} {best[0]}"
    return [row.title, *values, against, target(row), "" if met is None else "yes" if met else "NO"]


def target(row: Row) -> str:
    if row.limit is not None:
        return f"<= {show(row.limit, row.unit)}"
    if row.share is None:
        return ""
    return f"<= {row.share:.2f} {row.peers[0] if len(row.peers) == 1 else 'best'}"


def show(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "B":
        return f"{value / 1e6:.1f} MB"
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"


def document(results: Results) -> str:
    """Returns everything measured as JSON, for other programs."""
    rows = [
        {
            "row": row.key,
            "title": row.title,
            "unit": row.unit,
            "median": {tool: results.value(row.key, tool) for tool in results.samples[row.key]},
            "samples": results.samples[row.key],
            "peak_memory": results.peaks.get(row.key, {}),
            "ratio": results.ratio(row),
            "target": target(row),
            "met": results.met(row),
        }
        for row in ROWS
        if results.samples.get(row.key)
    ]
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    return json.dumps({"machine": machine, "facts": results.facts, "rows": rows}, indent=1) + "\n"


def plot(results: Results, path: Path) -> None:
    """Draws bars by row and tool, each row scaled to its slowest (or largest) tool. SVG or PNG by the file's name."""
    import matplotlib as mpl

    mpl.use("Agg")
    # Text as text makes the SVG a tenth as large, and searchable. With a fixed salt, equal results give equal files.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ctxstore", "font.size": 9})
    from matplotlib import pyplot

    tools = results.tools(ORDER)
    rows = [row for row in ROWS if results.samples.get(row.key)]
    figure, axes = pyplot.subplots(figsize=(8, 0.5 + 0.75 * len(rows)))
    height = 0.8 / len(tools)
    for at, tool in enumerate(tools):
        values = [results.value(row.key, tool) for row in rows]
        most = [max(results.value(row.key, name) or 0 for name in tools) for row in rows]
        shares = [(value or 0) / top if top else 0 for value, top in zip(values, most, strict=True)]
        places = [number + at * height for number in range(len(rows))]
        bars = axes.barh(places, shares, height * 0.9, label=tool, color=f"C{at}")
        labels = ["" if value is None else show(value, row.unit) for value, row in zip(values, rows, strict=True)]
        axes.bar_label(bars, labels, padding=2, fontsize=7)
    axes.set_yticks([number + 0.4 - height / 2 for number in range(len(rows))], [row.title for row in rows])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_xlim(0, 1.15)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.legend(ncols=len(tools), loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False)
    axes.set_title("shorter is better; each row to its own scale", fontsize=8, loc="right", pad=26)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
