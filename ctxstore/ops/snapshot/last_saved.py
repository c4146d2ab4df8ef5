"""What was saved of one root: told from the stat cache, without reading the agent's files."""

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.capture import is_unchanged
from ctxstore.ops.snapshot.stat_cache import SavedContext, cache_path, load_cache
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.protocol import FoundContext


class LastSaved:
    """The heads of a root's contexts, and what their files looked like when they were last saved.

    `refs` is the refs map of this moment, `heads` the newest commit of every context of the source.
    """

    def __init__(self, engine: Engine, target: Target) -> None:
        self.path = cache_path(engine.storage.cache_folder(), *target.root[:2])
        self.cache = load_cache(self.path)
        root = engine.root()
        self.refs = root.refs
        self.heads: dict[str, ObjectId]
        if self.cache.refs == root.refs:  # no ref moved since
            self.heads = {name: seen.head for name, seen in self.cache.contexts.items()}
        else:
            self.heads = dict(engine.refs(root).iter(target.source.name + "/"))

    def find(self, name: str) -> SavedContext | None:
        """What the cache knows of a context, if the context's head is still the commit it speaks of."""
        seen = self.cache.contexts.get(name)
        return seen if seen is not None and self.heads.get(name) == seen.head else None

    def find_unchanged(self, context: FoundContext) -> SavedContext | None:
        """The same, if it proves that nothing changed since."""
        seen = self.find(context.name)
        return seen if is_unchanged(context, seen, self.cache.looked) else None
