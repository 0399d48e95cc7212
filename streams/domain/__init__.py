"""The business, pure: standard library and records only (River in `scoring`). Time comes in as a value."""
