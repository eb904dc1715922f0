"""The pages that repeat what the code says, each made by a module of its own."""
