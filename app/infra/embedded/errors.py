"""What can go wrong with the embedded servers.

EmbeddedError       the text is a sentence for the operator: what happened and how to mend it
"""


class EmbeddedError(Exception):
    """An embedded server cannot run here; the text says why and what to do."""
