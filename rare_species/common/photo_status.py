"""Whether an image is kept, why not, and how it was interpreted. Workers import this module, so it needs no pandas."""

from __future__ import annotations

from enum import StrEnum

from rare_species.common.terminal import printable


class PhotoStatus(StrEnum):
    """Whether later stages use the image."""

    KEPT = "kept"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why an image was rejected: the first reason that applies; images of a wrong size are not decoded."""

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
    """How an image is interpreted when its file can't mean what it says."""

    STRETCHED = "stretched"  # more than 8 bits, of which it uses a small range: that range becomes black to white
    OPAQUE = "opaque"  # its alpha would hide the whole picture, and is ignored


_IN_WORDS = {
    Guess.STRETCHED: "that fill little of the range of their numbers, stretched from black to white",
    Guess.OPAQUE: "hidden by their own alpha, which is ignored",
}


def describe_guess(guess: Guess, n_photos: int, first: str) -> str:
    """Return a log line about photos that were interpreted in this way."""
    return f"photos {_IN_WORDS[guess]}: {n_photos:,}, first {printable(first)}"
