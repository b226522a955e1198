"""Tornallom: a federated mutual-aid labour marketplace."""

__version__ = "0.1.0"
