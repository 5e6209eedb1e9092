"""What the user says is never lost: the same words in other roles are another statement, and take the place of what they contradict."""

import itertools

import pytest

from mazu_ls.memory.memories import Memories
from mazu_ls.memory.store.dedupe import compare_texts

pytestmark = pytest.mark.portable


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Use uv, not pip", "Use pip, not uv"),
        ("Do not use uv, use pip", "Use uv, not pip"),
        ("Merge, do not rebase", "Rebase, don't merge"),
        ("Prefer composition over inheritance", "Prefer inheritance over composition"),
        ("Use Postgres rather than MySQL", "Use MySQL rather than Postgres"),
        ("Use tabs instead of spaces", "Use spaces instead of tabs"),
        ("Run migrations before the deploy", "Run the deploy before migrations"),
        ("Staging is faster than production", "Production is faster than staging"),
        ("Deploy on Tuesdays, not on Thursdays", "Deploy on Thursdays, not on Tuesdays"),
        ("Nutze pnpm statt npm", "Nutze npm statt pnpm"),
        ("Nutze npm nicht, sondern pnpm", "Nutze pnpm nicht, sondern npm"),
        ("Usa uv, no pip", "Usa pip, no uv"),
        ("Usa pnpm en vez de npm", "Usa npm en vez de pnpm"),
        ("Utilise pnpm, pas npm", "Utilise npm, pas pnpm"),
        ("Utilise pnpm au lieu de npm", "Utilise npm au lieu de pnpm"),
        ("Timeout is 30 seconds", "Timeout is 2 minutes"),
        ("The cache lives for 5 minutes", "The cache lives for 5 hours"),
        ("Uploads are at most 512 MB", "Uploads are at most 2 GB"),
        ("Das Limit ist 30 Sekunden", "Das Limit ist 2 Minuten"),
    ],
)
async def test_the_opposite_choice_replaces_the_first_in_every_category(
    memories: Memories, old: str, new: str
):
    first = (await memories.remember(old, category="decision")).memory
    made = await memories.remember(new)
    assert (made.outcome, made.replaced and made.replaced.id) == ("superseded", first.id)
    assert made.memory.category == "decision"  # of a fact nothing would stand in every turn
    # Said by the agent, the user's own stays, and the agent is told of it.
    back = await memories.remember(old, category="convention", source="agent")
    assert (back.outcome, [one.id for one in back.alike]) == ("created", [made.memory.id])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The billing service calls the auth service", "The auth service calls the billing service"),
        (
            "Keep camelCase in JS and snake_case in SQL",
            "Keep snake_case in JS and camelCase in SQL",
        ),
        ("Replicate from eu to us", "Replicate to eu from us"),
        ("Der Server ruft den Client", "Den Server ruft der Client"),
        ("Ada blocks Bob", "Ada blocked Bob"),
        ("Admins may deploy", "Admins must deploy"),
        ("Push to main only after review", "Push to main"),
        ("Send the contact to legal", "Send the contract to legal"),
        ("Use plan A", "Use plan"),
        ("Use uv, not pip", "Use uv instead of pip"),
        ("Run migrations after the deploy", "After the deploy, run migrations"),
        ("Never use tabs in Python", "Use tabs in Makefiles, never in Python"),
    ],
)
async def test_where_nobody_can_tell_both_are_kept_and_the_other_is_named(
    memories: Memories, old: str, new: str
):
    first = (await memories.remember(old, category="decision")).memory
    made = await memories.remember(new)
    assert (made.outcome, [one.id for one in made.alike]) == ("created", [first.id])
    # Neither is archived as a repetition of the other.
    assert not (await memories.consolidate()).proposals


async def test_the_one_that_it_contradicts_is_replaced_not_one_that_agrees(memories: Memories):
    tabs = (await memories.remember("We use tabs, never spaces, in Makefiles", category="decision")).memory
    weaker = await memories.remember("We do not use tabs in Makefiles")
    assert (weaker.outcome, [one.id for one in weaker.alike]) == ("created", [tabs.id])
    made = await memories.remember("We use spaces, never tabs, in Makefiles")
    assert (made.replaced and made.replaced.id, [one.id for one in made.alike]) == (
        tabs.id,
        [weaker.memory.id],
    )


def test_no_order_of_words_is_known_already_for_another():
    """The law, over every order of the words of a few statements."""
    for text in ("use uv not pip", "merge main into dev", "ada calls bob first", "nie tabs sondern spaces"):
        orders = [" ".join(words) for words in itertools.permutations(text.split())]
        for one, other in itertools.combinations(orders, 2):
            assert compare_texts(one, "", other, "") != "same", (one, other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Use uv, not pip", "use UV not pip."),
        ("Do not use mocks", "Don't use mocks"),
        ("The tests run with pytest", "Test runs with pytest"),
        ("Retry three times", "Retry 3 times"),
    ],
)
async def test_the_same_words_are_known(memories: Memories, old: str, new: str):
    await memories.remember(old)
    assert (await memories.remember(new)).outcome == "duplicate"


async def test_a_title_said_again_without_its_reason_is_known(memories: Memories):
    await memories.remember("Amounts are whole cents", "Floats lost a cent in March")
    assert (await memories.remember("Amounts are whole cents")).outcome == "duplicate"


@pytest.mark.parametrize("source", ["user", "agent"])
@pytest.mark.parametrize(
    ("title", "old", "new"),
    [
        (
            "Payment service",
            ("decision", "We chose Stripe over Adyen."),
            ("convention", "Never log card numbers."),
        ),
        ("Payment service", ("decision", "We chose Stripe over Adyen."), ("fact", "Runs on port 7000.")),
        (
            "Payment service",
            ("fact", "Runs on port 7000."),
            ("mistake", "Do not restart it during the day, it drops orders."),
        ),
        ("Authentication", ("decision", "We use JWT."), ("convention", "Never use JWT without expiry.")),
        (
            "Authentication",
            ("decision", "We use JWT with RS256."),
            ("mistake", "Tokens were written to the log once."),
        ),
        (
            "Release notes",
            ("convention", "Written by hand."),
            ("task_outcome", "The last ones took two days."),
        ),
        ("CI", ("fact", "GitHub Actions runs it."), ("task_outcome", "A flaky test blocked it on Monday.")),
        ("Retries", ("convention", "At most 3 retries"), ("mistake", "At most 5 retries")),
        ("Retries", ("convention", "Explained. " * 900), ("decision", "Explained otherwise. " * 500)),
    ],
)
async def test_one_title_may_have_a_memory_of_each_category(
    memories: Memories, source: str, title: str, old: tuple[str, str], new: tuple[str, str]
):
    for one, other in ((old, new), (new, old)):
        first = (await memories.remember(title, one[1], category=one[0], source=source)).memory
        made = await memories.remember(title, other[1], category=other[0], source=source)
        assert (made.outcome, [one.id for one in made.alike]) == ("created", [first.id])
        for memory in (first, made.memory):
            assert (await memories.get(memory.id)).state == "current"
            await memories.forget(memory.id)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Do not commit to main", "Commit to main"),
        ("Caching is disabled", "Caching is enabled"),
        ("Use uv, not pip", "Use pip, not uv"),
        ("The port is 8080", "The port is 9090"),
        ("The tests run with pytest", "Test runs with pytest"),
    ],
)
@pytest.mark.parametrize("happened", ["mistake", "task_outcome"])
async def test_what_went_wrong_replaces_no_rule_nor_a_rule_that(
    memories: Memories, one: str, other: str, happened: str
):
    for rule in ("decision", "convention", "fact", "user_preference"):
        for old, new in ((rule, happened), (happened, rule)):
            first = (await memories.remember(one, category=old, scope="project")).memory
            made = await memories.remember(other, category=new, scope="project")
            assert (made.outcome, [one.id for one in made.alike]) == ("created", [first.id])
            assert made.memory.category == new
            for memory in (first, made.memory):
                assert (await memories.get(memory.id)).state == "current"
                await memories.forget(memory.id)


@pytest.mark.parametrize(("old", "new"), [("decision", "mistake"), ("task_outcome", "convention")])
async def test_the_same_words_do_not_make_a_rule_what_went_wrong(memories: Memories, old: str, new: str):
    for source in ("agent", "user"):
        made = await memories.remember(f"Commit to main, {source}", category=old, source=source)
        again = await memories.remember(f"Commit to main, {source}", category=new, source="user")
        assert (again.outcome, again.memory.id, again.memory.category) == ("duplicate", made.memory.id, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Run on port 7000", "Run on port 8000"),
        ("Use Stripe, not Adyen", "Use Adyen, not Stripe"),
        ("Never behind a proxy", "Always behind a proxy"),
    ],
)
async def test_below_one_title_a_contradiction_replaces_across_categories(
    memories: Memories, old: str, new: str
):
    first = (await memories.remember("Payment service", old, category="decision")).memory
    made = await memories.remember("Payment service", new, category="convention")
    assert (made.outcome, made.replaced and made.replaced.id) == ("superseded", first.id)
    assert made.memory.category == "convention"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Use uv, not pip", "Use pip, not uv"),
        ("Nutze Tabs statt Leerzeichen", "Nutze Leerzeichen statt Tabs"),
    ],
)
@pytest.mark.parametrize(
    ("one", "other"), [("decision", "user_preference"), ("user_preference", "convention")]
)
async def test_a_contradiction_in_the_other_scope_is_named_and_both_stay(
    memories: Memories, one: str, other: str, old: str, new: str
):
    first = (await memories.remember(old, category=one)).memory
    for n in "abc":  # what is merely much like it does not crowd out what contradicts it
        await memories.remember(f"{new} {n * 2}", category=other)
    made = await memories.remember(new, category=other)
    assert made.memory.scope != first.scope
    assert (made.outcome, made.alike[0].id, len(made.alike)) == ("created", first.id, 3)
    assert (await memories.get(first.id)).state == "current"
    await memories.archive(first.id)
    await memories.forget(made.memory.id)
    assert first.id not in [one.id for one in (await memories.remember(new, category=other)).alike]


async def test_three_that_may_no_longer_hold_are_named(memories: Memories):
    for name in ("athena", "hermes", "zeus", "hera"):
        made = await memories.remember(f"The staging server is called {name}", category="decision")
    assert len({one.id for one in made.alike} - {made.memory.id}) == 3


@pytest.mark.parametrize("again", ["Never push to main", "Never push to main."])
async def test_what_comes_back_from_the_archive_names_what_it_contradicts(memories: Memories, again: str):
    first = (await memories.remember("Never push to main")).memory
    await memories.archive(first.id)
    opposite = (await memories.remember("Always push to main")).memory
    done = await memories.remember(again)
    assert (done.outcome, done.memory.id, done.memory.state) == ("duplicate", first.id, "current")
    assert [one.id for one in done.alike] == [opposite.id]


async def test_an_archived_memory_of_the_other_scope_hides_no_contradiction(memories: Memories):
    said = await memories.remember("Never commit to main", category="user_preference")
    await memories.archive(said.memory.id)
    opposite = (await memories.remember("Always commit to main", category="user_preference")).memory
    done = await memories.remember("Never commit to main", category="convention")
    assert [one.id for one in done.alike] == [opposite.id]
