"""The doors: the collector takes events in, the relay hands routed leads out, one file for each neighbour."""
