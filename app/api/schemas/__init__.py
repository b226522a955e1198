"""Shapes of requests and answers, per noun; Pydantic only."""
