"""The rules: each module holds one promise, as a function from a history to the places where it was broken."""
