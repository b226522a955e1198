"""Workers' profiles and the list of skills."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.dependencies import Db, ProfileWriter, SignedIn, get_expected_version, set_version
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.profiles import ProfileShape, SkillGroup, SkillList, SkillShape
from app.domain.profiles import actions, queries
from app.domain.profiles.skills import GROUPS, SKILLS, group_label, label
from app.infra.i18n import negotiate
from app.models.base import LANGUAGE_PATTERN
from app.models.profiles import Profile, ProfileFields

router = APIRouter(route_class=StrictRoute, tags=["profiles"])


def get_version_if_any(request: Request) -> int | None:
    """Read If-Match where it is given: the first saving has nothing to match."""
    return get_expected_version(request) if "if-match" in request.headers else None


VersionIfAny = Annotated[int | None, Depends(get_version_if_any)]
LanguageFilter = Annotated[
    str | None, Query(pattern=LANGUAGE_PATTERN, max_length=35, description="Language of the names.")
]


@router.get("/me/profile", operation_id="get_profile")
async def get_profile(actor: SignedIn, response: Response, db: Db) -> ProfileShape:
    """Return one's own profile; an empty one of version 0 before it was saved."""
    account_id = actor.signed_in()
    found = await queries.profile_of(db, account_id)
    profile, skills = found or (Profile(account_id=account_id, version=0), [])
    set_version(response, profile.version)
    return ProfileShape.of(profile, skills)


@router.put("/me/profile", operation_id="save_profile")
async def save_profile(
    body: ProfileFields, actor: ProfileWriter, version: VersionIfAny, response: Response, db: Db
) -> ProfileShape:
    """Replace one's own profile; If-Match from the second time on."""
    profile, skills = await actions.save_profile(db, actor, body, version)
    set_version(response, profile.version)
    return ProfileShape.of(profile, skills)


@router.get("/skills", operation_id="list_skills")
async def list_skills(request: Request, language: LanguageFilter = None) -> SkillList:
    """Return the list of skills by groups, named in the language asked for."""
    spoken = negotiate(language) if language else language_of(request)
    return SkillList(
        groups=[
            SkillGroup(
                slug=group.slug,
                label=group_label(group, spoken),
                skills=[_skill(slug, spoken) for slug in group.skills],
            )
            for group in GROUPS
        ]
    )


def _skill(slug: str, language: str) -> SkillShape:
    synonyms = SKILLS[slug].synonyms
    # Tool names stand under English and are the same everywhere.
    known = [*synonyms.get(language, ()), *(synonyms.get("en", ()) if language != "en" else ())]
    return SkillShape(slug=slug, label=label(slug, language), synonyms=list(dict.fromkeys(known)))
