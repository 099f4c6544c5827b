"""The JSON shapes of the API; the OpenAPI document is made from these models."""
