"""Abacus as a source of ctxstore's. Every command that looks for agents imports this module, so it imports no other."""

from ctxstore.sources.agent import AgentDescription, HomeFolder, ResumableAgent
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.resumable import AgentProgram


class Abacus(ResumableAgent):
    """Contexts are ``abacus/talks/<talk>``."""

    description = AgentDescription(
        name="abacus",
        title="Abacus",
        family="jsonl",
        source="abacus:Abacus",
        homes=(HomeFolder(".abacus", ("ABACUS_HOME",)),),
        program=AgentProgram(frozenset({"abacus"}), resume="abacus --talk {session}"),
    )

    def kept_days(self, home: SourceHome) -> int | None:
        return 90
