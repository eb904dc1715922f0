"""The contract of a storage, clause by clause."""
