"""Output that is no terminal goes without rich, and says the same."""

import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.markup import escape as escape_of_rich

from mazu_ls.terminal.screen.markup import PlainConsole, escape

TEXTS = st.text(alphabet="\\[]abz/#@ 1=é", max_size=14).filter(lambda text: not text.endswith("\\\\"))
"""Without several backslashes at the end, of which rich loses some, too."""


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TEXTS)
def test_any_text_is_printed_as_it_is(text: str):
    assert escape(text) == escape_of_rich(text)
    out = io.StringIO()
    PlainConsole(out).print(f"[bold]{escape(text)}[/] [dim]x[/]")
    assert out.getvalue() == f"{text} x\n"


def test_the_same_as_rich_where_there_are_no_colours():
    ours, theirs = io.StringIO(), io.StringIO()
    rich = Console(file=theirs, highlight=False, soft_wrap=True, emoji=False, width=80)
    for out in (PlainConsole(ours), rich):
        out.print("[bold]m_1[/] [dim]2026-11-26 fact[/] list[int], \\[bold] :smile:")
        out.print("plain [bold]", markup=False)
        out.print("", end="")
        out.print()
    assert ours.getvalue() == theirs.getvalue()
