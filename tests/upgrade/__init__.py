"""Data of an earlier release under the code of this one, and both releases at work side by side."""
