"""The list of skills: whole in five languages, and a tag is matched well or not at all."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.profiles import skills
from app.domain.profiles.skills import GROUPS, SKILLS, Skill, SkillListError, fold, match_tag
from app.infra.i18n import LANGUAGES

NAMES = sorted(
    (term, skill.slug)
    for skill in SKILLS.values()
    for term in (*skill.labels.values(), *(t for terms in skill.synonyms.values() for t in terms))
)


def test_the_list_is_whole_in_every_language() -> None:
    assert len(GROUPS) == 14
    assert sum(len(group.skills) for group in GROUPS) == len(SKILLS) >= 140
    labels = {thing.slug: thing.labels for thing in GROUPS}
    labels |= {thing.slug: thing.labels for thing in SKILLS.values()}
    for slug, texts in labels.items():
        assert set(texts) == set(LANGUAGES), slug
        assert all(text.strip() for text in texts.values()), slug


def test_one_label_names_one_skill_in_each_language() -> None:
    for language in LANGUAGES:
        labels = [skill.labels[language] for skill in SKILLS.values()]
        assert len(labels) == len(set(labels)), language


@pytest.mark.parametrize(
    ("tag", "slug"),
    [
        ("C#", "csharp"),
        ("c-sharp", "csharp"),
        ("f#", "fsharp"),
        ("C++", "cpp"),
        ("c", "c"),
        (".NET", "dotnet"),
        ("asp.net-core", "dotnet"),
        ("node.js", "node"),
        ("Vue.JS", "vue"),
        ("go", "go"),
        ("golang", "go"),
        ("r", "r"),
        ("machine-learning", "machine-learning"),
        ("Machine Learning", "machine-learning"),
        ("μεταφραση", "translation"),
        ("ΜΕΤΑΦΡΆΣΕΙΣ", "translation"),
        ("ΕΚΣΤΡΑΤΕΊΑ", "campaigning"),
        ("βάσεις δεδομένων", "databases"),
        ("ΒΑΣΕΙΣ ΔΕΔΟΜΕΝΩΝ", "databases"),
        ("il·lustració", "illustration"),
        ("illustracio", "illustration"),
        ("Boekhouding", "book-keeping"),
        ("cooperatie", "co-op-founding"),
        ("traducción", "translation"),
        ("Nextcloud", "nextcloud"),
        ("technical-writing", "documentation"),
    ],
)
def test_a_tag_finds_its_skill_however_it_is_written(tag: str, slug: str) -> None:
    assert match_tag(tag) == slug


@pytest.mark.parametrize(
    "tag",
    [
        # Each of these looks like a skill and means, or may mean, something else.
        "go-game", "baduk", "c*", "c--!", "ml", "logo", "networking", "supply-chain", "stats",
        "console", "matrix", "campaign", "lambda", "contracts", "training", "design", "crypto",
        "virtual-machine", "unity", "hacktoberfest", "oss", "", " ", "-", "#", "++", ".", "g o !",
    ],
)  # fmt: skip
def test_an_ambiguous_tag_stays_a_free_tag(tag: str) -> None:
    assert match_tag(tag) is None


@given(st.sampled_from(NAMES), st.sampled_from([" ", "-", "_", "."]), st.booleans())
def test_case_accents_and_joints_do_not_count(
    name: tuple[str, str], joint: str, accents: bool
) -> None:
    term, slug = name
    shouted = term.upper().replace(" ", joint)
    if not accents:
        marks = unicodedata.normalize("NFD", shouted)
        shouted = "".join(sign for sign in marks if not unicodedata.combining(sign))
    assert match_tag(shouted) == slug


@given(st.text(max_size=100))
def test_any_text_is_answered_and_folding_is_final(text: str) -> None:
    found = match_tag(text)
    assert found is None or found in SKILLS
    assert found is None or fold(fold(text)) == fold(text)


def test_nearness_has_no_direction_and_is_not_oneself() -> None:
    for slug in SKILLS:
        assert slug not in skills.near(slug)
        assert all(slug in skills.near(other) for other in skills.near(slug))
    assert skills.near("no-such-skill") == frozenset()


def test_two_skills_cannot_share_a_name() -> None:
    first = Skill("first", "g", {"en": "Same name"}, {}, frozenset())
    second = Skill("second", "g", {"en": "Other"}, {"en": ("same-name",)}, frozenset())
    with pytest.raises(SkillListError, match="names both first and second"):
        skills.build_index({"first": first, "second": second})


def test_labels_fall_back_and_never_fail() -> None:
    assert skills.label("book-keeping", "nl") == "Boekhouding"
    assert skills.label("book-keeping", "fr") == "Book-keeping"
    assert skills.label("no-such-skill", "el") == "no-such-skill"
