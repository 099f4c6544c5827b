"""The catalogue."""

from flask.testing import FlaskClient


def test_the_catalogue_has_the_schema_of_each_task(api: FlaskClient) -> None:
    listed = api.get("/api/v1/tasks").get_json()["tasks"]
    shown = api.get("/api/v1/tasks/web_tests.add").get_json()
    assert shown in listed
    assert (shown["description"], shown["queue"], shown["retries"]) == ("Add two numbers.", "default", 3)
    assert shown["arguments"]["required"] == ["a"]
    assert shown["arguments"]["additionalProperties"] is False


def test_a_known_catalogue_is_304(api: FlaskClient) -> None:
    etag = api.get("/api/v1/tasks").headers["ETag"]
    assert api.get("/api/v1/tasks", headers={"If-None-Match": etag}).status_code == 304
