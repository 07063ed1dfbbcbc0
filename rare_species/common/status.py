"""Whether an image is kept, why not, and what was guessed of it; apart from `manifest`: workers need no pandas."""

from __future__ import annotations

from enum import StrEnum

from rare_species.common.terminal import printable


class PhotoStatus(StrEnum):
    """Whether later stages see the image."""

    KEPT = "kept"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why an image was rejected; the first that holds, in this order, but what is too small or large is not decoded."""

    MISSING = "missing"  # the archive labels it, but has no such file
    UNLISTED = "unlisted"  # the archive has the file, but no label for it
    EXCLUDED = "excluded"  # a person listed it in clean.exclude
    UNREADABLE = "unreadable"  # not an image, or damaged
    TRUNCATED = "truncated"  # an image that ends too early
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    BLANK = "blank"  # one colour everywhere
    DOCUMENT = "document"  # a page, map or diagram, under clean.documents: reject
    CONFLICTING_LABELS = "conflicting_labels"  # the same bytes under two families
    DUPLICATE = "duplicate"  # the same bytes as a kept image of its family


class Guess(StrEnum):
    """How an image is read where its file can't mean what it says."""

    STRETCHED = "stretched"  # it has more than 8 bits and fills little of their range: that part becomes black to white
    OPAQUE = "opaque"  # its alpha hides all of it, and is ignored


_IN_WORDS = {
    Guess.STRETCHED: "that fill little of the range of their numbers, stretched from black to white",
    Guess.OPAQUE: "hidden by their own alpha, which is ignored",
}


def describe_guess(guess: Guess, n_photos: int, first: str) -> str:
    """A line about photos that are read by a guess, for people."""
    return f"photos {_IN_WORDS[guess]}: {n_photos:,}, first {printable(first)}"
