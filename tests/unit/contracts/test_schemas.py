from __future__ import annotations

import json

import pytest

from stream.contracts.schemas import DIALECT, schemas
from stream.contracts.topics import Topics
from stream.contracts.wire import Order

SCHEMAS = schemas()


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("topic", SCHEMAS)
def test_each_stands_alone(topic):
    schema = json.loads(json.dumps(SCHEMAS[topic]))
    assert schema["$schema"] == DIALECT
    assert schema["title"] == topic
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]
    assert all(kind.get("description") for kind in schema["$defs"].values())


def test_every_topic_that_has_a_form_has_a_schema():
    """A calibration's form belongs to scoring."""
    names = {spec.name for spec in Topics().specs(1)}
    assert set(SCHEMAS) == names - {"calibrations"}


def test_the_schema_of_orders_has_what_is_read():
    properties = SCHEMAS["orders"]["$defs"]["Order"]["properties"]
    assert set(properties) == set(Order.__struct_fields__)
    assert SCHEMAS["orders"]["$defs"]["Order"]["required"] == [
        *("event_id", "type", "customer_id", "order_id", "occurred_at"),
    ]


def test_extra_fields_are_welcome():
    assert "additionalProperties" not in SCHEMAS["orders"]["$defs"]["Order"]


def test_the_schema_of_interactions_has_the_form_of_dimensions():
    properties = SCHEMAS["interactions"]["$defs"]["Interaction"]["properties"]
    assert properties["dimensions"]["anyOf"][0]["type"] == "object"
