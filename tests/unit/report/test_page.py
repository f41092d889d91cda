"""The page is one well-formed document with every picture, asks for nothing from outside, and escapes what it shows."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from stream.report.figures import Day
from stream.report.page import page
from stream.report.seen import Bought
from stream.scoring.churn_samples import Said
from stream.scoring.churn_validation import validate
from stream.scoring.units import DAY
from tests.unit.report.test_figures import figures, seen
from tests.unit.state_kit import NOW

PICTURES = ["revenue", "segments", "rf-grid", "flows", "pareto", "retention", "alive", "reliability"]
VOID = {"meta", "link", "br", "img", "hr", "input"}
BAD_ID = "<script>alert(1)</script>"
BAD_NAME = 'a$b$"><b>&'


class Checked(HTMLParser):
    """Sees that every element is closed where it was opened, and collects ids and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.addresses, self.tags = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.note(attributes)

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def note(self, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in {"src", "href", "xlink:href", "action", "data"}:
                self.addresses.append(value)


def made():
    found = figures()
    for number in range(60):
        times = tuple(NOW - day * DAY for day in range(200 - number, 0, -20 - number))
        row = seen(
            number,
            customer_id=BAD_ID if number == 58 else f"c{number}",
            segment=("champions", "loyal", BAD_NAME)[number % 3],
            level=("medium", "none")[number % 2],
            r=1 + number % 5,
            f=1 + number // 12,
            monetary=100 * number,
            bought=Bought(times[0], 0, 0, times),
        )
        found.add(row, NOW)
    found.as_of = NOW
    found.table_days = 90
    found.moves.update({("none", "low"): 9, ("low", "high"): 4, ("high", "low"): 1})
    found.daily = [Day(f"2025-01-{day:02d}", day, 1_000 * day) for day in range(1, 29)]
    found.validation = validate([Said(190, -1.0, False, 10, 30), Said(190, 1.5, True, 40, 9)])
    return page(found, currency="EUR", exponent=2, calibration=3, months=12)


@pytest.fixture(scope="module")
def document():
    return made()


@pytest.fixture(scope="module")
def empty():
    return page(figures(), currency="JPY", exponent=0, calibration=1, months=12)


def drawings(document):
    return dict(re.findall(r'<figure id="([a-z-]+)">.*?(<svg .*?</svg>)', document, re.DOTALL))


def test_every_picture_is_there_and_well_formed(document):
    found = drawings(document)
    assert list(found) == PICTURES
    for drawing in found.values():
        strokes = ET.fromstring(drawing).findall(".//{http://www.w3.org/2000/svg}path")  # noqa: S314 - it is ours
        assert len(strokes) > 3


@pytest.mark.parametrize("which", ["document", "empty"])
def test_the_document_is_well_formed_and_its_ids_are_unique(which, request):
    checked = Checked(request.getfixturevalue(which))
    assert len(set(checked.ids)) == len(checked.ids)
    assert set(PICTURES) <= set(checked.ids)


def test_nothing_is_asked_from_outside(document):
    checked = Checked(document)
    assert all(address.startswith("#") for address in checked.addresses)
    assert not {"script", "link", "img", "iframe", "image"} & set(checked.tags)
    names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", document)
    assert not re.search(r"https?:|//|@import|url\((?!#)", names)


def test_every_picture_says_what_it_shows(document):
    said = re.findall(r'<div role="img" aria-label="([^"]*)"', document)
    assert len(said) == len(PICTURES)
    assert all(re.search(r"\d", one) for one in said)


def test_what_customers_and_policies_are_called_is_text_and_nothing_else(document):
    assert BAD_ID not in document
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document
    assert BAD_NAME not in document
    # In the picture too, and as a name rather than a formula.
    assert "a$b$" in drawings(document)["segments"]


def test_pictures_take_their_ink_from_the_page(document):
    inked = [name for name, drawing in drawings(document).items() if "currentColor" in drawing]
    # The treemap has none: it writes on its own areas.
    assert inked == [name for name in PICTURES if name != "segments"]
    assert "#010203" not in document


def test_without_customers_each_picture_says_why_it_is_not_there(empty):
    assert not drawings(empty)
    assert empty.count('<p class="nothing">') == len(PICTURES) + 1
    assert "Nobody has ordered yet." in empty


def test_the_same_figures_give_the_same_page(document):
    assert made() == document


def test_money_is_shown_in_the_currency_with_its_decimals(document, empty):
    assert "amounts in EUR, calibration 3" in document
    assert "58.00" in document
    assert "177,000" not in document
    assert "<b>0</b>" in empty
