"""Moderation: reports, holds, and what stewards do about accounts."""
