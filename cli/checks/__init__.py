"""What `check` looks at: each module gives findings on one matter."""
