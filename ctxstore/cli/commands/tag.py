"""The command ``ctx tag``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctxstore.cli.complete import complete_refs, complete_tags
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.output import Output, Styled
from ctxstore.errors import InvalidInput

if TYPE_CHECKING:
    from ctxstore import Repo


@click.command()
@click.argument("name", required=False)
@click.argument("rev", required=False, shell_complete=complete_refs)
@click.option("--delete", "-d", metavar="NAME", shell_complete=complete_tags, help="Delete the tag NAME.")
@click.option("--force", is_flag=True, help="Move an existing tag to REV.")
@common_options
@pass_invocation
def command(invocation: Invocation, name: str | None, rev: str | None, delete: str | None, force: bool) -> None:
    """Tag the commit REV as NAME, or list the tags. Retention never removes a tagged commit."""
    if delete is not None and (name is not None or force):
        raise InvalidInput("--delete excludes all other arguments", hint="`ctx tag --delete NAME`")
    if (name is None) != (rev is None) or (force and name is None):
        raise InvalidInput("a tag needs a name and a revision", hint="`ctx tag NAME REV`; `ctx tag` lists the tags")
    with invocation.open() as repo:
        if delete is not None:
            _delete(invocation.output, repo, delete)
        elif name is not None and rev is not None:
            _create(invocation.output, repo, name, rev, force=force)
        else:
            _list(invocation.output, repo)


def _create(output: Output, repo: Repo, name: str, rev: str, *, force: bool) -> None:
    stored = repo.tag(name, rev, force=force)
    name = name.removeprefix("tag:")
    if output.json:
        output.value({"tag": name, "commit": stored.id.hex(), "deleted": False})
    output.report(f"Set tag:{name} to commit ", Styled(stored.id.hex()[:8], "yellow"), f" of {stored.commit.ref}")


def _delete(output: Output, repo: Repo, name: str) -> None:
    id = repo.delete_tag(name)
    name = name.removeprefix("tag:")
    if output.json:
        output.value({"tag": name, "commit": id.hex(), "deleted": True})
    output.report(f"Deleted tag:{name}, commit ", Styled(id.hex()[:8], "yellow"))


def _list(output: Output, repo: Repo) -> None:
    tags = list(repo.tags())
    if output.json:
        from ctxstore.cli.render.json import stored_commit_value

        output.value({"tags": [{"name": name, "commit": stored_commit_value(stored)} for name, stored in tags]})
        return
    if tags:
        rows = [(name, id.hex()[:8], commit.ref, format_time(commit.time), commit.note) for name, (id, commit) in tags]
        output.table(("TAG", "COMMIT", "CONTEXT", "TIME", "NOTE"), rows, fit="NOTE")
    output.note(format_count(len(tags), "tag") if tags else "No tags yet: `ctx tag NAME REV` creates one.")
