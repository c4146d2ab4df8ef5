"""The command ``ctx stats``."""

from __future__ import annotations

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_size


@click.command()
@common_options
@pass_invocation
def command(invocation: Invocation) -> None:
    """Show how much is stored, and how much space it takes."""
    output = invocation.output
    with invocation.open() as repo:
        stats = repo.stats()
        path = repo.path
    if output.json:
        ratios = {"dedup_ratio": stats.dedup_ratio, "compression_ratio": stats.compression_ratio}
        biggest = [{"ref": ref, "bytes": size} for ref, size in stats.biggest]
        output.value({"repository": path, **stats._asdict(), **ratios, "biggest": biggest})
        return
    total = stats.versions_bytes / stats.stored_bytes if stats.stored_bytes else 1.0
    rows = [
        ("repository", path),
        ("contexts", f"{stats.contexts:,}"),
        ("commits", f"{stats.commits:,} in {stats.ops:,} runs"),
        ("objects", f"{stats.objects:,} in {stats.packs:,} packs"),
        ("all versions", format_size(stats.versions_bytes)),
        ("unique", f"{format_size(stats.unique_bytes)}  (deduplication {stats.dedup_ratio:.1f}×)"),
        (
            "stored",
            f"{format_size(stats.stored_bytes)}  (compression {stats.compression_ratio:.1f}×)",
        ),
    ]
    for name, value in rows:
        output.line(f"{name:<13} {value}")
    output.line(f"{'total':<13} {total:.1f} bytes of history for each byte stored")
    if stats.biggest:
        output.line()
        output.table(
            ("SIZE", "BIGGEST CONTEXTS"),
            [(format_size(size), ref) for ref, size in stats.biggest],
            right="SIZE",
        )
