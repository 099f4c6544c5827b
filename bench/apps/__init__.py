"""One endpoint for each peer that takes a job over HTTP: what people write by hand, and ours."""
