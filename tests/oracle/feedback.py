"""What feedback is about, and what answers on satisfaction come to; once more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.oracle.reading import Event

if TYPE_CHECKING:
    from stream.scoring.policy import Policy

TELLING = {"complaint.opened", "consultation.opened", "review.posted"}
ACSI = {"overall", "expectations", "ideal"}
TAGS_KEPT = 8
TAG_LENGTH = 64


class Feedback:
    """The rows of the policy on themes and on satisfaction."""

    def __init__(self, policy: Policy) -> None:
        self.keywords = policy.themes.keywords
        self.low = {f"feedback.{answer}": highest for answer, highest in policy.themes.low}
        self.weights = dict(policy.satisfaction.weights)

    def themes(self, event: Event) -> list[str]:
        """Its tags, or else themes that the text has a keyword of; none of an answer that is not low."""
        if event.type not in TELLING:
            answer = self.indices(event)["csi"] if event.type == "feedback.csi" else event.score
            if event.type not in self.low or answer > self.low[event.type]:
                return []
        tags = [" ".join(tag.casefold().split())[:TAG_LENGTH].rstrip() for tag in event.tags]
        text = event.text.casefold()
        found = [tag for tag in tags if tag] or [
            theme for theme, words in self.keywords if any(_holds(text, word.strip().casefold()) for word in words)
        ]
        return list(dict.fromkeys(found))[:TAGS_KEPT]

    def indices(self, event: Event) -> dict[str, float]:
        """The indices, 0 to 100, of an answer with dimensions, or of one that is an index."""
        scores = event.dimensions
        if not scores:
            return {"csi": float(event.score)}
        weighed = [(self.weights.get(name, 1.0), score) for name, score in sorted(scores.items())]
        found = {"csi": 10 * sum(weight * score for weight, score in weighed) / sum(weight for weight, _ in weighed)}
        if scores.keys() >= ACSI:
            found["acsi"] = (scores["overall"] + scores["expectations"] + scores["ideal"] - 3) / 27 * 100
        return found


def _holds(text: str, word: str) -> bool:
    """Whether a text has a keyword; one of a script with spaces begins where a word does."""
    places = (found.start() for found in re.finditer(f"(?={re.escape(word)})", text))
    if not (word[0].isascii() and word[0].isalnum()):
        return any(True for _ in places)
    return any(place == 0 or not (text[place - 1].isalnum() or text[place - 1] == "_") for place in places)
