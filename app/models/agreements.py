"""The table of agreements: what a claim has beside its own row when two instances share it.

A claim whose worker and need live on different instances has a row on each of them. The need's
instance owns the agreement: it alone decides places and what is confirmed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.models.base import created, data, moment


class Agreement(SQLModel, table=True):
    """How a claim is called between two instances, and how far each has heard the other.

    `key` is random and ours: the last part of the addresses that we make for this claim, so that
    nothing in them leads to an account or to another claim. Addresses are written when they are
    first said.
    """

    __tablename__ = "agreements"
    __table_args__ = (
        Index("uq_agreements_offer", "peer_id", "offer_url", unique=True),
        Index("ix_agreements_agreement_url", "agreement_url"),
        Index("ix_agreements_report_url", "report_url"),
    )

    claim_id: UUID = Field(primary_key=True, foreign_key="claims.id", ondelete="CASCADE")
    peer_id: UUID = Field(foreign_key="peers.id")
    key: UUID = Field(unique=True)
    need_url: str = Field(max_length=500)
    # Kept so that the worker still knows what it was about when the need is gone there.
    need_title: str = Field(default="", max_length=200)
    offer_url: str | None = Field(default=None, max_length=500)
    provider_url: str = Field(default="", max_length=500)
    agreement_url: str | None = Field(default=None, max_length=500)
    report_url: str | None = Field(default=None, max_length=500)
    # What the worker wants to be called there, for this claim only; empty: nothing is told.
    shown_name: str = Field(default="", max_length=80)
    # The versions of our word about it, and of the newest word of theirs that we went by.
    said_version: int = 0
    heard_version: int = 0
    # The id of the Accept or Reject: the same one whenever the Offer comes again.
    answer_id: str | None = Field(default=None, max_length=500)
    answer_by: datetime = moment()
    # How to reach the organisation, told with its Accept.
    contacts: list[dict[str, Any]] = data(default_factory=list)
    receipt_url: str | None = Field(default=None, max_length=500)
    created_at: datetime = created()
