"""The agents' steps: resolve (raw event to touchpoint), qualify (touchpoint to routed lead), learn (label to model)."""
