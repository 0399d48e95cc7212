"""The engine: Faust's shell around record batches, one Kafka transaction per round, state that follows its commits.

It knows Faust, Kafka and how a step is called; it knows nothing of leads. `build(agents, config)` gives a Faust app.
"""
