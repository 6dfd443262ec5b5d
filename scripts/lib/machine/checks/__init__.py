"""The conditions that scripts/doctor looks at, one subject a file. Each has `conditions(machine)`."""
