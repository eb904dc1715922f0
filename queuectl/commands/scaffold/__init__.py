"""The project of a new plugin: what it is called, the templates that make it, and how it is written."""
