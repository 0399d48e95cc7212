"""The contracts: records, their Avro schemas, the topics they travel on, the codec and the keys."""
