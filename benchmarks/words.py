"""A generator of text for synthetic homes: prose, source files, listings and test logs from a small vocabulary.

All choices come from the `random.Random` that the caller passes, so the same seed always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random


def _split(text: str) -> list[str]:
    return text.split()


NOUNS = _split("""
account action adapter address agent alias anchor answer archive array attempt balance batch blob block
body border branch bridge bucket budget buffer builder bundle button cache caller canvas card cart catalog
cell channel chart check child client clock cluster code column command config contact content context
cookie copy counter cursor customer daemon data date deadline decoder delta device digest dialog driver
edge editor element email encoder engine entry error event export factory feature feed field file filter
flag folder form format frame gateway graph group guard handle handler hash header height helper history
hook host icon image import index input invoice item job journal key label layer layout ledger level
library limit line link list listener loader lock log loop mail map marker mask member memory menu merge
message meter method mirror mode model module monitor name network node note number object offer offset
option order origin output owner packet page panel parent parser part patch path payload payment peer
period permission picker pipeline plan player plugin pointer policy pool port position prefix preview
price process product profile project prompt proxy queue quota range rate reader record region registry
release render report request reserve resource result retry review role route row rule runner sample
scanner schedule schema scope screen script search section segment sender series server service session
setting shape shard signal site size slice slot snapshot socket source span stack stage state status step
storage store stream string style summary switch symbol table target task team template tenant term test
theme thread ticket timer title token tool topic trace track tree trigger tunnel turn type unit update
upload user value vendor version view volume walker warning watcher weight widget window worker wrapper
writer
""")
VERBS = _split("""
add apply assert build cancel change clear close collect commit compare compute connect convert count
create decode delete detect disable drop emit enable encode ensure evict expand fetch find finish flush
follow get guess import insert join keep load locate make mark match merge move normalize notify open pack
parse pick plan poll prepare print prune publish pull push put raise read rebuild receive reduce refresh
register release remove rename replace replay reset resize resolve restore resume retry return rotate run
save scan schedule select send set shift skip sort split start stop store stream submit swap sync take
test throw touch track trim try unlock update validate verify visit wait warm watch wrap write
""")
GLUE = _split("""
the a to of and in is it that for this on with so not now was from be when I we will before after only
should which but already also still because then there has one each same as at are can if by its all both
into out no need yes next first last new old again here two more without looks seems every
""")
ADJECTIVES = _split("""
active broken cached clean closed cold common correct current deep default direct early empty exact
external failing fast final fresh full global hidden hot idle inner internal large late lazy local long
loose main missing nested next noisy null open optional outer partial pending plain previous private
public pure quick raw ready recent remote safe shared short silent simple single slow small stable stale
strict sudden test typed unused usual valid weak wide wrong
""")
VOCABULARY = GLUE + NOUNS + VERBS + ADJECTIVES
# Frequencies decrease with rank, as in any language. The glue words are the most frequent.
CUMULATIVE = list(accumulate(1 / (rank + 4) for rank in range(len(VOCABULARY))))

CODE_LINES: tuple[Callable[[Random, list[str]], str], ...] = (
    lambda rng, n: f"    {n[0]}_{n[1]} = self.{n[2]}.{rng.choice(VERBS)}({n[3]}, {n[0]}={rng.randrange(99)})",
    lambda rng, n: f"    if {n[0]}.{n[1]} is None or not {n[2]}:",
    lambda rng, n: f"        return {n[0]}_{n[3]}[{rng.randrange(64)}]",
    lambda rng, n: f"    for {n[0]} in {rng.choice(VERBS)}_{n[1]}s({n[2]}.{n[3]}):",
    lambda rng, n: f"        {n[0]}.{rng.choice(VERBS)}_{n[1]}({n[2]})",
    lambda rng, n: f'        raise {n[0].title()}Error(f"{n[1]} {{{n[2]}}} has no {rng.choice(ADJECTIVES)} {n[3]}")',
    lambda rng, n: f"    # {prose(rng, 9)}",
    lambda rng, n: "",
    lambda rng, n: f"def {rng.choice(VERBS)}_{n[0]}({n[1]}: {n[2].title()}, {n[3]}: int = {rng.randrange(9)}) -> None:",
    lambda rng, n: f'    """{prose(rng, 8).capitalize()}."""',
    lambda rng, n: f"    assert {n[0]}.{n[1]} == {rng.randrange(4096)}, {n[2]}",
)


@dataclass(frozen=True)
class Project:
    """A project folder in which agents worked: its files and the names of its tests."""

    name: str
    paths: tuple[str, ...]
    texts: tuple[str, ...]
    tests: tuple[str, ...]


def prose(rng: Random, words: int) -> str:
    """Returns `words` words of plain text, without punctuation."""
    return " ".join(rng.choices(VOCABULARY, cum_weights=CUMULATIVE, k=words))


def paragraphs(rng: Random, words: int) -> str:
    """Returns sentences like an assistant's, with a new paragraph about every 60 words."""
    out: list[str] = []
    while words > 0:
        n = rng.randrange(7, 22)
        end = ".\n\n" if rng.random() < 0.25 else ". "
        out.append(prose(rng, n).capitalize() + end)
        words -= n
    return "".join(out)


def code(rng: Random, lines: int) -> str:
    """Returns `lines` lines that look like a program."""
    out = []
    for make in rng.choices(CODE_LINES, k=lines):
        out.append(make(rng, rng.choices(NOUNS, k=4)))
    return "\n".join(out) + "\n"


@cache
def open_project(name: str) -> Project:
    """Returns the project of this name. It is always the same, so that later turns read the files of earlier ones."""
    rng = Random(f"project {name}")
    paths, texts = [], []
    for _ in range(120):
        folder = "/".join(rng.sample(NOUNS, rng.randrange(1, 3)))
        paths.append(f"src/{folder}/{rng.choice(VERBS)}_{rng.choice(NOUNS)}.py")
        texts.append(code(rng, min(900, int(rng.lognormvariate(4.8, 1.0)))))
    tests = tuple(f"tests/test_{rng.choice(NOUNS)}.py::test_{prose(rng, 5).replace(' ', '_')}" for _ in range(160))
    return Project(name, tuple(paths), tuple(texts), tests)


def numbered(text: str, start: int, lines: int) -> str:
    """Returns a part of a file with line numbers, as agents' reading tools show it."""
    part = text.split("\n")[start : start + lines]
    return "\n".join(f"{number:6d}→{line}" for number, line in enumerate(part, start + 1))


def listing(rng: Random, project: Project) -> str:
    """Returns a listing like that of `ls -l`: the same names in the same order, with some different sizes."""
    rows = [f"total {rng.randrange(40, 900)}"]
    first = rng.randrange(0, 50)
    for path in project.paths[first : first + 25]:
        rows.append(f"-rw-r--r-- 1 dev dev {len(path) * 211:7d} Mar {rng.randrange(1, 9)} 10:{len(path)} {path}")
    return "\n".join(rows)


def test_log(rng: Random, project: Project) -> str:
    """Returns the log of a test run: consecutive test names, with different times in every run."""
    first = rng.randrange(0, 100)
    rows = [f"{name} PASSED [{rng.randrange(1, 99) / 1000:.3f}s]" for name in project.tests[first : first + 30]]
    if rng.random() < 0.3:
        at = rng.randrange(len(rows))
        rows[at] = rows[at].replace("PASSED", "FAILED") + "\n" + code(rng, 6)
    return "\n".join(["===== test session starts =====", *rows, f"===== {len(rows)} run ====="])


def search_hits(rng: Random, project: Project) -> str:
    """Returns the output of a search: path, line number, line."""
    rows = []
    for _ in range(rng.randrange(4, 20)):
        at = rng.randrange(len(project.paths))
        lines = project.texts[at].split("\n")
        number = rng.randrange(len(lines))
        rows.append(f"{project.paths[at]}:{number + 1}:{lines[number]}")
    return "\n".join(rows)
