"""How long the heaviest tests go on.

As a rule each takes part of a minute. `WHOLE_TESTS=1` gives them the numbers that were promised,
some minutes each: before a release, and after a change to what they try.
"""

import os

WHOLE = os.environ.get("WHOLE_TESTS") == "1"
