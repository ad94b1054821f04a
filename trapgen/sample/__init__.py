"""New loops out of a network: many at once, one step of work a token, steered by masks."""

from trapgen.sample.choose import choose
from trapgen.sample.draft import Draft, Ticket, to_loops
from trapgen.sample.draw import check_controls, sample_words
from trapgen.sample.files import read_given
from trapgen.sample.given import Given
from trapgen.sample.primer import match_primer

__all__ = [
    "Draft",
    "Given",
    "Ticket",
    "check_controls",
    "choose",
    "match_primer",
    "read_given",
    "sample_words",
    "to_loops",
]
