"""The last saved state of one home, read from the stat cache without reading the agent's files."""

from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.predecessors import DAMAGE
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.stat_cache import SavedContext, cache_path, is_unchanged, load_cache
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.context_names import hash_of
from ctxstore.sources.protocol import FoundContext


class LastSaved:
    """The newest commits of a home's contexts, and the recorded state of their files.

    `refs` is the id of the refs map now. `heads` has the newest commit of every context of the source.
    """

    def __init__(self, engine: Engine, target: Target) -> None:
        self._engine = engine
        self.target = target
        self._machine = machine_of(engine.environment.author.host)
        self.path = cache_path(engine.storage.cache_folder(), target.home.source, target.home.path, self._machine)
        self.cache = load_cache(self.path)
        root = engine.root()
        self.refs = root.refs
        self._all = engine.refs(root)
        self.heads: dict[str, ObjectId]
        if self.cache.refs == root.refs:  # no ref moved since the cache was written
            self.heads = {name: saved.head for name, saved in self.cache.contexts.items()}
        else:
            self.heads = dict(self._all.iter(target.source.name + "/"))
        owner = f"{self._machine}\0{target.home.path}".encode("utf-8", "surrogateescape")
        self.suffix = "." + hash_of(owner)

    def own(self, context: FoundContext) -> FoundContext:
        """Returns a context under the name that it has for this machine and home.

        The names of sessions are unique on all machines. Settings and memories have the same name everywhere. So those
        of a second machine or person get a suffix, because otherwise one context would alternate between both.
        """
        own_name = context.name + self.suffix
        if own_name in self.heads:
            return context._replace(name=own_name)
        if context.name in self.cache.contexts:
            return context
        head = self.heads.get(context.name) or self._all.find(context.name)  # the cache knows only this home's contexts
        if head is None:
            return context
        if self.target.source.transcript(context.name, [file.key for file in context.files]) is not None:
            return context
        try:
            commit = read_commit(self._engine.store, head)
        except DAMAGE:
            return context
        return context._replace(name=own_name) if self.is_from_elsewhere(commit) else context

    def is_from_elsewhere(self, commit: Commit) -> bool:
        """Whether the commit is from another machine, or from the home of another person."""
        author = self._engine.environment.author
        is_other_home = commit.root != self.target.home.path and commit.author.user != author.user
        return machine_of(commit.author.host) != self._machine or is_other_home

    def find(self, name: str) -> SavedContext | None:
        """Returns a context's record in the stat cache, or None if it has no record of the context's newest commit."""
        saved = self.cache.contexts.get(name)
        return saved if saved is not None and self.heads.get(name) == saved.head else None

    def find_unchanged(self, context: FoundContext) -> SavedContext | None:
        """Returns a context's record if the stat cache proves that no file changed since, else None."""
        saved = self.find(context.name)
        return saved if is_unchanged(context, saved, self.cache.scanned_at) else None


def machine_of(host: str) -> str:
    """Returns the name of a machine without its domain, which changes with the network on some systems."""
    return host.partition(".")[0].lower()
