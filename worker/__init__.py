"""The working process: a supervisor and its warm horses."""
