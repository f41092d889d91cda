"""What the rolling tables count: measures, what each is split by, and the tables that people ask for, as data.

`stream.state.tables` counts what stands here, `stream.tables` reads it back; the page ``docs/reference/tables.md`` is
made from it, and a test holds the three together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

TOTAL: Final = "total"
#: What a measure may be split by, and what that is of the event counted. Names of one of them are bounded, see
#: `stream.state.known_names`.
SCOPES: Final[dict[str, str]] = {
    TOTAL: "everything",
    "tier": "tier said of the customer before the event",
    "segment": "segment said of the customer before the event; customers without one are in the total only",
    "channel": "channel that the event names; events without one are in the total only",
    "region": "region of the customer's profile before the event; customers without one are in the total only",
    "category": "category of the order's items; an order of two counts in both, revenue is what the items cost",
}
ORDER_SCOPES: Final = (TOTAL, "tier", "segment", "channel", "region", "category")
EVENT_SCOPES: Final = (TOTAL, "tier", "segment", "channel", "region")
SAID_SCOPES: Final = (TOTAL, "tier", "segment")

#: What a name beyond the limit of its scope counts as.
OTHER: Final = "other"
#: Why something is asked for: what the codes of reasons are counted among.
REASON_KINDS: Final = ("warned", "churned", "won_back")
#: Whether an action was taken, or was held back to see what happens without it.
GROUPS: Final = ("treated", "held_out")
#: Steps of the funnel before the order, by type of interaction.
FUNNEL: Final[dict[str, str]] = {
    "product.viewed": "viewed",
    "cart.updated": "carts",
    "checkout.started": "checkouts",
}
#: Stages whose entering is a measure of its own.
LOST: Final = "churned"
WON_BACK: Final = "won_back"
#: Between a theme and its category, which are one name; no name holds it, because names are printable.
PAIR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the tables, a sum of whole numbers.

    Attributes
    ----------
    unit
        ``count``, ``money`` (minor units of the base currency), ``seconds``, ``points``, ``tenths`` (of a point).
    counted
        What is added, and when.
    scopes
        What it is split by, of `SCOPES`; none for a measure that has `keys`.
    keys
        What else it is split by.
    """

    name: str
    unit: str
    counted: str
    scopes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


MEASURES: Final = (
    Measure("orders", "count", "completed orders not heard of before", ORDER_SCOPES),
    Measure("revenue", "money", "their amounts, before any refund", ORDER_SCOPES),
    Measure("refunds", "count", "refunds and cancellations", EVENT_SCOPES),
    Measure("refunded", "money", "what they took off orders known by then", EVENT_SCOPES),
    Measure("customers_new", "count", "first orders of customers", (TOTAL, "channel", "region")),
    Measure("customers_lost", "count", "customers who became `churned`", SAID_SCOPES),
    Measure("customers_won_back", "count", "customers who became `won_back`", SAID_SCOPES),
    Measure("tier_moves", "count", "changes of the said tier", keys=("from", "to")),
    Measure("lifecycle_moves", "count", "changes of the said stage of life", keys=("from", "to")),
    Measure("nps_promoters", "count", "answers of 9 and 10 to `feedback.nps`", EVENT_SCOPES),
    Measure("nps_passives", "count", "answers of 7 and 8", EVENT_SCOPES),
    Measure("nps_detractors", "count", "answers of 0 to 6", EVENT_SCOPES),
    Measure("csat_answers", "count", "answers to `feedback.csat`", EVENT_SCOPES),
    Measure("csat_satisfied", "count", "answers of 4 and 5 among them", EVENT_SCOPES),
    Measure("csat_sum", "points", "the answers, 1 to 5, added up", EVENT_SCOPES),
    Measure("csi_answers", "count", "answers to `feedback.csi` that come to a weighted mean", EVENT_SCOPES),
    Measure("csi_sum", "tenths", "those indices, 0 to 100, added up", EVENT_SCOPES),
    Measure("acsi_answers", "count", "answers to `feedback.csi` with the three items of the ACSI", EVENT_SCOPES),
    Measure("acsi_sum", "tenths", "those indices, 0 to 100, added up", EVENT_SCOPES),
    Measure("complaints", "count", "complaints opened", EVENT_SCOPES),
    Measure("resolved", "count", "complaints that were open and are closed by a `complaint.resolved`", EVENT_SCOPES),
    Measure("resolve_seconds", "seconds", "from the opening to that event, whole seconds", EVENT_SCOPES),
    Measure("viewed", "count", "`product.viewed`", EVENT_SCOPES),
    Measure("carts", "count", "`cart.updated`", EVENT_SCOPES),
    Measure("checkouts", "count", "`checkout.started`", EVENT_SCOPES),
    Measure("carts_abandoned", "count", "carts left behind, at the moment they are taken for it", SAID_SCOPES),
    Measure("reasons", "count", "reasons given with warnings, losses and returns", keys=("kind", "code")),
    Measure("came_back", "count", "actions after which the customer ordered in time", keys=("action", "group")),
    Measure("stayed_away", "count", "actions after which they did not", keys=("action", "group")),
    Measure(
        "mentions",
        "count",
        "themes of complaints, questions, reviews and low answers",
        keys=("theme", "category", "tier"),
    ),
)
BY_NAME: Final = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class Table:
    """What one question is answered by.

    Attributes
    ----------
    name, about
        What it is asked by, and what it tells.
    measures
        Sums it shows.
    rates
        What is worked out of them: name to how.
    counts
        Numbers of customers beside the measures, which stages of life say: name to who. They are in total only, and so
        is a table that has some.
    """

    name: str
    about: str
    measures: tuple[str, ...]
    rates: dict[str, str]
    counts: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its measures, which all have the same; none where these are split by scopes."""
        return BY_NAME[self.measures[0]].keys

    @property
    def by(self) -> tuple[str, ...]:
        """What its rows may stand for: its keys, or the scopes of any of its measures."""
        if self.counts:
            return (TOTAL,)
        scopes = [scope for name in self.measures for scope in BY_NAME[name].scopes]
        return self.keys or tuple(scope for scope in SCOPES if scope in scopes)


TABLES: Final = (
    Table(
        "sales",
        "What was sold and given back.",
        ("orders", "revenue", "refunds", "refunded"),
        {"average_order": "revenue / orders", "refunded_share": "refunded / revenue"},
    ),
    Table(
        "customers",
        "Who came, went and came back.",
        ("customers_new", "customers_lost", "customers_won_back"),
        {},
    ),
    Table(
        "churn",
        "How many of those who could be lost were, and of those who could be won back.",
        ("customers_lost",),
        {"churn_rate": "customers_lost / at_risk", "win_back_rate": "returned / gone"},
        {
            "at_risk": "had ordered and were not `churned` when the window began",
            "gone": "were `churned` when it began",
            "returned": "became `won_back` from `churned` in it",
        },
    ),
    Table("tiers", "Moves between tiers.", ("tier_moves",), {}),
    Table("lifecycle", "Moves between stages of life.", ("lifecycle_moves",), {}),
    Table(
        "satisfaction",
        "Answers of customers.",
        (
            *("nps_promoters", "nps_passives", "nps_detractors"),
            *("csat_answers", "csat_satisfied", "csat_sum"),
            *("csi_answers", "csi_sum", "acsi_answers", "acsi_sum"),
        ),
        {
            "nps": "100 * (nps_promoters - nps_detractors) / all three",
            "csat": "100 * csat_satisfied / csat_answers",
            "csat_mean": "csat_sum / csat_answers",
            "csi": "csi_sum / csi_answers",
            "acsi": "acsi_sum / acsi_answers",
        },
    ),
    Table(
        "complaints",
        "Complaints, and how long they took.",
        ("complaints", "resolved", "resolve_seconds"),
        {"mean_resolve_seconds": "resolve_seconds / resolved"},
    ),
    Table(
        "funnel",
        "From the first look to the order.",
        ("viewed", "carts", "checkouts", "orders", "carts_abandoned"),
        {
            "cart_rate": "from viewed to cart; a step counts as reached by whoever reached a later one",
            "checkout_rate": "from cart to checkout",
            "order_rate": "from checkout to order",
            "conversion": "from viewed to order",
        },
    ),
    Table(
        "reasons",
        "Why customers were warned about, lost and won back.",
        ("reasons",),
        {"share": "of all reasons of its kind"},
    ),
    Table(
        "outcomes",
        "What came of actions.",
        ("came_back", "stayed_away"),
        {"came_back_rate": "came_back / (came_back + stayed_away)"},
    ),
    Table(
        "themes",
        "What customers talk about, and what they talk about more than before.",
        ("mentions",),
        {"rise": "whole hours or days of the window against the four stretches of as many before them"},
    ),
)
TABLE_NAMES: Final = tuple(table.name for table in TABLES)
