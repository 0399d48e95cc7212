"""Traffic to try Leadstream with: made up from a seed or replayed from a file, sent as real senders would, counted.

`generator` and `files` make `sends`; `senders` plays them to the collector and keeps a `ledger`; `watch` reads what
came of them onto a `board`; `conservation` holds one against the other; `live` and `summary` show it; `show` runs it.
"""
