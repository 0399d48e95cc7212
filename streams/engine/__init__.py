"""The engine: Faust's shell around record batches, one Kafka transaction per round, state that moves only when it commits.

It knows Faust, Kafka and how a step is called; it knows nothing of leads. `build(agents, config)` gives a Faust app.
"""
