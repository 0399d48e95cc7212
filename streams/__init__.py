"""The pipeline: `domain` decides (pure), `agents` are its steps, `engine` runs them exactly once, `app` puts it together."""
