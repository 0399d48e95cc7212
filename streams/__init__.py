"""The pipeline: `domain` decides, `agents` are its steps, `engine` runs them exactly once, `app` puts it together."""
