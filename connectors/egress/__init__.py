"""The one way out: whatever this process asks of the world over HTTP goes through here, deliveries and reads alike."""
