"""The lead classifier: an online logistic learner that speaks River's API, and what is read of it to score."""
